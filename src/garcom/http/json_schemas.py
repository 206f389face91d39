"""JSON Schemas of structs, as the operations of the OpenAPI document hold them: whole, without references."""

from __future__ import annotations

from typing import Any

import msgspec

_REFERENCE = "#/$defs/"


def schema_of(kind: Any) -> dict[str, Any]:
    """The schema of a type that does not contain itself."""
    (schema,), definitions = msgspec.json.schema_components([kind], ref_template=_REFERENCE + "{name}")
    found: dict[str, Any] = _resolved(schema, definitions)
    return found


def json_body(kind: Any, **more: Any) -> dict[str, Any]:
    """What an operation says of a body that it requires (``openapi_extra``); ``more`` is added to its schema."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema_of(kind) | more}}}}


def json_answer(description: str, kind: Any) -> dict[str, Any]:
    """What an operation says of one of its answers (``responses``)."""
    return {"description": description, "content": {"application/json": {"schema": schema_of(kind)}}}


def _resolved(value: Any, definitions: dict[str, Any]) -> Any:
    match value:
        case {"$ref": str(reference)}:
            rest = {name: each for name, each in value.items() if name != "$ref"}
            return _resolved(definitions[reference.removeprefix(_REFERENCE)], definitions) | rest
        case dict():
            return {name: _told(name, _resolved(each, definitions)) for name, each in value.items()}
        case list():
            return [_resolved(each, definitions) for each in value]
        case _:
            return value


def _told(name: str, value: Any) -> Any:
    """A docstring as it is read elsewhere: in one line, its names in single backquotes."""
    return " ".join(value.split()).replace("``", "`") if name == "description" and isinstance(value, str) else value
