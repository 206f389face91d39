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


def read_pickle(path: Path, code: Path | None = None) -> Any:
    """The object in a ``.pkl`` or ``.joblib`` file, compressed or not.

    Modules next to the file, in ``code`` and in the current folder can be imported meanwhile.
    Raises :class:`~garcom.errors.LibraryMismatch` before anything is run if the file names another version of
    scikit-learn or XGBoost, and :class:`~garcom.errors.UnreadableModel` for everything else.
    """
    import joblib

    try:
        written = versions.written_by(versions.inflate(path.read_bytes()))
    except EOFError as error:
        raise _cut_off(path, error) from error
    versions.check(path.name, written)
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


def _cut_off(path: Path, error: BaseException) -> UnreadableModel:
    return UnreadableModel(f"{path.name!r} is cut off or damaged ({error}). Copy or save it again.")


def _not_a_model(path: Path, error: Exception) -> UnreadableModel:
    if isinstance(error, pickle.UnpicklingError) and re.search("truncated|exhausted", str(error)):
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
