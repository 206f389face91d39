"""The model card: what a person should know of a bundle, in Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from garcom.model.proof import TIMED_ROWS, Proof
from garcom.model.signature import STORED, Field, Signature


def model_card(
    name: str, signature: Signature, proof: Proof, metrics: Mapping[str, Any], lineage: Mapping[str, Any]
) -> str:
    """The whole card."""
    parts = [
        f"# {name}",
        _answers(signature),
        "## Inputs\n\n" + fields_table(signature),
        "## Example\n\n```json\n" + json.dumps(signature.example, ensure_ascii=False, indent=2) + "\n```",
        f"## Proof\n\n{_capital(proof.sentence())}.\n\n{proof_table(proof) if proof.candidates else ''}".rstrip(),
    ]
    numbers = {key: value for key, value in metrics.items() if isinstance(value, int | float)}
    if numbers:
        rows = [[key.replace("_", " "), f"{value:,.6g}"] for key, value in numbers.items()]
        note = "Measured on the rows given when the model was packed; if it was trained on them, they flatter it.\n\n"
        parts.append("## Metrics\n\n" + note + _table(["metric", "value"], rows))
    parts.append("## Lineage\n\n" + _table(["what", "value"], [[key, _plain(value)] for key, value in lineage.items()]))
    return "\n\n".join(parts) + "\n"


def fields_table(signature: Signature) -> str:
    """The input fields as a Markdown table."""
    rows = [
        [field.name, field.type.value, field.unit, _range(field), "yes" if field.nullable else "no", field.description]
        for field in signature.fields
    ]
    columns = ["field", "type", "unit", "seen in training", "may be missing", "description"]
    if any(field.personal for field in signature.fields):
        columns.append("written down")
        rows = [[*row, STORED[field.pii]] for row, field in zip(rows, signature.fields, strict=True)]
    return _table(columns, rows)


def proof_table(proof: Proof) -> str:
    """The candidates as a Markdown table: result, flips, largest difference, timings."""
    rows = [
        [
            report.name,
            report.status + (f": {report.reason}" if report.reason else ""),
            f"{report.flips:,}" if report.compared else "",
            "" if report.largest_difference is None else f"{report.largest_difference:.2g}",
            *(f"{report.timings_us[str(size)]:,.0f}" if str(size) in report.timings_us else "" for size in TIMED_ROWS),
        ]
        for report in proof.candidates
    ]
    timed = [f"{size:,} row{'s' if size > 1 else ''}, µs" for size in TIMED_ROWS]
    return _table(["engine", "result", "label flips", "largest difference", *timed], rows)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:].removesuffix(".")


def _answers(signature: Signature) -> str:
    output = signature.output
    if output.task == "regression":
        unit = f" in {output.unit}" if output.unit else ""
        text = f"Predicts {', '.join(output.names) or 'a number'}{unit}."
    else:
        shown = ", ".join(map(str, output.shown[:30])) + (" …" if len(output.shown) > 30 else "")
        kinds = {
            "classification": "Predicts one of the classes",
            "clustering": "Assigns one of the clusters",
            "outlier": "Tells outliers (-1) from inliers (1), with a score, as",
        }
        text = f"{kinds[output.task]}: {shown}."
        text += " Answers a probability for each." if output.probabilities else ""
    return f"{text} {output.description}".strip()


def _range(field: Field) -> str:
    if field.categories:
        return ", ".join(map(str, field.categories[:12])) + (" …" if len(field.categories) > 12 else "")
    if field.minimum is None or field.maximum is None:
        return ""
    return f"{field.minimum:g} – {field.maximum:g}"


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {entry}" for key, entry in value.items())
    return str(value)


def _table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(_cell(text) for text in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
