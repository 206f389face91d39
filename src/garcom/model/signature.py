"""What a model takes and what it answers: the contract that the codec, OpenAPI and the engines share."""

from __future__ import annotations

import enum
from typing import Any, Literal

import msgspec

from garcom.errors import SignatureError

#: Integers outside ±2**53 are not exact in float64, the type that models compute in.
INTEGER_LIMIT = 2**53


class FieldType(enum.StrEnum):
    """How a field is written in JSON, and how it is held in a :class:`~garcom.records.Batch`."""

    FLOAT = "float"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    STRING = "string"
    CATEGORY = "category"

    @property
    def is_text(self) -> bool:
        """Whether values stand in ``Batch.texts`` rather than in ``Batch.numbers``."""
        return self in (FieldType.STRING, FieldType.CATEGORY)


#: What is written down of a field's values: the value, nothing, a mask, or a hash under the installation's key.
Pii = Literal["keep", "drop", "mask", "hash"]

#: The same in words, for people.
STORED: dict[Pii, str] = {"keep": "as it is", "drop": "never", "mask": "masked", "hash": "as a hash"}


class Field(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One input field.

    ``nullable`` admits null (a missing value: NaN or None in the batch); a field that is not ``required``
    may also be left out, which means null. ``minimum`` and ``maximum`` are the range seen in the training
    data (datetimes in microseconds since 1970 UTC): a value outside it is a warning, never an error.
    ``categories`` are the values known for a category field, all ``str`` or all ``int``; another value is
    a warning too, because what the model does with it is the model's decision.

    ``pii`` says what of its values may be written to the journal. Of a field that is not kept no value of the
    training data stands in a bundle's documents either: no range, no example, no profile. Its ``categories`` stay,
    because the model was built for them and its engine holds them too.
    """

    name: str
    type: FieldType
    required: bool = True
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str | int, ...] = ()
    unit: str = ""
    description: str = ""
    pii: Pii = "keep"

    @property
    def personal(self) -> bool:
        """Whether its values are about a person, so that they are not written down as they are."""
        return self.pii != "keep"


Task = Literal["classification", "regression", "clustering", "outlier"]
Class = str | int | float | bool


class Output(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the model answers.

    ``classes`` are the values the original predicts (classification, clustering, outlier), in the order
    of the probability columns; ``labels``, where given, are the names shown for them. ``names`` are the
    targets of a regression, one or more; ``unit`` is theirs.
    """

    task: Task
    classes: tuple[Class, ...] = ()
    labels: tuple[str, ...] = ()
    probabilities: bool = False
    names: tuple[str, ...] = ()
    unit: str = ""
    description: str = ""

    @property
    def shown(self) -> tuple[Class, ...]:
        """The value the API answers for each class: its label where there is one."""
        return self.labels or self.classes

    @property
    def probability_names(self) -> tuple[str, ...]:
        """The JSON keys of the probabilities, in column order."""
        return tuple(str(value) for value in self.shown)


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A model's fields in the order it was trained with, its output, and one example row.

    ``example`` maps every field's name to a JSON value that the API accepts.
    """

    fields: tuple[Field, ...]
    output: Output
    example: dict[str, Any]

    def __post_init__(self) -> None:
        names = [field.name for field in self.fields]
        if not names:
            raise SignatureError("A signature needs at least one field, and this one has none.")
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise SignatureError(f"Field names must differ, but {doubled} occur more than once.")
        if self.output.labels and len(self.output.labels) != len(self.output.classes):
            raise SignatureError(
                f"Expected one label per class ({len(self.output.classes)}: {list(self.output.classes)}), "
                f"got {len(self.output.labels)}: {list(self.output.labels)}."
            )
        if len(set(self.output.probability_names)) != len(self.output.probability_names):
            raise SignatureError(f"Labels must differ, got {list(self.output.probability_names)}.")

    @property
    def names(self) -> tuple[str, ...]:
        """The fields' names, in order."""
        return tuple(field.name for field in self.fields)

    @property
    def number_fields(self) -> tuple[Field, ...]:
        """The fields of ``Batch.numbers``, in column order."""
        return tuple(field for field in self.fields if not field.type.is_text)

    @property
    def text_fields(self) -> tuple[Field, ...]:
        """The fields of ``Batch.texts``, in column order."""
        return tuple(field for field in self.fields if field.type.is_text)
