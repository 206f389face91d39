"""When something was so, in words: since a day, on one, or from one to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from garcom.monitoring.records import ColumnDrift, Part, Spell
from garcom.report_page.writing import NOTHING, Writing

_DAY, _LEAST = timedelta(days=1), timedelta(microseconds=1)


class When:
    """Tells the moments of a report's parts: of days and weeks as days (UTC), of hours to the minute."""

    def __init__(self, parts: Sequence[Part], writing: Writing, phrases: Mapping[str, str]) -> None:
        self.is_daily = any(each.until - each.since >= _DAY for each in parts)
        self._writing = writing
        self._phrases = phrases

    def at(self, moment: datetime) -> str:
        """A part by its beginning."""
        return moment.strftime("%Y-%m-%d") if self.is_daily else self._writing.moment(moment)

    def moved(self, column: ColumnDrift) -> str:
        """When a column had drifted, if ever: of one that has not over the whole window, that it was in parts."""
        spell = None if column.over_time is None else column.over_time.spell
        if spell is None:
            return NOTHING
        when = self.during(spell)
        return when if column.drifted else self._phrases["spell in parts"].format(when=when)

    def during(self, spell: Spell) -> str:
        """A run of parts, the last day included."""
        since = self.at(spell.since)
        if spell.until is None:
            return self._phrases["spell since or before" if spell.or_before else "spell since"].format(since=since)
        until = self.at(spell.until - _LEAST if self.is_daily else spell.until)
        if spell.or_before:
            return self._phrases["spell until"].format(until=until)
        return self._phrases["spell on" if since == until else "spell from"].format(since=since, until=until)
