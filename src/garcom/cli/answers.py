"""Predictions for people (a table), for scripts (JSON) and in files."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from garcom.cli.output import number, plain, table
from garcom.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.client import Prediction

#: The rows that people are shown; files and --json have them all.
_SHOWN_ROWS = 20
#: Past this many classes a table shows the probability of the predicted one only.
_SHOWN_CLASSES = 6
ENDINGS = (".json", ".jsonl", ".csv", ".arrow", ".parquet")


class Answers:
    """What was asked of a model, as it answered: one prediction, a list of them, or an Arrow table."""

    def __init__(self, found: Any) -> None:
        self._found = found

    @property
    def document(self) -> Any:
        """The answers as JSON shows them: an object for one record, a list otherwise."""
        return self._found.to_pylist() if _is_arrow(self._found) else self._found

    def rows(self, limit: int | None = None) -> list[dict[str, Any]]:
        """The answers as flat rows: id, prediction or targets, ``probability_<label>``, score, warnings."""
        if _is_arrow(self._found):
            found: list[dict[str, Any]] = self._found.slice(0, limit).to_pylist()
            return found
        return [_flat(one) for one in self._listed()[:limit]]

    def answered_by(self) -> str:
        """The version that answered: ``wine:2``."""
        if _is_arrow(self._found):
            from garcom.client.tables import answered_by

            model, version = answered_by(self._found)
            return f"{model}:{version}"
        first = self._listed()[0]
        return f"{first.model}:{first.version}"

    def __len__(self) -> int:
        return self._found.num_rows if _is_arrow(self._found) else len(self._listed())

    def tell(self, console: Console) -> None:
        """Print the first rows as a table, and the warnings of these below it."""
        rows = self.rows(_SHOWN_ROWS)
        columns = [name for name in rows[0] if name not in ("id", "warnings")]
        probabilities = [name for name in columns if name.startswith("probability_")]
        if len(probabilities) > _SHOWN_CLASSES:
            columns = [name for name in columns if name not in probabilities] + ["probability"]
        made = table("row", *columns, numbers=("row", *columns[1:]))
        for position, row in enumerate(rows):
            row = row | {"probability": row.get(f"probability_{row.get('prediction')}")}
            made.add_row(str(position), *(_shown(row[name]) for name in columns))
        console.print(f"Answered by {plain(self.answered_by())}", style="bold")
        console.print(made)
        for position, row in enumerate(rows):
            if row.get("warnings"):
                console.print(f"Warning, row {position}: {plain(row['warnings'])}", style="yellow", soft_wrap=True)
        if len(self) > len(rows):
            console.print(f"… and {len(self) - len(rows):,} more rows; --out FILE or --json gives all.")

    def write(self, path: Path) -> None:
        """Write all rows into a file, in the form that its ending names; raises InputError if it cannot be."""
        try:
            match path.suffix.lower():
                case ".json":
                    path.write_bytes(msgspec.json.format(msgspec.json.encode(self.document), indent=2) + b"\n")
                case ".jsonl":
                    path.write_bytes(msgspec.json.Encoder().encode_lines(self._lines()))
                case ".csv":
                    _write_csv(path, self.rows())
                case ending:
                    _write_columns(path, ending, self._table())
        except OSError as error:
            raise InputError(f"Cannot write {path}: {error.strerror or error}.") from error

    def _listed(self) -> list[Prediction]:
        found: list[Prediction] = self._found if isinstance(self._found, list) else [self._found]
        return found

    def _lines(self) -> Iterable[Any]:
        return self.document if isinstance(self.document, list) else [self.document]

    def _table(self) -> Any:
        import pyarrow as pa

        return self._found if _is_arrow(self._found) else pa.Table.from_pylist(self.rows())


def _is_arrow(found: Any) -> bool:
    return hasattr(found, "to_pylist")


def _flat(one: Prediction) -> dict[str, Any]:
    row: dict[str, Any] = {"id": one.id}
    row |= one.prediction if isinstance(one.prediction, dict) else {"prediction": one.prediction}
    row |= {f"probability_{label}": value for label, value in (one.probabilities or {}).items()}
    if one.score is not None:
        row["score"] = one.score
    row["warnings"] = "; ".join(f"{each.field}: {each.message}" for each in one.warnings) or None
    return row


def _shown(value: Any) -> str:
    return number(value) if isinstance(value, float) else plain(value)


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _write_columns(path: Path, ending: str, rows: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if ending == ".parquet":
        pq.write_table(rows, path)
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
            writer.write_table(rows)
