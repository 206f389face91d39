"""The client against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from garcom import Client
from garcom.client import Prediction, Rejected
from tests.integration.client.conftest import wines

ROW: dict[str, Any] = {"pH": 3.0, "doçura": 12.5, "cor": "tinto"}


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Client]:
    with Client(address, patience_s=0) as made:
        yield made


def test_one_record(client: Client) -> None:
    found = client.predict(ROW)
    assert (found.model, found.version, found.prediction, found.warnings) == ("vinho", 1, "bom", ())
    assert found.probabilities is not None
    assert list(found.probabilities) == ["bom", "ruim"]
    assert sum(found.probabilities.values()) == pytest.approx(1)


def test_a_list_a_frame_and_an_arrow_table_say_the_same(client: Client) -> None:
    frame = wines().set_index(np.arange(200) * 7)
    listed = client.predict(frame.to_dict("records"))  # the missing values are NaN here
    table = client.predict(frame)
    arrow = client.predict(pa.Table.from_pandas(frame, preserve_index=False))
    assert table.index.equals(frame.index)
    assert table.attrs == {"model": "vinho", "version": 1}
    assert list(table.columns) == ["id", "prediction", "probability_bom", "probability_ruim", "warnings"]
    assert table["prediction"].tolist() == [one.prediction for one in listed]
    assert set(table["prediction"]) == {"bom", "ruim"}
    assert table["probability_bom"].tolist() == [one.probabilities["bom"] for one in listed if one.probabilities]
    assert table["warnings"].tolist() == arrow.column("warnings").to_pylist()
    same = table.drop(columns=["id", "warnings"]).reset_index(drop=True)
    assert same.equals(arrow.drop_columns(["id", "warnings"]).to_pandas())


def test_ids_differ(client: Client) -> None:
    ids = client.predict(wines())["id"]
    assert ids.nunique() == 200


def test_another_version_answers_otherwise(client: Client) -> None:
    first, second = client.predict(ROW, "vinho:1"), client.predict(ROW, version=2)
    assert (first.version, second.version) == (1, 2)
    assert first.probabilities != second.probabilities


def test_several_targets(client: Client) -> None:
    found = client.predict({"pH": 3.5}, "medidas")
    assert found.prediction == {"dobro": pytest.approx(7.0), "triplo": pytest.approx(10.5)}
    frame = client.predict(pd.DataFrame({"pH": [3.5]}), "medidas")
    assert frame["prediction_dobro"].tolist() == [pytest.approx(7.0)]
    assert frame["prediction_triplo"].tolist() == [pytest.approx(10.5)]


def test_warnings_are_typed(client: Client) -> None:
    (warned,) = client.predict(ROW | {"pH": 9.5}).warnings
    assert (warned.field, warned.code) == ("pH", "above_range")
    frame = client.predict(pd.DataFrame([ROW, ROW | {"cor": "rosé"}]))
    assert frame["warnings"].tolist()[0] is None
    assert frame["warnings"].tolist()[1].startswith("cor: not among the 2 categories")


def test_missing_values_of_every_kind(client: Client) -> None:
    for missing in (None, np.nan, pd.NA, pd.NaT, np.float32("nan")):
        assert client.predict(ROW | {"doçura": missing}).prediction == "bom"
    with pytest.raises(Rejected, match="pH: expected a number, got a missing value"):
        client.predict(ROW | {"pH": np.nan})


def test_a_refusal_names_row_field_and_suggestion(client: Client) -> None:
    wrong = {"ph": 3.0, "doçura": 12.5, "cor": "tinto"}
    with pytest.raises(Rejected) as caught:
        client.predict([ROW, wrong])
    assert "records[1].ph" in str(caught.value)
    assert "Did you mean 'pH'?" in str(caught.value)
    assert caught.value.status == 422
    assert caught.value.faults[0].where == "records[1].ph"
    assert caught.value.problem["type"].endswith("invalid-rows")


def test_a_refusal_of_a_frame_names_row_and_column(client: Client) -> None:
    frame = wines(20)
    frame.loc[13, "pH"] = np.nan
    with pytest.raises(Rejected, match=r"records\[13\]\.pH"):
        client.predict(frame)


@pytest.mark.parametrize("data", [[], pd.DataFrame({"pH": [], "doçura": [], "cor": []})])
def test_no_rows_are_refused(client: Client, data: Any) -> None:
    with pytest.raises(Rejected, match="expected at least one"):
        client.predict(data)


def test_unknown_names(client: Client) -> None:
    with pytest.raises(Rejected, match="Did you mean 'vinho'") as caught:
        client.predict(ROW, "vinhos")
    assert caught.value.status == 404
    with pytest.raises(Rejected, match=r"it has 1, 2"):
        client.predict(ROW, "vinho", 9)


def test_what_there_is(client: Client) -> None:
    assert client.ready()
    assert [(model.model, model.answers, model.default) for model in client.models()] == [
        ("medidas", 1, False),
        ("vinho", 1, True),
    ]
    vinho = client.model()
    answering, second = vinho.version(), vinho.version(2)
    assert answering is not None
    assert answering.answers
    assert answering.signature.names == ("pH", "doçura", "cor")
    assert answering.signature.output.labels == ("bom", "ruim")
    assert answering.proved_on_real_rows
    assert second is not None
    assert not second.answers
    assert vinho.version(3) is None


def test_the_example_is_taken(client: Client) -> None:
    assert client.predict(client.example()).model == "vinho"
    assert client.predict(client.example("medidas"), "medidas").model == "medidas"


def test_threads_share_a_client(client: Client) -> None:
    rows = wines(100).to_dict("records")
    with ThreadPoolExecutor(8) as threads:
        alone = list(threads.map(lambda row: client.predict(row), rows))
    together: list[Prediction] = client.predict(rows)
    assert [one.prediction for one in alone] == [one.prediction for one in together]
    assert len({one.id for one in alone}) == 100
