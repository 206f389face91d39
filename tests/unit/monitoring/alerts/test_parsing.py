from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from garcom.errors import InputError
from garcom.monitoring.alerts.parsing import EXAMPLES, parse_rule
from garcom.monitoring.alerts.rule import Comparison, Rule
from garcom.monitoring.alerts.subjects import KINDS, Subject


def test_the_rule_of_the_documentation() -> None:
    rule = parse_rule("wine.accuracy < 0.80 over 24h with ≥ 500 actuals for 2 windows")
    assert rule == Rule(
        model="wine",
        subject=Subject("accuracy"),
        comparison="<",
        threshold=0.8,
        span=timedelta(hours=24),
        at_least=500,
        counted="actuals",
        windows=2,
    )
    assert str(rule) == "wine.accuracy < 0.8 over 24h with >= 500 actuals for 2 windows warning"


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_can_be_read(example: str) -> None:
    assert parse_rule(str(parse_rule(example))) == parse_rule(example)


@pytest.mark.parametrize(
    ("text", "model", "subject", "segment"),
    [
        ("wine.drift > 30%", "wine", Subject("drift"), None),
        ("*.silence>=24", "*", Subject("silence"), None),
        ("wine.v2.mae > 1", "wine.v2", Subject("mae"), None),
        ("wine.mae.price > 1", "wine", Subject("mae", "price"), None),
        ("wine.drift.a.b > 1", "wine", Subject("drift", "a.b"), None),
        ('wine.missing."fixed acidity" > 0.1', "wine", Subject("missing", "fixed acidity"), None),
        ('"wine.drift".rows < 5', "wine.drift", Subject("rows"), None),
        ("wine.rows[region=SP]<5", "wine", Subject("rows"), "region=SP"),
        ("wine.rows < 5 [region=São Paulo]", "wine", Subject("rows"), "region=São Paulo"),
        ('wine.rows ["a]=b\\"c"] < 5', "wine", Subject("rows"), 'a]=b"c'),
    ],
)
def test_what_is_watched(text: str, model: str, subject: Subject, segment: str | None) -> None:
    rule = parse_rule(text)
    assert (rule.model, rule.subject, rule.segment) == (model, subject, segment)
    assert parse_rule(str(rule)) == rule


def test_every_clause_in_any_order() -> None:
    one = parse_rule("wine.f1 < 0.8 critical for 3 windows version 2 resolve at 85% over 7d stage canary with ≥ 9 row")
    assert str(one) == (
        "wine.f1 < 0.8 over 7d with >= 9 rows for 3 windows version 2 stage canary resolve at 0.85 critical"
    )


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("", "", "expected what to watch, such as wine.accuracy, got nothing more"),
        ("wine", "wine", "a model and what to watch of it"),
        ("accuracy < 1", "accuracy", "Put the model before it: wine.accuracy."),
        ("wine.acuracy < 1", "wine.acuracy", "Did you mean 'accuracy'?"),
        ("wine.psi > 1", "wine.psi", "a column after psi"),
        ("wine.rows.x > 1", "wine.rows.x", "nothing after rows"),
        ("Wine.rows > 1", "Wine.rows", "the name of a model"),
        ("wine.accuracy = 1", "=", "expected <, <=, > or >="),
        ("wine.accuracy below 1", "below", "expected a comparison"),
        ("wine.accuracy < high", "high", "such as 0.8 or 80%, got high"),
        ("wine.accuracy < 1e999", "1e999", "that is finite"),
        ("wine.accuracy < 0.8 ovr 24h", "ovr", "Did you mean 'over'?"),
        ("wine.accuracy < 0.8 over", "", "expected a length of time such as 24h or 7d, got nothing more"),
        ("wine.accuracy < 0.8 over soon", "soon", "a length of time"),
        ("wine.accuracy < 0.8 over 5s", "5s", "from 1m to 400d"),
        ("wine.accuracy < 0.8 with 500 actuals", "500", "with >= 500 actuals"),
        ("wine.accuracy < 0.8 with < 500 actuals", "<", "expected >= in a clause with"),
        ("wine.accuracy < 0.8 with >= 500 truths", "truths", "expected actuals or rows"),
        ("wine.accuracy < 0.8 for 0 windows", "0", "a whole number from 1 to 100"),
        ("wine.accuracy < 0.8 stage blue", "blue", "one of stable, canary, shadow, pinned, external"),
        ("wine.accuracy < 0.8 resolve at 0.7", "resolve", "a level to resolve at"),
        ("wine.accuracy < 0.8 info info", "info", "it twice"),
        ("wine.accuracy < 0.8 [region]", "[region]", "a segment such as [region=SP]"),
        ('wine."a > 1', "wine.", "expected"),
    ],
)
def test_errors_point_at_the_word(text: str, word: str, expected: str) -> None:
    with pytest.raises(InputError) as told:
        parse_rule(text)
    first, line, mark, such_as, *examples = str(told.value).splitlines()
    assert expected in first
    assert line == f"  {text}"
    start, length = mark.index("^") - 2, mark.count("^")
    assert text[start : start + length] == word
    assert (such_as, len(examples)) == ("Such as:", len(EXAMPLES))
    assert told.value.faults[0].where == f"character {start + 1}"


def test_what_is_no_line_is_refused() -> None:
    with pytest.raises(InputError, match="one line"):
        parse_rule("wine.rows < 5\nwine.rows < 6")
    with pytest.raises(InputError, match="at most 500 characters"):
        parse_rule("w" * 501)


PRINTABLE = st.characters(exclude_categories=("C", "Z"), include_characters=" ")
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32).map(lambda value: value + 0.0)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    name = draw(st.sampled_from(sorted(KINDS)))
    wants = KINDS[name].column
    column = st.text(PRINTABLE, min_size=1, max_size=8)
    columns: dict[str, st.SearchStrategy[Any]] = {"none": st.none(), "may": st.none() | column, "must": column}
    at_least = draw(st.none() | st.integers(1, 10**9))
    comparison: Comparison = draw(st.sampled_from(get_args(Comparison)))
    subject = Subject(name, draw(columns[wants]))
    low, high = subject.bounds
    threshold, level = min(max(draw(NUMBERS), low), high), draw(st.none() | NUMBERS)
    drawn = Rule(
        model=draw(st.just("*") | st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,12}", fullmatch=True)),
        subject=subject,
        comparison=comparison,
        threshold=threshold,
        span=timedelta(seconds=draw(st.integers(60, 400 * 86_400))),
        at_least=at_least,
        counted=None if at_least is None else draw(st.sampled_from(["rows", "actuals"])),
        windows=draw(st.integers(1, 100)),
        version=draw(st.none() | st.integers(1, 999)),
        stage=draw(st.none() | st.sampled_from(["stable", "canary", "shadow", "pinned", "external"])),
        segment=draw(st.none() | st.tuples(column, column).map("=".join)),
        severity=draw(st.sampled_from(["info", "warning", "critical"])),
    )
    if level is None or drawn.is_breached_by(level) or (drawn.segment or "x").startswith("="):
        return drawn
    return Rule(**{field: getattr(drawn, field) for field in drawn.__struct_fields__} | {"resolve_at": level})


@settings(max_examples=150, deadline=None)
@given(rules())
def test_a_written_rule_is_read_as_the_same_rule(rule: Rule) -> None:
    if (rule.segment or "x=").startswith("="):
        return
    if len(str(rule)) <= 500:
        assert parse_rule(str(rule)) == rule


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60) | st.text('wine.acurydft<>=[]"\\ 0123456789%', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        rule = parse_rule(text)
    except InputError:
        return
    assert parse_rule(str(rule)) == rule
