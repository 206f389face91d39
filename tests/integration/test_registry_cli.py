"""``garcom register``, ``models``, ``show``, ``use`` and ``remove``, as a person and as a script use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from garcom import pack
from garcom.cli import app
from garcom.errors import BundleError, Conflict, GarcomError, InputError, ModelNotFound
from garcom.model.archive import zip_bundle
from garcom.model.signature import Field, FieldType, Output, Signature
from tests.bundles import make_bundle

COMMANDS = ("register", "models", "show", "use", "remove")


class Terminal:
    """Runs commands with one home folder."""

    def __init__(self, home: Path) -> None:
        self.environment = {"GARCOM_HOME": str(home), "COLUMNS": "80"}

    def __call__(self, *arguments: str | Path) -> str:
        result = CliRunner().invoke(app, [str(each) for each in arguments], env=self.environment)
        if isinstance(result.exception, GarcomError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str | Path) -> Any:
        return json.loads(self(*arguments, "--json"))


@pytest.fixture
def garcom(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "home")


@pytest.fixture
def wine(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "wine.bundle")


@pytest.fixture
def better(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "better.bundle", weights=b"better", real_rows=0)


def test_from_the_first_bundle_to_the_second(garcom: Terminal, wine: Path, better: Path) -> None:
    assert "No model is registered yet. `garcom register BUNDLE`" in garcom("models")
    assert "Registered wine:1" in garcom("register", wine)
    said = garcom("register", better)
    assert "Registered wine:2" in said
    assert "not proved on real rows" in said
    assert "wine:1 answers for wine; `garcom use wine:2` switches" in said
    assert "wine:2 answers now, instead of wine:1." in garcom("use", "wine:2")
    assert "answers already; nothing was changed" in garcom("use", "wine:2")
    assert "Removed wine:1." in garcom("remove", "wine:1")
    with pytest.raises(Conflict, match="wine:2 is the version that answers"):
        garcom("remove", "wine:2")
    with pytest.raises(Conflict, match="nobody is there to be asked"):
        garcom("remove", "wine")
    said = garcom("remove", "wine", "--yes")
    assert "Removed wine:2." in said
    assert "model wine is gone" in said


def test_register_again_says_so(garcom: Terminal, wine: Path, tmp_path: Path) -> None:
    garcom("register", wine)
    said = garcom("register", zip_bundle(wine, tmp_path / "wine.zip"))
    assert "wine:1 has this content already; no new version was made." in said


def test_register_with_everything(garcom: Terminal, wine: Path) -> None:
    made = garcom.json(
        "register",
        wine,
        "--name",
        "vinho",
        "--param",
        "trees=100",
        "--param",
        "note=a=b",
        "--route",
        "/vinho",
        "--default",
    )
    assert (made["model"], made["number"], made["answers"], made["existed"]) == ("vinho", 1, True, False)
    assert made["parameters"] == {"trees": "100", "note": "a=b"}
    (model,) = garcom.json("models")
    assert (model["name"], model["routes"], model["is_default"], model["answers"]) == ("vinho", ["/vinho"], True, 1)
    assert model["versions"][0]["summary"]["real_rows"] == 5000


def test_routes_and_the_default_after_registration(garcom: Terminal, wine: Path) -> None:
    garcom("register", wine)
    said = garcom("use", "wine", "--route", "/prever_precos", "--default")
    assert "/v1/models/wine/predict, /prever_precos, /predict (the default)" in " ".join(said.split())
    assert garcom.json("use", "wine", "--drop-route", "/prever_precos")["model"]["routes"] == []
    with pytest.raises(InputError, match="Garçom uses /predict itself"):
        garcom("use", "wine", "--route", "/predict")


def test_a_route_that_cannot_be_one_registers_nothing(garcom: Terminal, wine: Path) -> None:
    with pytest.raises(InputError, match="Expected a path such as /prever_precos"):
        garcom("register", wine, "--route", "prever precos")
    assert garcom.json("models") == []


def test_show_has_all_that_a_person_asks_for(garcom: Terminal, wine: Path) -> None:
    garcom("register", wine, "--param", "trees=100")
    said = " ".join(garcom("show", "wine:1").split())
    for expected in (
        "wine:1 (answers; registered 20",
        "pH float no 2.7 to 4",
        "doçura float may be null 0 to 65.8 g/l",
        "cor category no branco, tinto",
        "classification: bom (0), ruim (1), with probabilities",
        "roc_auc 0.8765",
        "Equal to the original on 5,000 real rows and 812 rows placed",
        "arrays won 0 2.2e-16 21.4 µs 290 µs 9.15 ms",
        "onnx-float32 failed 770 9.3e-01",
        "onnx-float64: no converter for this step",
        "numpy 2.3.0, scikit-learn 1.7.2",
        "trees 100",
        "source model.pkl",
        "git.dirty False",
    ):
        assert expected in said, expected
    assert "not proved" not in said


def test_what_was_not_proved_on_real_rows_is_said_everywhere(garcom: Terminal, better: Path) -> None:
    for command in (("register", better), ("models",), ("show", "wine"), ("show", "wine:1"), ("show", better)):
        assert "not proved on real rows" in garcom(*command).lower(), command
    assert garcom.json("show", "wine")["bundle"]["proved_on_real_rows"] is False


def test_show_has_one_shape_in_json(garcom: Terminal, wine: Path) -> None:
    garcom("register", wine)
    model, version, path = (garcom.json("show", target) for target in ("wine", "wine:1", str(wine)))
    assert model["bundle"] == version["bundle"] == path["bundle"]
    assert model["model"]["versions"] == [version["version"]] == [model["version"]]
    assert [path["model"], path["version"], version["model"]] == [None, None, None]
    assert path["bundle"]["signature"]["fields"][1]["name"] == "doçura"
    assert path["bundle"]["proof"]["candidates"][0]["timings_us"]["1024"] == 9150.5


def test_show_of_a_path_makes_no_home(garcom: Terminal, wine: Path, tmp_path: Path) -> None:
    garcom("show", wine)
    assert not (tmp_path / "home").exists()


def test_a_damaged_bundle_does_not_answer(garcom: Terminal, wine: Path, better: Path, tmp_path: Path) -> None:
    garcom("register", wine)
    digest = garcom.json("register", better)["digest"]
    (tmp_path / "home" / "bundles" / digest / "proof.json").write_text("{}")
    with pytest.raises(BundleError, match=r"proof\.json"):
        garcom("use", "wine:2")
    assert garcom.json("models")[0]["answers"] == 1


def test_texts_of_a_bundle_cannot_steer_the_terminal(garcom: Terminal, tmp_path: Path) -> None:
    signature = Signature(
        fields=(Field(name="[red]a\x1b[2Jb\n:smile:", type=FieldType.FLOAT),),
        output=Output(task="regression", names=("preço",), unit="R$"),
        example={"[red]a\x1b[2Jb\n:smile:": 1.0},
    )
    said = garcom("show", make_bundle(tmp_path / "odd.bundle", signature=signature))
    assert "\x1b" not in said
    assert "[red]a\\x1b[2Jb\\n:smile:" in said
    assert "regression: preço in R$" in said


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal(garcom: Terminal, wine: Path, better: Path, columns: int) -> None:
    garcom.environment["COLUMNS"] = str(columns)
    for name in ("wine", "previsao-de-precos"):
        garcom("register", wine, "--name", name)
    garcom("register", better)
    for command in (("models",), ("show", "wine")):
        said = garcom(*command)
        assert max(map(len, said.splitlines())) <= columns
        assert "classification" in said
        assert "…" not in said
    assert "previsao-de-precos " in garcom("models")


def test_what_is_no_bundle_is_refused_with_advice(garcom: Terminal, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"\x80\x05")
    with pytest.raises(BundleError, match=r"looks like a model's own file.*garcom pack .*model\.pkl"):
        garcom("register", tmp_path / "model.pkl")
    with pytest.raises(BundleError, match="nothing is there"):
        garcom("register", tmp_path / "missing.bundle")
    with pytest.raises(ModelNotFound, match="No model is registered yet"):
        garcom("show", "wine")


@pytest.mark.skipif(sys.platform == "win32", reason="the platform has no pseudo-terminals")
@pytest.mark.parametrize(("answer", "left"), [(b"n\n", 1), (b"y\n", 0)])
def test_at_a_terminal_a_whole_model_is_asked_about(garcom: Terminal, wine: Path, answer: bytes, left: int) -> None:
    import pty

    garcom("register", wine)
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        done = subprocess.run(
            [sys.executable, "-m", "garcom", "remove", "wine"],
            check=False,
            stdin=theirs,
            capture_output=True,
            text=True,
            env=os.environ | garcom.environment,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert "Remove model wine with its 1 version(s)?" in done.stderr
    assert done.returncode == left
    assert len(garcom.json("models")) == left


@pytest.mark.parametrize("texts", [("trees",), ("=100",), ("trees=100", "trees=50"), ("trees=100", "trees =100")])
def test_parameters_that_cannot_be_are_wrong_usage(garcom: Terminal, wine: Path, texts: tuple[str, ...]) -> None:
    options = [part for text in texts for part in ("--param", text)]
    result = CliRunner().invoke(app, ["register", str(wine), *options], env=garcom.environment)
    assert result.exit_code == 2
    assert "KEY=VALUE" in result.output
    assert garcom.json("models") == []


def test_use_without_a_version_shows_the_versions(garcom: Terminal, wine: Path, better: Path) -> None:
    garcom("register", wine)
    garcom("register", better)
    result = CliRunner().invoke(app, ["use", "wine"], env=garcom.environment | {"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "as in wine:2, got 'wine'. It has wine:1, wine:2." in result.output
    with pytest.raises(ModelNotFound):
        garcom("use", "beer")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_both_spellings_of_help_work(garcom: Terminal, flag: str) -> None:
    assert "register" in garcom(flag)
    assert "--use" in garcom("register", flag)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example(garcom: Terminal, name: str) -> None:
    said = garcom(name, "--help")
    assert "Example" in said
    assert f"garcom {name} " in said
    assert "--json" in said
    assert "--home" in said


def test_the_command_itself(tmp_path: Path, wine: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        code = "from garcom.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *arguments, "--home", str(tmp_path / "other home")],
            check=False,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        )

    done = run("register", str(wine))
    assert (done.returncode, done.stderr) == (0, "")
    refused = run("use", "wine:7")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "error: Model 'wine' has no version 7. It has wine:1.\n"
    assert (tmp_path / "other home" / "garcom.db").is_file()


def test_the_command_line_starts_light() -> None:
    code = "import sys, garcom.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"sqlalchemy", "alembic", "numpy", "onnxruntime", "pyarrow", "sklearn"} & set(done.stdout.split())


def test_a_command_imports_what_it_uses(tmp_path: Path) -> None:
    code = (
        "import sys; from garcom.cli import app; "
        "app(['models', '--home', sys.argv[1]], standalone_mode=False); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True)
    imported = set(done.stdout.split())
    assert {"garcom.cli.models", "sqlalchemy.dialects.sqlite"} <= imported
    assert not {"garcom.cli.serve", "numpy", "sqlalchemy.dialects.postgresql", "alembic"} & imported


def test_a_version_that_is_served_elsewhere(garcom: Terminal, tmp_path: Path) -> None:
    rows = pd.DataFrame({"x": np.linspace(0, 1, 40)})
    bundle = pack(None, rows, answers=rows["x"] * 2, name="cellar", out=tmp_path).path
    said = garcom("register", bundle)
    assert said.startswith("Registered cellar:1 (served elsewhere, ")
    assert "logged at /v1/models/cellar/log." in " ".join(said.split())
    listed = garcom("models")
    assert "elsewhere" in listed
    assert "cellar is served elsewhere: its predictions are logged at /v1/models/cellar/log." in listed
    used = garcom("use", "cellar:1")
    assert "cellar is served elsewhere: its predictions are logged at /v1/models/cellar/log." in used
    shown = garcom("show", "cellar")
    assert "What is predicted elsewhere is logged at /v1/models/cellar/log." in shown
    for text in (said, listed, used, shown):
        assert "/predict" not in text
        assert "not proved" not in text
