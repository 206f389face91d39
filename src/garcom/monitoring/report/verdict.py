"""What a report says in a few sentences, before any table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from garcom.monitoring.records import (
    NEW_COLUMNS,
    OTHER_VERSIONS,
    ColumnDrift,
    DriftReport,
    Estimate,
    Figure,
    PerformanceReport,
    QualityReport,
    Report,
)
from garcom.monitoring.report.metrics import headlines, judged
from garcom.monitoring.report.names import named
from garcom.monitoring.report.phrases import PHRASES
from garcom.monitoring.report.reasons import reason
from garcom.monitoring.report.when import When
from garcom.report_page.writing import Writing

State = Literal["fine", "bad", "unknown"]
#: So many columns are named in a sentence.
_NAMED = 3


class Sentence(NamedTuple):
    """One thing to know, and whether it is bad; ``part`` is the part of the report that tells more."""

    part: Literal["drift", "performance", "quality", "alerts"]
    state: State
    text: str


def verdict(report: Report, language: str = "en") -> list[Sentence]:
    """The sentences, in one of the languages of a page; empty only where the report has no part.

    What findings and reasons say themselves stays in English.
    """
    speaker = _Speaker(language)
    sentences: list[Sentence] = []
    if report.drift is not None:
        sentences += speaker.of_drift(report.drift)
    sentences += speaker.of_details(report.details)
    if report.performance is not None:
        sentences += speaker.of_performance(report.performance)
    if report.quality is not None:
        sentences += speaker.of_quality(report.quality)
    firing = [alert.text or alert.rule for alert in report.alerts if alert.state == "firing"]
    if firing:
        said = speaker.counted("alerts", len(firing), names=speaker.listed(firing))
        sentences.append(Sentence("alerts", "bad", said))
    return sentences


def state_of(sentences: Iterable[Sentence]) -> State:
    """That of all sentences together: bad if one is, fine if anything is known to be, else unknown."""
    states = {sentence.state for sentence in sentences}
    return "bad" if "bad" in states else "fine" if "fine" in states else "unknown"


class _Speaker:
    """Says a report's parts in one language."""

    def __init__(self, language: str) -> None:
        self._phrases = PHRASES[language]
        self._writing = Writing(language)
        self._named: Callable[[str], str] = lambda name: named(language, name)
        self._reason: Callable[[str], str] = lambda why: reason(language, why)

    def say(self, phrase: str, **values: object) -> str:
        return self._phrases[phrase].format(**values)

    def counted(self, phrase: str, n: int, **values: object) -> str:
        return self.say(f"{phrase} {'one' if n == 1 else 'some'}", n=self._writing.number(n), **values)

    def listed(self, names: list[str]) -> str:
        """The first few of the names, and how many there are beside them."""
        shown = ", ".join(names[:_NAMED])
        left = len(names) - _NAMED
        return shown if left <= 0 else self.say("and more", names=shown, n=self._writing.number(left))

    def of_drift(self, drift: DriftReport) -> Iterator[Sentence]:
        features = [column for column in drift.columns if column.role == "feature"]
        known = [column for column in features if column.drifted is not None]
        drifted = [column.column for column in known if column.drifted]
        total = self._writing.number(len(features))
        if not known:
            yield Sentence("drift", "unknown", self.say("drift unsaid", why=self._reason(_why_of(drift, features))))
        elif drifted:
            said = self.counted("drift", len(drifted), total=total, names=self.listed(drifted))
            yield Sentence("drift", "bad", said)
        else:
            yield Sentence("drift", "fine", self.say("drift none", total=self._writing.number(len(known))))
        yield from self._since_when(drift, features)
        left = len(features) - len(known)
        if known and left:
            yield Sentence("drift", "unknown", self.say("drift left", n=self._writing.number(left), total=total))
        if any(column.drifted for column in drift.columns if column.role == "prediction"):
            phrase = "drift of answers" if drifted else "drift of answers only"
            yield Sentence("drift", "bad", self.say(phrase))
        together = [self._named(joint.method) for joint in drift.joint if joint.drifted]
        if together:
            yield Sentence("drift", "bad", self.say("joint some", methods=", ".join(together)))

    def _since_when(self, drift: DriftReport, features: list[ColumnDrift]) -> Iterator[Sentence]:
        when = When(drift.parts, self._writing, self._phrases)
        told = [(each, each.over_time.spell) for each in features if each.over_time and each.over_time.spell]
        for column, spell in [each for each in told if each[0].drifted][:_NAMED]:
            values = {
                "when": when.during(spell),
                "most": self._writing.number(spell.most),
                "at": when.at(spell.most_at),
            }
            yield Sentence("drift", "bad", self.say("drift since", column=column.column, **values))
        for_a_time = [f"{column.column} ({when.during(spell)})" for column, spell in told if column.drifted is False]
        if for_a_time:
            yield Sentence("drift", "unknown", self.say("drift for a time", names=self.listed(for_a_time)))

    def of_details(self, details: Mapping[str, Any]) -> Iterator[Sentence]:
        """What is not in the report, and should be known of."""
        for detail, phrase in ((NEW_COLUMNS, "columns new"), (OTHER_VERSIONS, "versions too")):
            names = [str(each) for each in details.get(detail, ())]
            if names:
                yield Sentence("drift", "unknown", self.counted(phrase, len(names), names=self.listed(names)))

    def of_performance(self, performance: PerformanceReport) -> Iterator[Sentence]:
        known = {name: figure for name, figure in performance.metrics.items() if figure.value is not None}
        estimates = {each.metric: each for each in performance.estimates if each.estimated.value is not None}
        if known:
            for name in headlines(known)[:_NAMED]:
                yield self._of_metric(name, known[name], estimates.get(name), performance.baseline.get(name))
        elif estimates:
            for name in headlines(estimates)[:_NAMED]:
                yield self._of_estimate(name, estimates[name].estimated, performance.baseline.get(name))
        else:
            yield Sentence(
                "performance", "unknown", self.say("performance unsaid", why=self._reason(_why_unmeasured(performance)))
            )
        changed = [change for change in performance.changes if change.is_worse]
        if changed:
            methods = ", ".join(self._named(change.method) for change in changed)
            moments = [change.at[-1] for change in changed if change.at]
            if moments:
                said = self.say("change some", methods=methods, at=self._writing.moment(max(moments)))
            else:
                said = self.say("change some somewhen", methods=methods)
            yield Sentence("performance", "bad", said)

    def _of_metric(self, name: str, figure: Figure, estimate: Estimate | None, baseline: float | None) -> Sentence:
        text = self.say("metric", metric=self._named(name), value=self._told(figure))
        if estimate is not None:
            text += self.say("metric estimated", value=self._writing.interval(estimate.estimated.value))
        return self._judged(name, text, figure, baseline)

    def _of_estimate(self, name: str, figure: Figure, baseline: float | None) -> Sentence:
        text = self.say("estimate only", metric=self._named(name), value=self._told(figure))
        return self._judged(name, text, figure, baseline)

    def _judged(self, name: str, text: str, figure: Figure, baseline: float | None) -> Sentence:
        if baseline is not None:
            text += self.say("metric baseline", value=self._writing.interval(baseline))
        judgement = judged(name, figure, baseline)
        text += self.say(f"metric {judgement or 'unjudged'}")
        state: State = "unknown" if judgement is None else "bad" if judgement == "worse" else "fine"
        return Sentence("performance", state, text[0].upper() + text[1:])

    def _told(self, figure: Figure) -> str:
        return self._writing.interval(figure.value, figure.low, figure.high)

    def of_quality(self, quality: QualityReport) -> Iterator[Sentence]:
        yield self._of_findings(quality)
        when = When(quality.parts, self._writing, self._phrases)
        found = {(finding.column, finding.kind) for finding in quality.findings}
        told = [
            (spell, fault, column.column)
            for column in quality.columns
            if column.over_time is not None
            for fault, spell in column.over_time.spells.items()
        ]
        for spell, fault, column in sorted(told, key=lambda each: -each[0].most)[:_NAMED]:
            values = {
                "when": when.during(spell),
                "most": self._writing.percent(spell.most),
                "at": when.at(spell.most_at),
            }
            said = self.say("quality since", kind=self._named(fault), column=column, **values)
            state: State = "bad" if (column, fault) in found else "unknown"
            yield Sentence("quality", state, said[0].upper() + said[1:])

    def _of_findings(self, quality: QualityReport) -> Sentence:
        if quality.findings:
            kinds = Counter(finding.kind for finding in quality.findings)
            told = ", ".join(
                f"{self._named(kind)} ({self._writing.number(n)})" if n > 1 else self._named(kind)
                for kind, n in kinds.items()
            )
            return Sentence("quality", "bad", self.counted("quality", len(quality.findings), kinds=told))
        if quality.why is not None:
            return Sentence("quality", "unknown", self.say("quality unsaid", why=self._reason(_bare(quality.why))))
        return Sentence("quality", "fine", self.say("quality none"))


def _why_of(drift: DriftReport, features: list[ColumnDrift]) -> str:
    return _bare(drift.why or next((each.why for each in features if each.why), None) or "there are no features")


def _why_unmeasured(performance: PerformanceReport) -> str:
    figures = performance.metrics.values()
    return _bare(performance.why or next((each.why for each in figures if each.why), None) or "there are no actuals")


def _bare(why: str) -> str:
    """A reason as part of a sentence that ends with a point of its own."""
    return why.rstrip(". ")
