"""Reads a table of rows from a file: CSV, Parquet, Arrow or JSON."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from garcom.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_DELIMITERS = (",", ";", "\t", "|")
_COMMA_NUMBER = re.compile(r"[-+]?\d+,\d+")
_POINT_NUMBER = re.compile(r"[-+]?\d+\.\d+")


def read_table(path: str | Path) -> pd.DataFrame:
    """Read the rows of a file, by its ending.

    ``.csv``, ``.tsv``, ``.txt``: delimiter (comma, semicolon, tab, bar), decimal comma and encoding (UTF-8,
    UTF-16 with its mark, else Windows-1252) are found by looking; columns without a name and without a value, and blank
    rows, are left out. ``.parquet``; ``.arrow`` and ``.feather`` (IPC file or stream); ``.json`` (a list of records,
    ``{"records": […]}``, pandas ``split``, or lists by column); ``.jsonl``. Columns of whole numbers with some
    missing come as ``Int64``, so that they are not taken for decimals.

    Raises :class:`~garcom.errors.DataError` for a file that is absent, unreadable or without rows.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            f"Expected a table ({', '.join(sorted(_READERS))}), got {path.name!r}. Save it as one of these."
        )
    if not path.is_file():
        raise DataError(
            f"Expected a file of rows, but {str(path)!r} {'is a folder' if path.is_dir() else 'does not exist'}."
        )
    if path.stat().st_size == 0:
        raise DataError(f"Expected a file of rows, but {path.name!r} is empty.")
    frame = reader(path)
    _check_names(path, list(frame.columns))
    if len(frame) == 0 or len(frame.columns) == 0:
        raise DataError(f"Expected at least one row and one column in {path.name!r}, got {len(frame)} rows.")
    return frame


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    text = _decode(path)
    delimiter = _delimiter(text)
    # pandas would give the second column of a name another one, and tell nobody.
    _check_names(path, next(iter(_sample(text, delimiter)), []))
    decimal = _decimal(text, delimiter)

    def read(**options: Any) -> pd.DataFrame:
        try:
            frame: pd.DataFrame = pd.read_csv(io.StringIO(text), sep=delimiter, decimal=decimal, **options)
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise DataError(f"{path.name!r} cannot be read as CSV with delimiter {delimiter!r}: {error}") from error
        return frame

    frame = read(low_memory=False)
    suspects = [
        name
        for name, column in frame.items()
        if column.dtype == "float64" and column.isna().any() and bool((column.dropna() % 1 == 0).all())
    ]
    # "7" and "7.0" look alike once read as float64; the text still tells integers with gaps from decimals.
    if suspects:
        exact = read(usecols=suspects, dtype_backend="numpy_nullable")
        for name in suspects:
            if exact[name].dtype == "Int64":
                frame[name] = exact[name]
    return _without_blanks(frame)


def _check_names(path: Path, names: list[Any]) -> None:
    """Refuse a name that two columns have; those without a name are pandas' to tell apart."""
    doubled = next((name for name in names if str(name).strip() and names.count(name) > 1), None)
    if doubled is not None:
        raise DataError(f"Expected each column of {path.name!r} once, got {doubled!r} more than once.")


def _without_blanks(frame: pd.DataFrame) -> pd.DataFrame:
    blank = [name for name, column in frame.items() if str(name).startswith("Unnamed:") and column.isna().all()]
    frame = frame.drop(columns=blank)
    if len(frame.columns) > 1:
        frame = frame.dropna(how="all", ignore_index=True)
    whole = [name for name, column in frame.items() if column.dtype == "Int64" and not column.isna().any()]
    return frame.astype(dict.fromkeys(whole, "int64"))


def _decode(path: Path) -> str:
    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        raise DataError(f"Expected text in {path.name!r}, got bytes of something else. Save it as UTF-8.")
    return text


def _sample(text: str, delimiter: str) -> list[list[str]]:
    return [
        row for row, _ in zip(csv.reader(io.StringIO(text[:200_000]), delimiter=delimiter), range(50), strict=False)
    ]


def _delimiter(text: str) -> str:
    """The delimiter that gives the most columns, the same number in (nearly) every line."""

    def score(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in _sample(text, delimiter) if row]
        if not widths or widths[0] == 1:
            return (0.0, 0)
        return (sum(width == widths[0] for width in widths) / len(widths), widths[0])

    return max(_DELIMITERS, key=score)


def _decimal(text: str, delimiter: str) -> str:
    if delimiter == ",":
        return "."
    cells = [cell.strip() for row in _sample(text, delimiter)[1:] for cell in row]
    commas = sum(_COMMA_NUMBER.fullmatch(cell) is not None for cell in cells)
    points = sum(_POINT_NUMBER.fullmatch(cell) is not None for cell in cells)
    return "," if commas > points else "."


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return _from_arrow(path, pq.read_table(path))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path.name!r} cannot be read as Parquet: {error}") from error


def _read_arrow(path: Path) -> pd.DataFrame:
    import pyarrow as pa

    data = path.read_bytes()
    opener = pa.ipc.open_file if data.startswith(b"ARROW1") else pa.ipc.open_stream
    try:
        with opener(pa.BufferReader(data)) as reader:
            return _from_arrow(path, reader.read_all())
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path.name!r} cannot be read as Arrow IPC: {error}") from error


def _from_arrow(path: Path, table: Any) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    _check_names(path, table.column_names)
    frame: pd.DataFrame = table.to_pandas()
    for column in table.schema:
        values = table.column(column.name)
        if pa.types.is_integer(column.type) and values.null_count and column.name in frame.columns:
            frame[column.name] = pd.array(values.to_pylist(), dtype="Int64")
    return frame


def _read_json(path: Path) -> pd.DataFrame:
    return _from_json(path, _parse(path.name, _decode(path)))


def _read_json_lines(path: Path) -> pd.DataFrame:
    lines = (line for line in _decode(path).splitlines() if line.strip())
    return _from_json(path, [_parse(f"{path.name}, row {number}", line) for number, line in enumerate(lines, 1)])


def _parse(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{where} is not JSON: {error}.") from error


def _from_json(path: Path, document: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(document, dict) and "records" in document:
        document = document["records"]
    if isinstance(document, dict) and "columns" in document and "data" in document:
        frame = pd.DataFrame(document["data"], columns=document["columns"], dtype=object)
    elif isinstance(document, dict) and all(isinstance(values, list) for values in document.values()):
        frame = pd.DataFrame(document, dtype=object)
    elif isinstance(document, list) and all(isinstance(record, dict) for record in document):
        frame = pd.DataFrame.from_records(document).astype(object)
    else:
        raise DataError(
            f"Expected a list of records, {{'records': […]}}, columns and data, or lists by column in {path.name!r}, "
            f"got {type(document).__name__}."
        )
    return frame.apply(_typed)


def _typed(column: pd.Series[Any]) -> pd.Series[Any]:
    """The column with the narrowest type that all its JSON values have."""
    present = [value for value in column if not _is_missing(value)]
    if present and len(present) < len(column) and _all_integers(present):
        return column.where(column.notna(), None).astype("Int64")
    return column.infer_objects()


def _is_missing(value: object) -> bool:
    return value is None or value != value


def _all_integers(values: Iterable[object]) -> bool:
    # from_records has already made floats of integers with gaps, so whole floats count as well.
    return all(isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0 for value in values)


_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".txt": _read_csv,
    ".parquet": _read_parquet,
    ".arrow": _read_arrow,
    ".feather": _read_arrow,
    ".json": _read_json,
    ".jsonl": _read_json_lines,
}
