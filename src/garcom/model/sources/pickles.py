"""Reads a model from a pickle, a joblib file or a skops file, and says kindly why where it cannot.

Reading a pickle runs the code that it names, so this happens where the model was trained, never in a server.
"""

from __future__ import annotations

import contextlib
import pickle
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from garcom.errors import UnreadableModel
from garcom.model.sources import versions
from garcom.model.sources.boosters import missing_library

#: The two ways in which Python says that the main module has no such class.
_MAIN = re.compile(
    r"Can't get attribute '([\w.]+)' on <module '__(?:mp_)?main__'"
    r"|module '__(?:mp_)?main__' has no attribute '([\w.]+)'"
)

#: What pickle and numpy say when a file ends too early.
_TOO_SHORT = re.compile("truncated|exhausted|EOF: reading array")


def read_pickle(path: Path, code: Path | None = None) -> Any:
    """The object in a ``.pkl`` or ``.joblib`` file, compressed or not.

    Modules next to the file, in ``code`` and in the current folder can be imported meanwhile.
    Raises :class:`~garcom.errors.LibraryMismatch` before anything is run if the file names another version of
    scikit-learn or XGBoost, and :class:`~garcom.errors.UnreadableModel` for everything else.
    """
    import joblib

    try:
        data = versions.inflate(path.read_bytes())
    except EOFError as error:
        raise _cut_off(path, error) from error
    _refuse_text(path, data)
    versions.check(path.name, versions.written_by(data))
    with _importable(code, path.parent, Path.cwd()):
        return _guarded(path, lambda: joblib.load(path))


def read_skops(path: Path) -> Any:
    """The object in a ``.skops`` file. Its own types are trusted, as packing trusts a pickle."""
    try:
        from skops import io
    except ModuleNotFoundError as error:
        raise UnreadableModel(missing_library(path.name, "skops")) from error

    def load() -> Any:
        return io.load(path, trusted=io.get_untrusted_types(file=path))

    with _importable(path.parent, Path.cwd()):
        return _guarded(path, load)


def _guarded(path: Path, load: Callable[[], Any]) -> Any:
    """Run ``load``; a version warning becomes an error, and an error a sentence that helps."""
    from sklearn.exceptions import InconsistentVersionWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", InconsistentVersionWarning)
        try:
            model = load()
        except (ModuleNotFoundError, AttributeError) as error:
            raise _unknown_code(path, error) from error
        except EOFError as error:
            raise _cut_off(path, error) from error
        except MemoryError:
            raise
        # Unpickling runs whatever the file names, so any exception at all can come out of it.
        except Exception as error:
            raise _not_a_model(path, error) from error
    for warning in caught:
        if isinstance(warning.message, InconsistentVersionWarning):
            raise versions.mismatch(
                path.name,
                "scikit-learn",
                str(warning.message.original_sklearn_version),
                str(warning.message.current_sklearn_version),
            )
    return model


def _refuse_text(path: Path, data: bytes) -> None:
    """Refuse a text that only has the name of a pickle; what unpickling it would say helps nobody."""
    # From protocol 2 on a pickle begins with this byte; an older one is text, and ends like any of them with a dot.
    if data.startswith(b"\x80") or data.endswith(b"."):
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return
    raise UnreadableModel(
        f"Expected a trained model saved with pickle or joblib, but {path.name!r} is a text file. Save the model with "
        "`joblib.dump(model, 'model.joblib')`."
    )


def _cut_off(path: Path, error: BaseException) -> UnreadableModel:
    return UnreadableModel(f"{path.name!r} is cut off or damaged ({error}). Copy or save it again.")


def _not_a_model(path: Path, error: Exception) -> UnreadableModel:
    if _TOO_SHORT.search(str(error)) and isinstance(error, pickle.UnpicklingError | ValueError):
        return _cut_off(path, error)
    return UnreadableModel(
        f"Expected a trained model saved with pickle or joblib, but {path.name!r} cannot be read: "
        f"{type(error).__name__}: {error}. Save it with `joblib.dump(model, 'model.joblib')` and pack in the same "
        "environment."
    )


def _unknown_code(path: Path, error: ModuleNotFoundError | AttributeError) -> UnreadableModel:
    """The file names a class or a module that is not here: a library, another version, or the person's own code."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        if top == "numpy":
            return UnreadableModel(
                f"{path.name!r} was written with another major version of numpy (it needs {error.name!r}), and numpy "
                f"{versions.installed('numpy')} is installed here. Pack in the environment that trained the model."
            )
        if top not in sys.modules:
            return UnreadableModel(
                f"{missing_library(path.name, top)} If {top!r} is your own module, run the command in its folder."
            )
    main = _MAIN.search(str(error))
    if main:
        return UnreadableModel(
            f"{path.name!r} uses {(main.group(1) or main.group(2))!r}, which was defined in the script or notebook "
            "that trained the model, and a pickle does not carry code. Call `garcom.pack(model, X, y, name=…)` in that "
            "script, or save with `cloudpickle.dump(model, file)`, or move the definition into a module beside the "
            "model and save again."
        )
    return UnreadableModel(
        f"{path.name!r} needs something that the libraries here do not have ({error}), so it was written with other "
        "versions of them. Pack in the environment that trained the model."
    )


@contextlib.contextmanager
def _importable(*folders: Path | None) -> Iterator[None]:
    """Let the person's own modules be imported: a console command does not search the current folder."""
    added = [str(folder.resolve()) for folder in folders if folder is not None]
    sys.path.extend(added)
    try:
        yield
    finally:
        for folder in added:
            sys.path.remove(folder)
