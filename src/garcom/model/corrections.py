"""Corrections to an inferred signature, written by hand in a small TOML file.

.. code-block:: toml

    [fields."fixed acidity"]
    type = "float"          # float, integer, boolean, string, category, datetime
    unit = "g/L"
    description = "tartaric acid"
    nullable = true
    required = false
    minimum = 3.8
    maximum = 15.9

    [fields.color]
    categories = ["red", "white"]

    [fields.taster]
    pii = "hash"            # keep, drop, mask, hash

    [output]
    labels = { 0 = "bom", 1 = "ruim" }
    unit = "BRL"
    names = ["price"]
    description = "whether the wine is worse than 7 of 10"

    [example]
    "fixed acidity" = 7.0
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from garcom.errors import SignatureError
from garcom.handwritten import NameOf, faults, in_file, listed, read_toml
from garcom.model.signature import Class, Field, FieldType, Output, Pii, Signature
from garcom.suggestions import near

#: What messages call corrections that did not come from a file.
_UNNAMED = in_file(Path("the corrections"))


class FieldCorrection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to replace in one field; what is None stays as inferred."""

    type: FieldType | None = None
    required: bool | None = None
    nullable: bool | None = None
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str | int, ...] | None = None
    unit: str | None = None
    description: str | None = None
    pii: Pii | None = None


class OutputCorrection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to replace in the output; ``labels`` maps each class, as text, to the name shown for it."""

    labels: dict[str, str] | None = None
    names: tuple[str, ...] | None = None
    unit: str | None = None
    description: str | None = None


class Corrections(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole file of corrections; ``example`` replaces single values of the example row."""

    fields: dict[str, FieldCorrection] = {}
    output: OutputCorrection = OutputCorrection()
    example: dict[str, Any] = {}


def read_corrections(path: str | Path) -> Corrections:
    """Read a file of corrections; raises :class:`~garcom.errors.SignatureError` for all that it does not know."""
    path = Path(path)
    return parse_corrections(read_toml(path, "a TOML file of corrections", SignatureError), in_file(path))


def parse_corrections(document: dict[str, Any], name_of: NameOf = _UNNAMED) -> Corrections:
    """The corrections in a parsed document; ``name_of`` gives the names that messages use."""
    wrong = list(faults(document, Corrections, name_of))
    if wrong:
        raise SignatureError(listed("corrections", wrong))
    return msgspec.convert(document, Corrections)


def correct_fields(fields: tuple[Field, ...], corrections: Corrections) -> tuple[Field, ...]:
    """The fields with the corrections applied; raises for a correction of a field that does not exist."""
    names = [field.name for field in fields]
    for name in corrections.fields:
        if name not in names:
            raise SignatureError(
                f"The corrections name a field {name!r}, and the model has none of that name.{near(name, names)} "
                f"Its fields are {names}."
            )
    return tuple(_corrected(field, corrections.fields.get(field.name)) for field in fields)


def _corrected(field: Field, correction: FieldCorrection | None) -> Field:
    if correction is None:
        return field
    changes = {key: value for key, value in msgspec.structs.asdict(correction).items() if value is not None}
    changes.setdefault("type", FieldType.CATEGORY if "categories" in changes else field.type)
    kind: FieldType = changes["type"]
    if "categories" in changes and kind is not FieldType.CATEGORY:
        raise SignatureError(f"Field {field.name!r}: only a category has categories, and its type is {kind.value!r}.")
    if kind is not FieldType.CATEGORY:
        changes["categories"] = ()
    if kind.is_text:
        changes |= {"minimum": None, "maximum": None}
    corrected = msgspec.structs.replace(field, **changes)
    _require_consistent(corrected)
    return corrected


def _require_consistent(field: Field) -> None:
    if field.type is FieldType.CATEGORY and not field.categories:
        raise SignatureError(f"Field {field.name!r}: a category needs its known values. Add categories = […].")
    if len({type(value) for value in field.categories}) > 1:
        raise SignatureError(
            f"Field {field.name!r}: categories have to be all texts or all whole numbers, got {list(field.categories)}."
        )
    low, high = field.minimum, field.maximum
    if low is not None and high is not None and low > high:
        raise SignatureError(f"Field {field.name!r}: the minimum {low} is greater than the maximum {high}.")


def correct_output(output: Output, correction: OutputCorrection, labels: dict[str, str] | None) -> Output:
    """The output with the corrections applied; ``labels`` (from the command line) go before the file's."""
    shown = labels or correction.labels
    if shown:
        output = msgspec.structs.replace(output, labels=labels_of(output.classes, shown))
    if correction.names is not None:
        if len(correction.names) != len(output.names):
            raise SignatureError(
                f"Expected {len(output.names)} output names, one per regression target, got {list(correction.names)}."
            )
        output = msgspec.structs.replace(output, names=correction.names)
    return msgspec.structs.replace(
        output,
        unit=output.unit if correction.unit is None else correction.unit,
        description=output.description if correction.description is None else correction.description,
    )


def labels_of(classes: tuple[Class, ...], labels: dict[str, str]) -> tuple[str, ...]:
    """The labels in the order of the classes; every class needs one, and every key has to be a class."""
    if not classes:
        raise SignatureError("Labels name classes, and this model answers numbers. Leave the labels out.")
    texts = [_class_text(value) for value in classes]
    known = dict(zip(texts, classes, strict=True)) | {str(value): value for value in classes}
    unknown = [key for key in labels if key not in known]
    if unknown:
        raise SignatureError(f"Labels were given for {unknown}, and the model's classes are {texts}.")
    by_class = {known[key]: label for key, label in labels.items()}
    missing = [text for text, value in zip(texts, classes, strict=True) if value not in by_class]
    if missing:
        raise SignatureError(f"Every class needs a label, and {missing} have none. The model's classes are {texts}.")
    return tuple(by_class[value] for value in classes)


def _class_text(value: Class) -> str:
    """A class as people write it: 1 for 1.0, which is how a target with gaps was read."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def correct_example(signature: Signature, example: dict[str, Any]) -> Signature:
    """The signature with single values of its example replaced."""
    for name in example:
        if name not in signature.names:
            raise SignatureError(
                f"The example names a field {name!r}, and the model has none.{near(name, signature.names)}"
            )
    values = {name: _json_value(value) for name, value in example.items()}
    return msgspec.structs.replace(signature, example=signature.example | values)


def _json_value(value: Any) -> Any:
    """TOML has datetimes of its own; the API takes them as text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value.tzinfo else value.isoformat() + "Z"
    return value
