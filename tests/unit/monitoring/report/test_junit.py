from __future__ import annotations

from xml.etree import ElementTree

from garcom.monitoring.report.checks import checks
from garcom.monitoring.report.junit import junit
from tests.unit.monitoring.report.reports import BARE, EMPTY, RICH


def test_every_check_is_a_case_and_the_counts_agree() -> None:
    whole = ElementTree.fromstring(junit(RICH).encode())
    assert [suite.get("name") for suite in whole] == ["drift", "quality", "performance", "alerts"]
    for counted in (whole, *whole):
        cases = list(counted.iter("testcase"))
        assert int(counted.get("tests", "")) == len(cases)
        assert int(counted.get("failures", "")) == sum(case.find("failure") is not None for case in cases)
        assert int(counted.get("skipped", "")) == sum(case.find("skipped") is not None for case in cases)
        assert counted.get("errors") == "0"
    assert len(list(whole.iter("testcase"))) == len(checks(RICH))


def test_a_failure_says_why_and_hostile_names_do_no_harm() -> None:
    whole = ElementTree.fromstring(junit(RICH).encode())
    case = whole.find(".//testcase[@name='pH']")
    assert case is not None
    assert case.get("classname") == "wine:3.drift"
    failure = case.find("failure")
    assert failure is not None
    assert "effect 0.41" in failure.get("message", "")
    assert failure.text is not None
    assert failure.text.startswith("pH: effect 0.41")
    names = [each.get("name") for each in whole.iter("testcase")]
    assert "</title><script>alert(1)</script>&\"'\ufffd{x}" in names


def test_a_report_without_anything_is_still_a_file() -> None:
    whole = ElementTree.fromstring(junit(BARE).encode())
    assert (whole.get("tests"), len(whole)) == ("0", 0)
    skipped = ElementTree.fromstring(junit(EMPTY).encode())
    assert [each.get("message") for each in skipped.iter("skipped")][-1] == "no actuals yet"
