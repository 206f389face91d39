"""Reading that begins anew when an erasure has deleted files under it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from garcom.errors import LakeUnavailable

P = ParamSpec("P")
T = TypeVar("T")

#: An erasure replaces each file once, so that a few attempts meet one whole version.
_ATTEMPTS = 10


def rereading(read: Callable[P, T]) -> Callable[P, T]:
    """Call it again where a file has gone since it took its snapshot; so it takes a new one in each call.

    Other rewriting leaves old files for an hour. An erasure must not.
    """

    @functools.wraps(read)
    def again(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(_ATTEMPTS):
            try:
                return read(*args, **kwargs)
            except FileNotFoundError as error:
                gone = error
        raise LakeUnavailable(
            f"Expected the files that the lake names, and one is gone at each of {_ATTEMPTS} attempts ({gone}). If no "
            "erasure is running, restore it from a backup."
        ) from gone

    return again
