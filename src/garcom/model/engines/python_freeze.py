"""Writes a model as a pickle that another process can read without the code that trained it."""

from __future__ import annotations

import io
import pickle
import platform
import site
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import msgspec

from garcom.errors import UnsupportedModel
from garcom.model.engines.python_manifest import MANIFEST_FILE, PICKLE_FILE, Manifest
from garcom.model.sources.base import Loaded
from garcom.model.sources.versions import distributions


def freeze(loaded: Loaded, folder: Path) -> None:
    """Write ``loaded.model`` and what it takes to run it into ``folder``.

    Raises :class:`~garcom.errors.UnsupportedModel` when the model cannot be pickled.
    """
    data, modules = pickle_with_code(loaded.model)
    manifest = Manifest(
        python=".".join(platform.python_version_tuple()[:2]),
        framework=loaded.framework,
        input_kind=loaded.input_kind,
        fields=loaded.fields,
        n_fields=loaded.n_fields,
        libraries=dict(sorted((_distributions(modules) | loaded.libraries).items())),
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PICKLE_FILE).write_bytes(data)
    (folder / MANIFEST_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))


def pickle_with_code(model: Any) -> tuple[bytes, set[str]]:
    """The model pickled, the person's own code inside; and the names of the modules that it only refers to."""
    by_value: list[ModuleType] = []
    try:
        while True:
            data, modules = _pickle(model)
            own = [sys.modules[name] for name in sorted({_top(name) for name in modules}) if is_own_code(name)]
            new = [module for module in own if module not in by_value]
            if not new:
                return data, modules - {module.__name__ for module in own}
            for module in new:
                cloudpickle.register_pickle_by_value(module)
                by_value.append(module)
    finally:
        for module in by_value:
            cloudpickle.unregister_pickle_by_value(module)


class _Recorder(cloudpickle.Pickler):  # type: ignore[misc]
    """Notes every module that it pickles, and the module of every class and function."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=5)
        self.modules: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        owner = obj if isinstance(obj, type) or hasattr(obj, "__code__") else type(obj)
        name = obj.__name__ if isinstance(obj, ModuleType) else getattr(owner, "__module__", None)
        self.modules.add(name or "builtins")
        return super().reducer_override(obj)


def _pickle(model: Any) -> tuple[bytes, set[str]]:
    file = io.BytesIO()
    recorder = _Recorder(file)
    try:
        recorder.dump(model)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise UnsupportedModel(
            f"The model ({type(model).__name__}) cannot be written to a file: {error}. Take open files, connections, "
            "locks and generators out of it."
        ) from error
    return file.getvalue(), recorder.modules


def _top(module: str) -> str:
    return module.partition(".")[0]


def is_own_code(name: str) -> bool:
    """Whether a top-level module is the person's own: importable here, and neither installed nor Python's."""
    module = sys.modules.get(name)
    if module is None or name in sys.stdlib_module_names or name in ("__main__", "__mp_main__", "garcom"):
        return False
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    place = next((Path(found).resolve() for found in places if found), None)
    return place is not None and not any(place.is_relative_to(folder) for folder in _installed_folders())


def _installed_folders() -> set[Path]:
    paths = sysconfig.get_paths()
    folders = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    return {Path(folder).resolve() for folder in (*folders, *site.getsitepackages(), site.getusersitepackages())}


def _distributions(modules: set[str]) -> dict[str, str]:
    owners = distributions()
    names = {found for module in modules for found in owners.get(_top(module), [])[:1]} - {"garcom"}
    return {"xgboost" if name == "xgboost-cpu" else name: metadata.version(name) for name in names}
