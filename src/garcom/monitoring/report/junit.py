"""The checks of a report as JUnit XML, which every build server reads."""

from __future__ import annotations

from xml.etree import ElementTree

from garcom.monitoring.records import Report
from garcom.monitoring.report.checks import GROUPS, Check, checks
from garcom.report_page.environment import readable


def junit(report: Report) -> str:
    """One test suite for each group of checks, one test case for each check; a failure says why.

    What could not be said is a skipped case. Characters that XML has no place for are written as U+FFFD.
    """
    found = checks(report)
    whole = ElementTree.Element("testsuites", {"name": readable(report.title), "time": "0", **_counts(found)})
    for group in GROUPS:
        cases = [check for check in found if check.group == group]
        if cases:
            made_at = report.made_at.strftime("%Y-%m-%dT%H:%M:%S")
            told = {"name": group, "timestamp": made_at, "hostname": "localhost", "time": "0", **_counts(cases)}
            suite = ElementTree.SubElement(whole, "testsuite", told)
            for check in cases:
                _add_case(suite, report.title, check)
    ElementTree.indent(whole)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(whole, encoding="unicode") + "\n"


def _counts(cases: list[Check]) -> dict[str, str]:
    outcomes = [case.outcome for case in cases]
    counted = {"tests": len(cases), "failures": outcomes.count("failed"), "errors": 0}
    return {name: str(count) for name, count in {**counted, "skipped": outcomes.count("skipped")}.items()}


def _add_case(suite: ElementTree.Element, title: str, check: Check) -> None:
    text = readable(check.text)
    case = ElementTree.SubElement(
        suite, "testcase", classname=f"{readable(title)}.{check.group}", name=readable(check.name), time="0"
    )
    if check.outcome == "failed":
        failure = ElementTree.SubElement(case, "failure", message=text, type=check.group)
        failure.text = f"{readable(check.name)}: {text}"
    elif check.outcome == "skipped":
        ElementTree.SubElement(case, "skipped", message=text)
