"""``garcom keys``: who may sign bundles."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from garcom.cli.options import HomeOption, JsonOption, home_folder
from garcom.cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from garcom.registry.bundle_keys import BundleKey, BundleKeys

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Keys that sign bundles (Ed25519): makes them, and keeps those that are trusted here.",
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The key's name, such as ana or training.")]


@app.command("new")
def new(
    name: NameArgument,
    out: Annotated[Path, typer.Option("--out", help="The folder to write both files into.")] = Path("."),
    as_json: JsonOption = False,
) -> None:
    """Make a pair of keys: `NAME.key`, which signs, and `NAME.pub`, by which others trust it.

    The private key belongs to whoever signs, may be read by its owner only, and never has to reach a server. Neither
    file is written over.

    Example: `garcom keys new ana --out ~/.config/garcom`
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from garcom.model.names import check_name
    from garcom.model.signing import fingerprint, private_pem, public_pem

    check_name(name, "a key")
    key = Ed25519PrivateKey.generate()
    private, public = out / f"{name}.key", out / f"{name}.pub"
    _write_new(private, private_pem(key), 0o600)
    _write_new(public, public_pem(key.public_key()), 0o644)
    record = {
        "name": name,
        "fingerprint": fingerprint(key.public_key().public_bytes_raw().hex()),
        "private": str(private),
        "public": str(public),
    }
    emit(record, as_json, lambda console: _tell_new(console, record))


@app.command("trust")
def trust(
    public: Annotated[Path, typer.Argument(metavar="PUBLIC", help="The public key, a `.pub` file.")],
    name: Annotated[str | None, typer.Option("--name", help="Its name here. Default: the file's.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trust the bundles that a key has signed.

    Compare the fingerprint with the one that whoever has the private key tells you.

    Example: `garcom keys trust ana.pub`
    """
    from garcom.model.signing import read_public_key

    key = _keys(home).trust(read_public_key(public), name or public.stem)
    emit(key, as_json, lambda console: console.print(f"{key.name} ({key.fingerprint}) is trusted to sign bundles."))


@app.command("list")
def list_all(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the keys that are trusted."""
    keys = _keys(home).all()
    emit(keys, as_json, lambda console: _tell_all(console, keys))


@app.command("remove")
def remove(name: NameArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Trust a key no longer.

    Versions that it signed stay, and the one that answers goes on; where a signature is required, no other of them
    can be let answer.

    Example: `garcom keys remove ana`
    """
    key = _keys(home).remove(name)
    emit(key, as_json, lambda console: console.print(f"{key.name} ({key.fingerprint}) is trusted no longer."))


def _keys(home: Path | None) -> BundleKeys:
    from garcom.registry.bundle_keys import BundleKeys
    from garcom.storage.database import Database

    return BundleKeys(Database.open(home_folder(home)))


def _write_new(path: Path, data: bytes, mode: int) -> None:
    from garcom.errors import Conflict, InputError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise Conflict(f"Expected to write a new key to {path}, and a file is there. Choose another name.") from error
    except OSError as error:
        raise InputError(
            f"The key cannot be written to {path} ({error.strerror}). Choose a folder with --out."
        ) from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)


def _tell_new(console: Console, record: dict[str, str]) -> None:
    console.print(f"Wrote {record['private']} (keep it to yourself) and {record['public']} (give it away).")
    console.print(f"Fingerprint: {record['fingerprint']}")


def _tell_all(console: Console, keys: Sequence[BundleKey]) -> None:
    from garcom.cli.describe import moment

    if not keys:
        console.print("No key is trusted yet. `garcom keys trust NAME.pub` trusts one.")
        return
    listed = table("Name", "Fingerprint", "Since")
    for key in keys:
        listed.add_row(key.name, key.fingerprint, moment(key.added_at))
    console.print(listed)
