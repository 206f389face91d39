"""``garcom pack``."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from garcom.cli.options import JsonOption
from garcom.cli.output import emit, plain
from garcom.cli.progress import steps
from garcom.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from garcom.model.pack import PackedBundle

ModelArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="MODEL",
        help="A `.pkl`, `.joblib`, `.skops` or `.onnx` file, an XGBoost or LightGBM file, or an MLflow model folder. "
        "With `--answers`, none.",
        show_default=False,
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--name",
        help="The model's name: up to 100 of a-z, 0-9, `_`, `.` and `-`, a letter or digit first. Without it, the name "
        "of the file.",
        show_default=False,
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Real rows, best those that it was trained on: CSV, Parquet, Arrow, JSON. Without them the engines are "
        "not proved on real rows.",
        show_default=False,
    ),
]
TargetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--target", help="The column of `--data` that the model predicts; again for a further one.", show_default=False
    ),
]
LabelsOption = Annotated[
    str | None,
    typer.Option("--labels", help="The name shown for each class: `0=bom,1=ruim`.", show_default=False),
]
SignatureOption = Annotated[
    Path | None,
    typer.Option("--signature", help="A TOML file that corrects what was inferred.", show_default=False),
]
AnswersOption = Annotated[
    list[str] | None,
    typer.Option(
        "--answers",
        help="For a model that is served elsewhere: the column of `--data` that holds what it answered; again for a "
        "further target. Columns `probability_LABEL` beside it are its probabilities.",
        show_default=False,
    ),
]
TaskOption = Annotated[
    Literal["classification", "regression"] | None,
    typer.Option("--task", help="What the answers are, where whole numbers could be both.", show_default=False),
]
TimeLimitOption = Annotated[
    float,
    typer.Option(
        "--time-limit",
        min=0,
        metavar="SECONDS",
        help="The longest that one conversion may take; with 0, the model is not converted.",
    ),
]


def command(
    model: ModelArgument = None,
    name: NameOption = None,
    data: DataOption = None,
    target: TargetOption = None,
    labels: LabelsOption = None,
    signature: SignatureOption = None,
    answers: AnswersOption = None,
    task: TaskOption = None,
    out: Annotated[Path, typer.Option("--out", help="The folder that the bundle is written into.")] = Path(),
    as_zip: Annotated[bool, typer.Option("--zip", help="Write one `.zip` file instead of a directory.")] = False,
    time_limit_s: TimeLimitOption = 120,
    as_json: JsonOption = False,
) -> None:
    """Turn a trained model into a bundle: data files that a server loads without running anyone's code.

    Each engine that the model can be written for is compared with the original on the real rows and on rows on
    both sides of its thresholds; the fastest of those that answer the same stays in the bundle.

    **Packing unpickles the model, which runs code from the file.** Pack where the model was trained, with the
    same library versions, and only models that you trust.

    A model that something else serves is packed by its answers alone (`--answers`): the bundle predicts nothing, and
    predictions made elsewhere are logged to it and monitored.

    Examples:

    `garcom pack model.pkl --name wine --data wine.csv --target quality --labels 0=bom,1=ruim`

    `garcom pack model.onnx --name prices --data rows.parquet --signature prices.toml --zip`

    `garcom pack --answers prediction --data answered.csv --name wine`
    """
    packed = pack_file(
        model,
        name=name,
        data=data,
        target=target,
        labels=labels,
        signature=signature,
        answers=answers,
        task=task,
        out=out,
        as_zip=as_zip,
        time_limit_s=time_limit_s,
        quiet=as_json,
    )
    record = {
        "path": str(packed.path),
        "name": packed.name,
        "digest": packed.digest,
        "notes": packed.notes,
        "proof": packed.proof,
        "metrics": packed.bundle.metrics,
    }
    emit(record, as_json, lambda console: _tell(console, packed))


def pack_file(
    model: Path | None,
    *,
    name: str | None = None,
    data: Path | None = None,
    target: list[str] | None = None,
    labels: str | None = None,
    signature: Path | None = None,
    answers: list[str] | None = None,
    task: Literal["classification", "regression"] | None = None,
    out: Path,
    as_zip: bool = False,
    time_limit_s: float = 120,
    quiet: bool = False,
) -> PackedBundle:
    """Pack and tell the steps on stderr (not where ``quiet``), as ``garcom pack`` and ``garcom serve`` do."""
    shown = parse_labels(labels) if labels is not None else None
    if (model is None) == (answers is None):
        raise typer.BadParameter(
            "expected the trained model, or --answers for one that is served elsewhere; got "
            f"{'neither' if model is None else 'both'}",
            param_hint="MODEL",
        )
    with steps(quiet) as progress:
        from garcom.model.pack import pack

        return pack(
            model,
            data,
            name=_name_of(model) if name is None else name,
            target=target,
            labels=shown,
            signature=signature,
            answers=answers,
            task=task,
            out=out,
            as_zip=as_zip,
            time_limit_s=time_limit_s,
            progress=progress,
        )


def pack_for_serving(source: Path, name: str | None, options: Mapping[str, Any]) -> Path:
    """Pack a model to be registered at once; the bundle's folder is removed when this process ends.

    ``options`` may have ``data``, ``target``, ``labels`` and ``signature``, as on the command line.
    """
    place = Path(tempfile.mkdtemp(prefix="garcom-serve-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    target = options.get("target")
    return pack_file(
        source,
        name=name,
        data=options.get("data"),
        target=[target] if isinstance(target, str) else target,
        labels=options.get("labels"),
        signature=options.get("signature"),
        out=place,
    ).path


def parse_labels(text: str) -> dict[str, str]:
    """``0=bom,1=ruim`` as a mapping from class to label; a comma or equals sign in either needs the TOML file."""
    found: dict[str, str] = {}
    for part in text.split(","):
        value, equals, label = (piece.strip() for piece in part.partition("="))
        if not equals or not value or not label or "=" in label or value in found:
            raise typer.BadParameter(
                f"expected CLASS=LABEL,CLASS=LABEL with each class once, as in 0=bom,1=ruim; got {part!r}",
                param_hint="--labels",
            )
        found[value] = label
    return found


def _name_of(model: Path | None) -> str:
    """The name that a file or folder gives its model; a folder may be meant by ``.``, so its own name is looked up."""
    from garcom.model.names import suggest_name

    if model is None:
        raise InputError("Expected a name for the model that is served elsewhere. Give it one with --name.")
    name = suggest_name(model.absolute().stem or model.resolve().stem)
    if not name:
        raise InputError(f"No name for the model can be made of {str(model)!r}. Give it one with --name.")
    return name


def _tell(console: Console, packed: PackedBundle) -> None:
    from garcom.cli.proof import tell_proof

    tell_proof(console, packed.proof)
    for note in packed.notes:
        console.print(f"Note: {plain(note)}")
    console.print()
    console.print(f"Packed {packed.path}", style="bold", soft_wrap=True)
    if packed.bundle.is_served_elsewhere:
        console.print(f"Get it in with: garcom register {packed.path}", soft_wrap=True)
        console.print(f"Then log predictions: POST /v1/models/{packed.name}/log", soft_wrap=True)
    else:
        console.print(f"Serve it with: garcom serve {packed.path}", soft_wrap=True)
