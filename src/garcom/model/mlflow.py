"""What makes a bundle a valid MLflow model directory, and what ``mlflow.pyfunc.load_model`` opens it with.

MLflow itself is not imported here: the files are plain YAML and JSON, and the loader module needs pandas only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from garcom.model.bundle import Bundle, read_bundle
from garcom.model.signature import Field, FieldType, Signature

if TYPE_CHECKING:
    import pandas as pd

_TYPES = {
    FieldType.FLOAT: "double",
    FieldType.INTEGER: "long",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATETIME: "datetime",
    FieldType.STRING: "string",
    FieldType.CATEGORY: "string",
}


def write_mlflow(folder: Path, signature: Signature, created: str) -> None:
    """Write ``MLmodel`` and ``input_example.json`` into a bundle's folder; ``created`` is an ISO time."""
    import yaml

    from garcom import __version__

    names = list(signature.names)
    example = {"columns": names, "data": [[signature.example[name] for name in names]]}
    document = {
        "flavors": {
            "python_function": {"loader_module": "garcom.model.mlflow", "env": {}},
            "garcom": {"version": __version__},
        },
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "pandas_orient": "split",
            "type": "dataframe",
        },
        "signature": {
            "inputs": json.dumps([_column(field) for field in signature.fields], ensure_ascii=False),
            "outputs": json.dumps(_outputs(signature), ensure_ascii=False),
        },
        "utc_time_created": created.replace("T", " ").removesuffix("+00:00"),
    }
    (folder / "MLmodel").write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=True), encoding="utf-8")
    (folder / "input_example.json").write_text(json.dumps(example, ensure_ascii=False), encoding="utf-8")


def _column(field: Field) -> dict[str, Any]:
    kind = _TYPES[field.type]
    if field.type is FieldType.CATEGORY and all(isinstance(value, int) for value in field.categories):
        kind = "long" if field.categories else kind
    # MLflow holds a table with gaps in whole numbers as doubles, and refuses those for "long".
    if field.nullable and kind in ("long", "boolean"):
        kind = "double"
    return {"type": kind, "name": field.name, "required": not field.nullable}


def _outputs(signature: Signature) -> list[dict[str, Any]]:
    output = signature.output
    if output.task == "regression":
        return [{"type": "double", "name": name, "required": True} for name in output.names or ("value",)]
    value = output.shown[0]
    kinds: list[tuple[type, str]] = [(bool, "boolean"), (int, "long"), (float, "double"), (str, "string")]
    kind = next(name for one, name in kinds if isinstance(value, one))
    columns = [{"type": kind, "name": "label", "required": True}]
    if output.probabilities:
        columns += [{"type": "double", "name": name, "required": True} for name in output.probability_names]
    if output.task == "outlier":
        columns.append({"type": "double", "name": "score", "required": True})
    return columns


class PyFunc:
    """A bundle as MLflow calls it."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        # Whoever loads an MLflow model accepts that its code runs, so a Python engine is allowed.
        self._engine = bundle.open_engine(allow_python="unconfined")

    def predict(self, data: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """A row of answers per row: ``label`` with a column per probability, or a column per value."""
        import pandas as pd

        from garcom.model.frames import to_batch

        output = self._bundle.signature.output
        answers = self._engine.run(to_batch(pd.DataFrame(data), self._bundle.signature))
        columns: dict[str, Any] = {}
        if answers.labels is not None:
            columns["label"] = [output.shown[index] for index in answers.labels]
        if answers.probabilities is not None:
            columns |= dict(zip(output.probability_names, answers.probabilities.T, strict=True))
        if answers.values is not None:
            names = output.names or (("score",) if output.task == "outlier" else ("value",))
            columns |= dict(zip(names, answers.values.T, strict=True))
        return pd.DataFrame(columns, index=data.index)


def _load_pyfunc(path: str) -> PyFunc:
    """Called by MLflow with the model's folder."""
    return PyFunc(read_bundle(path))
