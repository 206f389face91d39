"""Numbers and moments as a language writes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from math import floor, isfinite, log10

from garcom.moments import moment_at

#: The languages of a page, and how each writes 1,234.5.
_SEPARATORS = {"en": (",", "."), "pt": (".", ",")}
LANGUAGES = tuple(_SEPARATORS)
#: What stands where there is no number.
NOTHING = "–"
#: Smaller p-values are not told apart: no test here is so exact in its tail.
_LEAST_P = 0.0001


class Writing:
    """How one of :data:`LANGUAGES` writes; None and NaN are written as :data:`NOTHING` everywhere."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._signs = str.maketrans(",.", "".join(_SEPARATORS[language]))

    def number(self, value: float | None) -> str:
        """A count whole, another number with four digits."""
        if value is None or value != value:
            return NOTHING
        if isinstance(value, int):
            return self.signs(f"{value:,}")
        return self.signs(f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}")

    def value(self, value: float | None, of: str = "value") -> str:
        """A number of a column: a moment (``of``) where it is microseconds since 1970, else as :meth:`number`."""
        moment = moment_at(value) if of == "moment" and value is not None else None
        return self.number(value) if moment is None else self.moment(moment)

    def percent(self, value: float | None) -> str:
        """A share (0 to 1) in percent, with two decimals."""
        return NOTHING if value is None or value != value else self.signs(f"{value:.2%}")

    def duration(self, microseconds: float) -> str:
        """A time in the unit that suits it."""
        for limit, unit in ((1e3, "µs"), (1e6, "ms")):
            if microseconds < limit:
                return f"{self.number(microseconds / (limit / 1e3))} {unit}"
        return f"{self.number(microseconds / 1e6)} s"

    def p_value(self, value: float | None) -> str:
        """A p-value to four decimals, or that it is smaller."""
        if value is None or value != value:
            return NOTHING
        return self.signs(f"< {_LEAST_P:.4f}" if value < _LEAST_P else f"{value:.4f}")

    def interval(self, value: float | None, low: float | None = None, high: float | None = None) -> str:
        """``0.71 (0.68–0.74)``: a number with as many decimals as its interval tells apart; without one, three."""
        if value is None or not isfinite(value):
            return NOTHING
        if low is None or high is None or not (isfinite(low) and isfinite(high)):
            return self.signs(f"{value:,.3f}") if 0.001 <= abs(value) < 1e3 else self.number(float(value))
        decimals = 3 if high <= low else min(max(-floor(log10((high - low) / 2)), 0), 9)
        told, least, most = (f"{each:,.{decimals}f}" for each in (value, low, high))
        return self.signs(f"{told} ({least}–{most})")

    def moment(self, value: datetime | None) -> str:
        """A moment in UTC to the minute."""
        return NOTHING if value is None else value.strftime("%Y-%m-%d %H:%M UTC")

    @property
    def filters(self) -> dict[str, Callable[..., str]]:
        """All of these by name, for templates."""
        names = ("number", "percent", "duration", "p_value", "interval", "moment")
        return {name: getattr(self, name) for name in names}

    def signs(self, text: str) -> str:
        """A number in English writing as the language writes it."""
        return text.translate(self._signs)
