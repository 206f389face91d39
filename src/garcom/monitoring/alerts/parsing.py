"""Reads a rule. What is wrong is told with the word that is, what was expected there, and an example."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, NoReturn, cast

from garcom.errors import Fault, InputError
from garcom.moments import parse_duration
from garcom.monitoring.alerts.rule import (
    EVERY_MODEL,
    LONGEST_SPAN,
    SEVERITIES,
    SHORTEST_SPAN,
    STAGES,
    Comparison,
    Rule,
    span,
)
from garcom.monitoring.alerts.subjects import KINDS, Subject
from garcom.suggestions import near

LENGTH_LIMIT = 500
#: More windows than this would be waited for longer than anybody remembers the rule.
MAX_WINDOWS = 100
MAX_ROWS = 10**12
MAX_VERSION = 999_999_999

EXAMPLES = (
    "wine.accuracy < 0.80 over 24h with >= 500 actuals for 2 windows",
    "wine.drift > 0.3 over 7d with >= 1000 rows critical",
    "wine.missing.pH > 5% over 1h [region=SP] resolve at 3%",
)

_QUOTED = r'"(?:[^"\\\n]|\\.)*"'
_TOKENS = re.compile(
    rf"""\s*(?:
      (?P<segment>\[(?:{_QUOTED}|[^\[\]"\n]*)\])
    | (?P<comparison><=|>=|==|!=|=|<|>|≤|≥)
    | (?P<word>(?:{_QUOTED}|[^\s"<>=≤≥!\[\]])+)
    | (?P<other>\S)
    )""",
    re.VERBOSE,
)
_PIECE = re.compile(rf'{_QUOTED}|[^."]+|\.|"')
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?%?")
_MODEL = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
_COMPARISONS: dict[str, Comparison] = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "≤": "<=", "≥": ">="}
_CLAUSES = ("over", "with", "for", "version", "stage", "resolve")


class _Token(NamedTuple):
    kind: str
    text: str
    start: int


def parse_rule(text: str) -> Rule:
    """The rule that a line says. Raises InputError that points at the word that is wrong."""
    if len(text) > LENGTH_LIMIT:
        raise InputError(f"Expected a rule of at most {LENGTH_LIMIT} characters, got {len(text):,}.")
    if not text.isprintable():
        raise InputError("Expected a rule in one line of printable characters, got some that are not.")
    return _Reader(text).rule()


class _Reader:
    """One line, word after word."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [
            _Token(str(found.lastgroup), found[str(found.lastgroup)], found.start(str(found.lastgroup)))
            for found in _TOKENS.finditer(text)
        ]
        self._at = 0
        self._found: dict[str, Any] = {}

    def rule(self) -> Rule:
        path = self._take("word", "what to watch, such as wine.accuracy")
        model, subject = self._subject(path)
        self._segment()
        comparison = self._comparison(f"a comparison (<, <=, > or >=) after {path.text}")
        threshold = self._number("a number to compare with")
        low, high = subject.bounds
        if not low <= threshold <= high:
            which = f"{low:g} to {high:g} (80 % is 0.8 or 80%)" if high == 1 else f"{low:g} or more"
            token = self._tokens[self._at - 1]
            self._refuse(token, f"a threshold that {subject.name} can come to: {which}", token.text)
        while self._at < len(self._tokens):
            self._clause()
        rule = Rule(model=model, subject=subject, comparison=comparison, threshold=threshold, **self._found)
        if rule.resolve_at is not None and rule.is_breached_by(rule.resolve_at):
            self._refuse(
                self._found_at("resolve"),
                f"a level to resolve at where {path.text} {comparison} {threshold:g} no longer holds",
                f"{rule.resolve_at:g}",
            )
        return rule

    def _subject(self, path: _Token) -> tuple[str, Subject]:
        """The leftmost known subject ends the model's name; a model whose name holds one is put in quotation marks."""
        parts = self._parts(path)
        for position in range(1, len(parts)):
            name, quoted = parts[position]
            if quoted or name not in KINDS:
                continue
            column = ".".join(each for each, _ in parts[position + 1 :]) or None
            wants = KINDS[name].column
            if (column is None and wants == "must") or (column is not None and wants == "none"):
                continue
            model = ".".join(each for each, _ in parts[:position])
            if model != EVERY_MODEL and not _MODEL.fullmatch(model):
                self._refuse(path, "the name of a model, or * for every model, before the first dot", repr(model))
            return model, Subject(name, column)
        raise self._unknown_subject(path, parts)

    def _parts(self, path: _Token) -> list[tuple[str, bool]]:
        """What stands between the dots, and whether it was in quotation marks."""
        parts, is_quoted = [""], [False]
        for piece in _PIECE.findall(path.text):
            if piece == ".":
                parts.append("")
                is_quoted.append(False)
            elif piece.startswith('"'):
                parts[-1] += self._unquoted(path, piece)
                is_quoted[-1] = True
            else:
                parts[-1] += piece
        return list(zip(parts, is_quoted, strict=True))

    def _unknown_subject(self, path: _Token, parts: list[tuple[str, bool]]) -> InputError:
        if len(parts) == 1:
            hint = f" Put the model before it: wine.{parts[0][0]}." if parts[0][0] in KINDS else ""
            return self._refusal(path, "a model and what to watch of it, such as wine.accuracy", path.text, hint)
        name, rest = parts[1][0], parts[2:]
        if name in KINDS and not rest:
            return self._refusal(path, f"a column after {name}, such as {name}.pH", path.text)
        if name in KINDS:
            return self._refusal(path, f"nothing after {name}, which is of no single column", path.text)
        known = near(name, KINDS) or " docs/reference/alerts.md lists all of it: accuracy, mae, drift, missing, rows …"
        return self._refusal(path, "something that can be watched after the model's name", repr(name), known)

    def _clause(self) -> None:
        token = self._tokens[self._at]
        if token.kind == "segment":
            self._segment()
            return
        if token.kind != "word" or token.text not in (*_CLAUSES, *SEVERITIES):
            words = (*_CLAUSES, *SEVERITIES)
            hint = near(token.text, words) if token.kind == "word" else ""
            self._refuse(token, f"{', '.join(_CLAUSES)}, [field=value], {', '.join(SEVERITIES)} or the end", None, hint)
        self._at += 1
        match token.text:
            case "over":
                self._put(token, "span", self._span())
            case "with":
                self._least(token)
            case "for":
                self._put(token, "windows", self._whole("how many windows in a row", 1, MAX_WINDOWS))
                self._word(("windows", "window"), "windows")
            case "version":
                self._put(token, "version", self._whole("the number of a version", 1, MAX_VERSION))
            case "stage":
                self._put(token, "stage", self._word(STAGES, f"one of {', '.join(STAGES)}"))
            case "resolve":
                self._word(("at",), "at")
                self._put(token, "resolve_at", self._number("the level at which the alert ends"))
            case severity:
                self._put(token, "severity", severity)

    def _segment(self) -> None:
        if self._at >= len(self._tokens) or self._tokens[self._at].kind != "segment":
            return
        token = self._tokens[self._at]
        self._at += 1
        inner = token.text[1:-1].strip()
        said = self._unquoted(token, inner) if inner.startswith('"') else inner
        field, equals, _ = said.partition("=")
        if not (field and equals):
            self._refuse(token, "a segment such as [region=SP]", token.text)
        self._put(token, "segment", said)

    def _least(self, token: _Token) -> None:
        sign = self._comparison("how many there must be: with >= 500 actuals")
        if sign != ">=":
            self._refuse(self._tokens[self._at - 1], ">= in a clause with", sign)
        self._put(token, "at_least", self._whole("how many there must be", 1, MAX_ROWS))
        said = self._word(("actuals", "actual", "rows", "row"), "actuals or rows")
        self._found["counted"] = "actuals" if said.startswith("actual") else "rows"

    def _span(self) -> Any:
        token = self._take("word", "a length of time such as 24h or 7d")
        try:
            length = parse_duration(token.text)
        except InputError:
            self._refuse(token, "a length of time such as 30m, 24h or 7d", token.text)
        if not SHORTEST_SPAN <= length <= LONGEST_SPAN or length.microseconds:
            self._refuse(token, f"whole seconds from {span(SHORTEST_SPAN)} to {span(LONGEST_SPAN)}", token.text)
        return length

    def _comparison(self, expected: str) -> Comparison:
        token = self._take("comparison", expected)
        if token.text not in _COMPARISONS:
            self._refuse(token, "<, <=, > or >=", token.text)
        return _COMPARISONS[token.text]

    def _number(self, expected: str) -> float:
        token = self._take("word", expected)
        if not _NUMBER.fullmatch(token.text):
            self._refuse(token, f"{expected}, such as 0.8 or 80%", token.text)
        value = float(token.text.rstrip("%"))
        value = value / 100 if token.text.endswith("%") else value
        if not math.isfinite(value):
            self._refuse(token, f"{expected} that is finite", token.text)
        return value + 0.0  # no minus before a zero

    def _whole(self, expected: str, lowest: int, highest: int) -> int:
        token = self._take("word", expected)
        digits = token.text.replace(",", "").replace("_", "")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 16 and lowest <= int(digits) <= highest):
            self._refuse(token, f"{expected}, a whole number from {lowest} to {highest:,}", token.text)
        return int(digits)

    def _word(self, known: Collection[str], expected: str) -> str:
        token = self._take("word", expected)
        if token.text not in known:
            self._refuse(token, expected, token.text, near(token.text, known))
        return token.text

    def _take(self, kind: str, expected: str) -> _Token:
        if self._at >= len(self._tokens):
            self._refuse(None, expected, None)
        token = self._tokens[self._at]
        if token.kind != kind:
            self._refuse(token, expected, token.text)
        self._at += 1
        return token

    def _put(self, token: _Token, name: str, value: Any) -> None:
        if name in self._found:
            self._refuse(token, f"{token.text} once", "it twice")
        self._found[name] = value

    def _found_at(self, word: str) -> _Token | None:
        return next((token for token in self._tokens if token.text == word), None)

    def _unquoted(self, token: _Token, quoted: str) -> str:
        try:
            said = cast(Callable[[str], object], json.loads)(quoted)
        except ValueError:
            said = None
        if not isinstance(said, str) or any(not c.isprintable() for c in said):
            self._refuse(token, 'text in quotation marks, with \\" for one of its own', quoted)
        return said

    def _refuse(self, token: _Token | None, expected: str, got: str | None, hint: str = "") -> NoReturn:
        raise self._refusal(token, expected, got, hint)

    def _refusal(self, token: _Token | None, expected: str, got: str | None, hint: str = "") -> InputError:
        """What says where the line is wrong; no token stands for its end."""
        start = len(self._text.rstrip()) + 1 if token is None else token.start
        length = 1 if token is None else len(token.text)
        came = "nothing more" if token is None else (token.text if got is None else got)
        fault = Fault(f"character {start + 1}", expected, came[:100], hint.strip())
        lines = [
            f"The rule cannot be read: expected {expected}, got {came[:100]}.{hint}",
            f"  {self._text}",
            f"  {' ' * start}{'^' * length}",
            "Such as:",
            *(f"  {example}" for example in EXAMPLES),
        ]
        return InputError("\n".join(lines), (fault,))
