"""What people write by hand: TOML files, and values that have to be of a type.

Settings and corrections of a signature are read with this. Every value is checked by itself, so that all that is
wrong is told at once, under the name that its writer knows and in words that need no Python.
"""

from __future__ import annotations

import enum
import json
import math
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
from msgspec import inspect

from garcom.errors import GarcomError
from garcom.suggestions import near

#: How a value is called in a message, by the keys that lead to it.
NameOf = Callable[[tuple[str, ...]], str]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
#: A value in a message is cut at this many characters.
_SHOWN = 60


def read_toml(path: Path, what: str, refusal: type[GarcomError]) -> dict[str, Any]:
    """The tables of a TOML file; raises ``refusal``, which calls the file ``what``, for one that cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise refusal(f"Expected {what} at {path}, and {unreadable(error)}.") from error
    except UnicodeDecodeError as error:
        raise refusal(
            f"Expected TOML in {path}, and byte {error.start} of it is not UTF-8. Save it as UTF-8."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise refusal(f"Expected TOML in {path}, and it is none: {error}.") from error


def unreadable(error: OSError) -> str:
    """Why a file cannot be read, to stand after "and" in a sentence."""
    match error:
        case FileNotFoundError():
            return "nothing is there"
        case IsADirectoryError():
            return "a folder is there"
        case PermissionError():
            return "you may not read what is there"
        case _:
            return f"it cannot be read ({error.strerror or error})"


def in_file(path: Path) -> NameOf:
    """Names such as ``fields."fixed acidity".unit in wine.toml``."""

    def name(keys: tuple[str, ...]) -> str:
        return f"{'.'.join(map(_key, keys))} in {path}" if keys else str(path)

    return name


def faults(value: Any, kind: Any, name_of: NameOf, *, strict: bool = True, at: tuple[str, ...] = ()) -> Iterator[str]:
    """A sentence for everything in ``value`` that keeps it from being a ``kind``: a struct, a dict or a plain type.

    Without ``strict``, text that says the value is good enough, as in an environment variable.
    """
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict):
        types = {field.name: field.type for field in msgspec.structs.fields(kind)}
        for key, each in value.items():
            if key in types:
                yield from faults(each, types[key], name_of, strict=strict, at=(*at, key))
            else:
                hint = near(key, types) or f" Known are {', '.join(types)}."
                yield f"{name_of((*at, key))} is unknown.{hint}"
    elif get_origin(kind) is dict and isinstance(value, dict):
        for key, each in value.items():
            yield from faults(each, get_args(kind)[1], name_of, strict=strict, at=(*at, key))
    else:
        try:
            found = msgspec.convert(value, kind, strict=strict)
        except msgspec.ValidationError:
            info = inspect.type_info(kind)
            got = _kind(value) if _is_secret(info) else _shown(value)
            yield f"{name_of(at)}: expected {_words(info)}, got {got}."
        else:
            # What is read here is handed on as JSON, which has no other numbers.
            if isinstance(found, float) and not math.isfinite(found):
                yield f"{name_of(at)}: expected a finite number, got {found}."


def listed(what: str, found: list[str]) -> str:
    """The faults as one message: a single one by itself, several under a heading, a line each."""
    if len(found) == 1:
        return found[0]
    return "\n  ".join([f"{len(found)} {what} have to change:", *found])


def _is_secret(kind: inspect.Type) -> bool:
    """Whether values of the type must not stand in a message."""
    return isinstance(kind, inspect.Metadata) and bool((kind.extra or {}).get("secret"))


def _kind(value: Any) -> str:
    names = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list of something else"}
    return names.get(type(value), "a table")


def _words(kind: inspect.Type) -> str:
    """What a value of the type is called by people."""
    match kind:
        case inspect.Metadata():
            return (kind.extra or {}).get("words") or _words(kind.type)
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType():
            return "text"
        case inspect.IntType() | inspect.FloatType():
            noun = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
            return " ".join([noun, *_bounds(kind)])
        case inspect.LiteralType():
            return _either(kind.values)
        case inspect.EnumType():
            members: list[enum.Enum] = list(kind.cls)
            return _either(member.value for member in members)
        case inspect.UnionType():  # None is how Python says that a key was left out, which TOML cannot
            return " or ".join(_words(each) for each in kind.types if not isinstance(each, inspect.NoneType))
        case inspect.VarTupleType():
            return f"a list of {_words(kind.item_type)}"
        case inspect.StructType() | inspect.DictType():
            return "a table of keys and values"
        case _:
            return "a value of another type"


def _bounds(kind: inspect.IntType | inspect.FloatType) -> Iterator[str]:
    if kind.ge is not None and kind.le is not None:
        yield f"from {kind.ge} to {kind.le}"
        return
    bounds = {"from {} up": kind.ge, "above {}": kind.gt, "at most {}": kind.le, "below {}": kind.lt}
    found = [words.format(bound) for words, bound in bounds.items() if bound is not None]
    if found:
        yield " and ".join(found)


def _either(values: Any) -> str:
    *firsts, last = map(str, values)
    return f"{', '.join(firsts)} or {last}" if firsts else last


def _shown(value: Any) -> str:
    """The value as TOML writes it, more or less; long ones are cut."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
