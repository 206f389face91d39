"""The bundle: a directory of data that carries a model, its signature, its proof and its history.

    name-<digest>.bundle/
        manifest.json       format, engines, SHA-256 of every other file; its own digest is the bundle's identity
        signed.json         who vouches for that digest; the one file that the manifest does not list
        signature.json      inputs and output
        engines/<name>/     one folder per engine
        proof.json, reference.json, metrics.json, lineage.json, example.json
        MODEL_CARD.md
        MLmodel, input_example.json     what makes it a valid MLflow model directory too

Reading imports nothing beyond msgspec and the standard library. The one-file form is a zip of the same files.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from garcom.errors import BundleError, Conflict, ServedElsewhere, SignatureError
from garcom.model.engines import load_engine
from garcom.model.engines.base import AllowPython, Engine, EngineSpec, PythonTerms
from garcom.model.file_names import check_file_names
from garcom.model.proof import Proof
from garcom.model.signature import Signature
from garcom.model.signing import SIGNED, BundleSignature, read_signature

if TYPE_CHECKING:
    from garcom.records import Batch, Outputs

#: The format that this Garçom writes, and the only one it reads.
FORMAT = 1

MANIFEST = "manifest.json"

#: What a bundle has beside the files that its manifest lists.
UNLISTED = frozenset({MANIFEST, SIGNED})

#: The longest document (signature, proof, metrics, lineage): all of it is read into memory.
DOCUMENT_LIMIT_BYTES = 8 * 2**20

_T = TypeVar("_T")


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the bundle: SHA-256 in hexadecimal, and its length in bytes."""

    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, Meta(ge=0)]


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which engine answers a call of at most ``up_to_rows`` rows (``None``: of any number)."""

    up_to_rows: int | None
    engine: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the bundle consists of.

    ``choice`` is in ascending order of rows and ends with ``up_to_rows=None``; a model that is served elsewhere has
    neither engines nor a choice. ``digest`` is the SHA-256 of this record's canonical JSON with an empty digest.
    """

    format: int
    name: str
    garcom: str
    engines: tuple[EngineSpec, ...]
    choice: tuple[Choice, ...]
    files: dict[str, FileEntry]
    digest: str = ""

    def encode(self) -> bytes:
        """Canonical JSON: sorted keys, two spaces of indentation, one newline at the end."""
        return msgspec.json.format(msgspec.json.encode(self, order="sorted"), indent=2) + b"\n"

    def sealed(self) -> Manifest:
        """The same manifest with its digest."""
        blank = msgspec.structs.replace(self, digest="")
        return msgspec.structs.replace(self, digest=hashlib.sha256(blank.encode()).hexdigest())


class _Format(msgspec.Struct):
    format: int


@dataclass(frozen=True)
class Bundle:
    """A bundle that has been read; ``folder`` holds its files."""

    folder: Path
    manifest: Manifest
    signature: Signature
    proof: Proof
    metrics: dict[str, Any]
    lineage: dict[str, Any]
    #: Verified; None where nobody signed it, or the files were not verified either.
    signed: BundleSignature | None = None

    @property
    def name(self) -> str:
        """The model's name given at packing."""
        return self.manifest.name

    @property
    def digest(self) -> str:
        """The identity of the content: 64 hexadecimal digits."""
        return self.manifest.digest

    @property
    def is_served_elsewhere(self) -> bool:
        """Whether it has no engine: predictions are made elsewhere, and only logged here."""
        return not self.manifest.engines

    @property
    def needs_python(self) -> bool:
        """Whether it carries a Python engine, which a server must allow."""
        return any(spec.kind == "python" for spec in self.manifest.engines)

    @property
    def size_bytes(self) -> int:
        """The length of all its files together, the manifest not counted."""
        return sum(entry.size for entry in self.manifest.files.values())

    def read(self, name: str) -> bytes:
        """The bytes of one of its files, such as ``MODEL_CARD.md``."""
        if name not in self.manifest.files:
            raise BundleError(f"Bundle {self.name!r} has no file {name!r}; it has {sorted(self.manifest.files)}.")
        return (self.folder / name).read_bytes()

    def open_engine(
        self,
        *,
        allow_python: AllowPython = False,
        python_timeout_s: float | None = None,
        python_memory_mb: int = PythonTerms().memory_mb,
    ) -> Engine:
        """Load its engines behind one: each call goes to the engine proved fastest for its number of rows.

        ``python_timeout_s`` bounds a call of a Python engine (None leaves it to the bundle), ``python_memory_mb`` what
        its process may write to, unless it is ``"unconfined"``. Raises :class:`Conflict` for a Python engine that is
        not allowed, :class:`~garcom.errors.EngineError` for one that cannot start, :class:`BundleError` when the
        files cannot be loaded, and :class:`~garcom.errors.ServedElsewhere` where there is none.
        """
        if self.is_served_elsewhere:
            raise ServedElsewhere(
                f"Model {self.name!r} is served elsewhere: this version has no engine, so it predicts nothing here. "
                "Log what was predicted (POST /v1/models/{model}/log), or choose a version with an engine."
            )
        if self.needs_python and not allow_python:
            raise Conflict(
                f"Model {self.name!r} needs a Python engine: the original model itself, unpickled in a process of "
                "its own. It runs only where that is allowed (--allow-python), because a pickle can run any code."
            )
        terms = PythonTerms(
            confined=allow_python != "unconfined", memory_mb=python_memory_mb, timeout_s=python_timeout_s
        )
        loaded: dict[str, Engine] = {}
        try:
            for spec in self.manifest.engines:
                loaded[spec.name] = load_engine(self.folder / "engines" / spec.name, spec, self.signature, terms)
        except BaseException:
            for engine in loaded.values():
                engine.close()
            raise
        if len(loaded) == 1:
            return next(iter(loaded.values()))
        return _ByRows(tuple((choice.up_to_rows, loaded[choice.engine]) for choice in self.manifest.choice))


class _ByRows:
    """Several engines behind one, chosen by the number of rows."""

    def __init__(self, choice: tuple[tuple[int | None, Engine], ...]) -> None:
        self._limits = tuple((limit, engine) for limit, engine in choice if limit is not None)
        self._last = choice[-1][1]

    def run(self, batch: Batch) -> Outputs:
        n_rows = len(batch.numbers)
        for limit, engine in self._limits:
            if n_rows <= limit:
                return engine.run(batch)
        return self._last.run(batch)

    def close(self) -> None:
        for engine in {id(engine): engine for engine in (self._last, *(pair[1] for pair in self._limits))}.values():
            engine.close()


def read_bundle(path: str | Path, verify: bool = True, *, signature: bool = True) -> Bundle:
    """Read a bundle's directory or zip.

    ``verify`` compares every file with the manifest: one changed, missing or added raises :class:`BundleError` with its
    name, and so does a signature that does not fit. Without it only the manifest itself is checked, which is right for
    files that were verified when they were stored. ``signature`` false leaves the signature out, whatever it is. A zip
    is always verified; its files are unpacked into a temporary folder that lives as long as the bundle does, so keep
    the bundle while its engine is in use.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path, verify=verify, signature=verify and signature)
    if path.is_file():
        from garcom.model.archive import unpack_bundle

        unpacked = Path(tempfile.mkdtemp(prefix="garcom-bundle-"))
        try:
            unpack_bundle(path, unpacked)
            bundle = _read_folder(unpacked, verify=False, signature=signature)
        except BaseException:
            shutil.rmtree(unpacked)
            raise
        weakref.finalize(bundle, shutil.rmtree, unpacked, ignore_errors=True)
        return bundle
    raise BundleError(f"Expected a bundle (a directory or a .zip) at {path}, and nothing is there.")


def read_manifest(data: bytes, origin: str) -> Manifest:
    """Decode a manifest and check that nobody changed it; ``origin`` names it in errors."""
    try:
        known = msgspec.json.decode(data, type=_Format)
        if known.format != FORMAT:
            raise BundleError(
                f"{origin} has bundle format {known.format}, and this Garçom reads format {FORMAT}. "
                "Install the Garçom that packed it, or pack the model again."
            )
        manifest = msgspec.json.decode(data, type=Manifest)
        sealed = manifest.sealed().encode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"{origin} is not the manifest of a bundle: {error}.") from error
    if sealed != data:
        raise BundleError(f"{origin} was changed after packing: its digest does not fit. Pack the model again.")
    check_file_names((*UNLISTED, *manifest.files), origin)
    _check_engines(manifest, origin)
    return manifest


def _check_engines(manifest: Manifest, origin: str) -> None:
    if not manifest.engines and not manifest.choice:
        return  # served elsewhere
    names = [spec.name for spec in manifest.engines]
    limits = [choice.up_to_rows for choice in manifest.choice]
    ascending = all(a is not None and (b is None or a < b) for a, b in pairwise(limits))
    chosen = {choice.engine for choice in manifest.choice}
    if len(set(names)) != len(names) or chosen != set(names) or not ascending or limits[-1:] != [None]:
        raise BundleError(f"{origin} names engines {names}, and its choice {sorted(chosen)} does not fit them.")
    if not all(name.isascii() and name.replace("-", "").isalnum() for name in names):
        raise BundleError(f"{origin} names engines {names}; a name consists of letters, digits and hyphens.")


def _read_folder(folder: Path, *, verify: bool, signature: bool) -> Bundle:
    origin = folder / MANIFEST
    if not origin.is_file():
        raise BundleError(f"{folder} is not a bundle: it has no {MANIFEST}. `garcom pack` makes one from a model.")
    manifest = read_manifest(origin.read_bytes(), MANIFEST)
    if verify:
        _verify(folder, manifest)
    signed = read_signature(folder) if signature else None
    if signed is not None:
        signed.verify(manifest.digest, f"bundle {manifest.name!r}")
    return Bundle(
        folder=folder,
        manifest=manifest,
        signature=_decode(folder, "signature.json", Signature),
        proof=_decode(folder, "proof.json", Proof),
        metrics=_decode(folder, "metrics.json", dict[str, Any]),
        lineage=_decode(folder, "lineage.json", dict[str, Any]),
        signed=signed,
    )


def _decode(folder: Path, name: str, kind: type[_T]) -> _T:
    try:
        size_bytes = (folder / name).stat().st_size
        if size_bytes > DOCUMENT_LIMIT_BYTES:
            raise BundleError(
                f"{name} of bundle {folder.name} has {size_bytes:,} bytes, more than the {DOCUMENT_LIMIT_BYTES:,} that "
                "a document may have. Pack the model again."
            )
        return msgspec.json.decode((folder / name).read_bytes(), type=kind)
    except FileNotFoundError as error:
        raise BundleError(f"{name} is missing from bundle {folder.name}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, SignatureError) as error:
        raise BundleError(f"{name} of bundle {folder.name} cannot be read: {error}.") from error


def _verify(folder: Path, manifest: Manifest) -> None:
    present = set(files_under(folder)) - UNLISTED
    for name in sorted(manifest.files):
        if name not in present:
            raise BundleError(f"{name} is missing from bundle {folder.name}. Copy or pack it again.")
        entry = manifest.files[name]
        path = folder / name
        if path.stat().st_size != entry.size or file_sha256(path) != entry.sha256:
            raise BundleError(f"{name} of bundle {folder.name} was changed after packing. Copy or pack it again.")
    added = sorted(present - set(manifest.files))
    if added:
        raise BundleError(f"{added[0]} was added to bundle {folder.name} after packing. Remove it, or pack again.")


def files_under(folder: Path) -> list[str]:
    """Every file below ``folder`` as a POSIX path, sorted; an empty folder counts as a file with a final slash.

    Raises :class:`BundleError` for anything that is neither a plain file nor a folder, such as a link.
    """
    found: list[str] = []
    for place, folders, files in os.walk(folder):
        here = Path(place)
        for name in (*folders, *files):
            path = here / name
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise BundleError(f"{path.relative_to(folder).as_posix()} is not a plain file, so this is no bundle.")
        found.extend((here / name).relative_to(folder).as_posix() for name in files)
        if not folders and not files and here != folder:
            found.append(here.relative_to(folder).as_posix() + "/")
    return sorted(found)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def seal(folder: Path, name: str, engines: tuple[EngineSpec, ...], choice: tuple[Choice, ...]) -> Manifest:
    """Write the manifest over the files that stand in ``folder``, which becomes a bundle."""
    from garcom import __version__

    files = {
        path: FileEntry(file_sha256(folder / path), (folder / path).stat().st_size)
        for path in files_under(folder)
        if path not in UNLISTED
    }
    manifest = Manifest(
        format=FORMAT, name=name, garcom=__version__, engines=engines, choice=choice, files=files
    ).sealed()
    (folder / MANIFEST).write_bytes(manifest.encode())
    return manifest
