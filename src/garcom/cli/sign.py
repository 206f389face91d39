"""``garcom sign``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from garcom.cli.options import JsonOption
from garcom.cli.output import emit


def command(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="A bundle made by `garcom pack`: its folder or its .zip.")
    ],
    key: Annotated[Path, typer.Option("--key", help="The private key, a `.key` file that `garcom keys new` made.")],
    as_json: JsonOption = False,
) -> None:
    """Sign a bundle, so that servers that trust the key know who vouches for it.

    The signature is written into the bundle; its digest stays as it is, and a signature that was there is replaced.
    Every file is verified first.

    Example: `garcom sign wine-5d3c0e7a91f2.bundle --key ana.key`
    """
    from garcom.model.sealing import sign_bundle
    from garcom.model.signing import read_private_key

    signed = sign_bundle(bundle, read_private_key(key))
    record = {"bundle": str(bundle), "digest": signed.digest, "fingerprint": signed.fingerprint}
    emit(
        record,
        as_json,
        lambda console: console.print(f"Signed {bundle} ({signed.digest[:12]}) with the key {signed.fingerprint}."),
    )
