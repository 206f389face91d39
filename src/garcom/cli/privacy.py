"""``garcom privacy``: what is stored of a person, told or erased."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from garcom.cli.options import HomeOption, JsonOption, home_folder
from garcom.cli.output import emit, plain, table

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.lake.privacy import Privacy, SubjectData
    from garcom.lake.receipts import Receipt

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Tells or erases everything that is stored of a person (LGPD, GDPR).",
)

SubjectOption = Annotated[
    str,
    typer.Option(
        "--subject",
        help="Whom it is about, as sent in `Garcom-Subject`. `-` reads it from standard input, so that it does not "
        "stand in the shell's history.",
        show_default=False,
    ),
]


@app.command("export")
def export(
    subject: SubjectOption,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write all of it here, as JSON.", show_default=False)
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell everything that is stored of a person.

    That is every prediction with its input, answer and actual, from journal and lake, and the rows of datasets that
    were made from them. Fields that the signature drops, masks or hashes are told as they are stored. With `--json`
    the answer has `subject` (the pseudonym), `asked_at`, `predictions` and `datasets`. A file gets the same, and may
    be read by its owner only.

    Examples: `garcom privacy export --subject customer-4711 --out customer.json`
    """
    import msgspec

    data = _privacy(home).export(_named(subject))
    if out is not None:
        with _new_file(out, "--out") as write:
            write(msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n")
    emit(data, as_json, lambda console: _tell_data(console, data, out))


@app.command("erase")
def erase(
    subject: SubjectOption,
    receipt_file: Annotated[
        Path | None,
        typer.Option("--receipt", metavar="FILE", help="Write the signed receipt here.", show_default=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase everything that is stored of a person; there is no way back.

    Journal, lake, actuals, datasets and the answers kept for repeated requests are rewritten without the rows. The
    receipt says what was erased, and is signed; it holds no name, only the pseudonym. With `--json` it is the answer.
    Servers may go on running. What stands in backups, logs and models is not reached.

    Examples: `garcom privacy erase --subject customer-4711 --receipt receipt.json`
    """
    import msgspec

    privacy = _privacy(home)
    named = _named(subject)
    if not yes:
        _confirm()
    if receipt_file is None:
        receipt = privacy.erase(named)
    else:
        # Nobody should hear only afterwards that the receipt cannot be written.
        with _new_file(receipt_file, "--receipt") as write:
            receipt = privacy.erase(named)
            write(msgspec.json.format(msgspec.json.encode(receipt), indent=2) + b"\n")
    emit(receipt, as_json, lambda console: _tell_receipt(console, receipt, receipt_file))


@app.command("verify")
def verify(
    receipt_file: Annotated[Path, typer.Argument(metavar="RECEIPT", help="The receipt's file.")],
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            help="The public key of the installation that gave it. Default: that of this home folder.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that a receipt was given by this installation, and that nothing in it was changed since.

    With `--json` the answer is the receipt. Otherwise the receipt is refused, and the exit status is 1.

    Examples: `garcom privacy verify receipt.json`
    """
    from garcom.errors import InputError
    from garcom.lake.receipts import public_key, read_receipt

    receipt = read_receipt(receipt_file)
    folder = home_folder(home)
    expected = key or public_key(folder)
    if expected is None:
        raise InputError(
            f"Expected the key that signs receipts in {folder}, and no receipt was ever given there. Name the home "
            "folder with --home, or give the public key of the installation with --key."
        )
    receipt.verify(expected.lower())
    emit(receipt, as_json, lambda console: _tell_verified(console, receipt))


def _privacy(home: Path | None) -> Privacy:
    from garcom.cli.lake import lake_of
    from garcom.lake.datasets import Datasets
    from garcom.lake.privacy import Privacy
    from garcom.monitoring.known_versions import KnownVersions
    from garcom.monitoring.rebuild import ErasableFolding
    from garcom.storage.blobs import Blobs
    from garcom.storage.database import Database

    lake = lake_of(home)
    database = Database.open(lake.home)
    fold = ErasableFolding(database, KnownVersions(Blobs.under(lake.home)))
    return Privacy(lake, Datasets(database, lake), fold=fold)


def _named(subject: str) -> str:
    text = (sys.stdin.read() if subject == "-" else subject).strip()
    if not text:
        raise typer.BadParameter("expected whom it is about, got nothing", param_hint="--subject")
    return text


def _confirm() -> None:
    from garcom.errors import Conflict

    if not sys.stdin.isatty():
        raise Conflict("An erasure has no way back, and nobody is there to be asked. Add --yes.")
    typer.confirm("Erase everything that is stored of this person? There is no way back.", abort=True, err=True)


@contextmanager
def _new_file(path: Path, option: str) -> Iterator[Callable[[bytes], object]]:
    """What writes a new file that only its owner may read; it is removed again when the work fails."""
    try:
        stream = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except FileExistsError as error:
        raise typer.BadParameter(
            f"expected the name of a new file, and {path} is there already", param_hint=option
        ) from error
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written ({error.strerror})", param_hint=option) from error
    try:
        with stream:
            yield stream.write
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _tell_data(console: Console, data: SubjectData, out: Path | None) -> None:
    rows = table("Time", "Model", "Prediction", "Actual", "Id")
    for each in data.predictions:
        actual = "-" if each.actual is None else plain(each.actual.value)
        time = each.time.strftime("%Y-%m-%d %H:%M:%S")
        rows.add_row(time, f"{plain(each.model)}:{each.version}", plain(each.prediction), actual, each.id)
    if data.predictions:
        console.print(rows)
    n_rows = sum(len(each.rows) for each in data.datasets)
    console.print(f"Stored under {data.subject}: predictions {len(data.predictions):,}, rows of datasets {n_rows:,}.")
    console.print(f"Written to {out}." if out else "--out FILE writes all of it, with the inputs.")


def _tell_receipt(console: Console, receipt: Receipt, out: Path | None) -> None:
    import msgspec

    erased = receipt.erased
    console.print(
        f"Erased what was stored under {receipt.subject}: predictions {erased.predictions:,}, actuals "
        f"{erased.actuals:,}, rows of datasets {erased.datasets:,}, kept answers {erased.keys:,}."
    )
    if out is not None:
        console.print(f"Receipt: {out}. `garcom privacy verify {out}` checks it.")
    else:
        console.print("Receipt, to be kept:")
        console.print(msgspec.json.format(msgspec.json.encode(receipt), indent=2).decode(), soft_wrap=True)


def _tell_verified(console: Console, receipt: Receipt) -> None:
    when = receipt.erased_at.strftime("%Y-%m-%d %H:%M:%S UTC")
    console.print(
        f"The receipt is genuine: on {when} what was stored under {receipt.subject} was erased, "
        f"rows {receipt.erased.total:,}."
    )
