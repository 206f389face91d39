"""The OpenAPI document, read as a client reads it: its schemas must take what the server takes and gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from garcom.controller.asking import Controller
from garcom.errors import InputError
from garcom.http import openapi
from garcom.http.bodies import Bodies
from garcom.http.catalogue import Catalogue
from garcom.http.control import Parts, create_control
from garcom.http.edge import Edge
from garcom.http.metrics import Exposition
from garcom.ids import uuid7s
from garcom.model.signature import Field, FieldType, Output, Signature
from garcom.records import Outputs
from garcom.rollout.plan import ModelPlan, TrafficPlan
from garcom.serving.codec.answers import AnswerEncoder, Answers
from garcom.serving.codec.forms import Form
from garcom.serving.codec.json_body import JsonBodies
from garcom.serving.guards import Warned
from garcom.serving.predictor import Predictor
from garcom.serving.runtime import Runtime
from garcom.serving.telemetry import Telemetry
from tests.bundles import SIGNATURE, make_bundle
from tests.unit.http.admissions import admission

EVERY_TYPE = Signature(
    fields=(
        Field(name="a b: ção", type=FieldType.FLOAT, minimum=0.5, maximum=10.0, unit="g/l", description="The acid."),
        Field(name='q"\\\n🍷', type=FieldType.INTEGER, minimum=-3, maximum=7),
        Field(name="records", type=FieldType.STRING, required=False, nullable=True),
        Field(name="columns", type=FieldType.BOOLEAN, required=False),
        Field(name="data", type=FieldType.DATETIME, nullable=True, minimum=0.0, maximum=1e15),
        Field(name="$ref", type=FieldType.CATEGORY, categories=tuple(f"c{i}" for i in range(30))),
        Field(name="~/", type=FieldType.CATEGORY, categories=(1, 2), nullable=True),
    ),
    output=Output(task="regression", names=("latitude", "a~/b"), unit="°", description="Where it grew."),
    example={
        "a b: ção": 1.5,
        'q"\\\n🍷': 3,
        "records": None,
        "columns": True,
        "data": "2026-11-21T10:00:00Z",
        "$ref": "c1",
        "~/": None,
    },
)
ONE_NUMBER = Signature(
    fields=(Field(name="x", type=FieldType.FLOAT),), output=Output(task="regression"), example={"x": 1.0}
)


def with_output(output: Output) -> Signature:
    return Signature(fields=ONE_NUMBER.fields, output=output, example=ONE_NUMBER.example)


MODELS: dict[str, Signature] = {
    "wine": SIGNATURE,
    "every.type_1-x": EVERY_TYPE,
    "strange": with_output(Output(task="outlier", classes=(-1, 1), labels=("odd", "usual"))),
    "groups": with_output(Output(task="clustering", classes=(0, 1, 2))),
    "one": ONE_NUMBER,
    "classes": with_output(Output(task="classification", classes=(True, False), probabilities=True)),
    "labels": with_output(
        Output(task="classification", classes=(0, 1), labels=('a "b"', "ç/~"), probabilities=True, description="Which.")
    ),
}


def never(folder: Path, model: str, version: int) -> Predictor:
    raise AssertionError("the documentation needs no engine")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The document of a server with one model of each kind; wine is the default and has routes of its own."""
    bundles = tmp_path_factory.mktemp("bundles")
    runtime = Runtime(never, memory_budget_bytes=1, max_queued_rows=1, route="/prever_precos")
    plans = {}
    for name, signature in MODELS.items():
        make_bundle(bundles / name, name=name, signature=signature)
        routes = ("/a/b", "/a_b") if name == "wine" else ()
        plans[name] = ModelPlan(answers=1, versions={1: name}, routes=routes)
    plans["silent"] = ModelPlan(answers=None, versions={1: "wine"})
    runtime.plan = TrafficPlan(revision=1, default="wine", models=plans, bundles=str(bundles))
    catalogue = Catalogue(runtime)
    parts = Parts(
        runtime,
        catalogue,
        Exposition(Telemetry().snapshot, runtime, bundles),
        Controller(bundles),
        Edge(Telemetry(), False, str.upper),
        Bodies(max_body_bytes=1, max_buffered_bytes=1, timeout_s=1.0),
        admission(bundles),
    )
    app = create_control(parts, "1.0")
    made = catalogue.openapi(app.openapi())
    assert catalogue.openapi(app.openapi()) is made  # kept until the plan changes
    return json.loads(json.dumps(made, allow_nan=False))  # type: ignore[no-any-return]


def validator(document: dict[str, Any], name: str) -> jsonschema.Draft202012Validator:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return jsonschema.Draft202012Validator(schema)


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if str(value.get("$ref")).startswith("#") else []  # a field is called so too
        return own + [found for part in value.values() for found in references(part)]
    return [found for part in value for found in references(part)] if isinstance(value, list) else []


def test_the_frame_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"]
    assert document["info"]["version"] == "1.0"
    ids = []
    for path, operations in document["paths"].items():
        assert path.startswith("/")
        for method, operation in operations.items():
            assert method in ("get", "post", "put", "patch", "delete")
            assert operation["responses"]
            ids.append(operation["operationId"])
    assert len(ids) == len(set(ids))
    for name, schema in document["components"]["schemas"].items():
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    for path in document["paths"].values():
        assert set(references(path)) <= known
    for schema in document["components"]["schemas"].values():
        assert set(references(schema)) <= known


def test_each_answering_model_has_its_paths(document: dict[str, Any]) -> None:
    posts = {path: operations["post"] for path, operations in document["paths"].items() if "post" in operations}
    predict = {path for path, operation in posts.items() if set(operation["tags"]) <= set(MODELS)}
    pinned = {f"/v1/models/{name}/versions/{{version}}/predict" for name in MODELS}
    own = {"/predict", "/prever_precos", "/a/b", "/a_b"}
    assert predict == {f"/v1/models/{name}/predict" for name in MODELS} | pinned | own
    assert {"/healthz", "/readyz", "/metrics", "/v1/models", "/example"} <= set(document["paths"])
    tags = {tag["name"] for tag in document["tags"]}
    used = {tag for operations in document["paths"].values() for op in operations.values() for tag in op["tags"]}
    assert used <= tags


def test_the_framework_s_own_errors_are_not_announced(document: dict[str, Any]) -> None:
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])
    responses = document["paths"]["/v1/models/{model}/versions/{version}"]["get"]["responses"]
    assert set(responses) == {"200", "401", "403", "404", "429", "500", "503"}
    assert "application/problem+json" in responses["404"]["content"]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_s_fields_are_told_with_type_range_and_unit(document: dict[str, Any], name: str) -> None:
    record = document["components"]["schemas"][f"{name}.Record"]
    signature = MODELS[name]
    assert list(record["properties"]) == list(signature.names)
    assert record["required"] == [field.name for field in signature.fields if field.required]
    assert record["additionalProperties"] is False
    assert record["examples"] == [signature.example]
    for field in signature.fields:
        told = record["properties"][field.name]
        assert ("null" in told["type"]) is field.nullable
        words = told.get("description", "")
        assert field.unit in words
        assert field.description in words
        if field.minimum is not None and field.maximum is not None and field.type is not FieldType.DATETIME:
            assert f"{field.minimum:.6g} to {field.maximum:.6g}" in words
        if field.categories:
            assert told["examples"] == list(field.categories[:20])
            assert str(field.categories[0]) in words


def test_the_range_of_a_date_is_told_as_dates() -> None:
    field = Field(name="d", type=FieldType.DATETIME, minimum=0.0, maximum=86_400e6)
    told = openapi.field_schema(field)
    assert told["format"] == "date-time"
    assert told["description"] == "Seen in training: 1970-01-01T00:00:00+00:00 to 1970-01-02T00:00:00+00:00."


@pytest.mark.parametrize("name", MODELS)
def test_the_examples_are_bodies_that_the_server_takes(document: dict[str, Any], name: str) -> None:
    content = document["paths"][f"/v1/models/{name}/predict"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json", "text/csv", "application/vnd.apache.arrow.stream"}
    request = validator(document, f"{name}.Request")
    reader = JsonBodies(MODELS[name], 10)
    for example in content["application/json"]["examples"].values():
        request.validate(example["value"])
        assert reader.read(json.dumps(example["value"]).encode()).n_rows > 0
    enveloped = {"records": [MODELS[name].example]}
    request.validate(enveloped)
    assert reader.read(json.dumps(enveloped).encode()).form is Form.RECORDS


@pytest.mark.parametrize("name", MODELS)
def test_what_the_schema_refuses_the_server_refuses(document: dict[str, Any], name: str) -> None:
    request = validator(document, f"{name}.Request")
    signature = MODELS[name]
    reader = JsonBodies(signature, 10)
    example = signature.example
    first = signature.fields[0].name
    wrong: list[Any] = [
        [],
        {},
        None,
        1,
        example | {"no such field": 1},
        {key: value for key, value in example.items() if key != first},
        example | {first: {"nested": 1}},
        [example, 1],
        {"records": []},
        {"records": [example], "more": 1},
        {"columns": [first], "data": []},
        {"columns": [first], "data": [[1.0]], "more": 1},
    ]
    for body in wrong:
        assert not request.is_valid(body), body
        with pytest.raises(InputError):
            reader.read(json.dumps(body).encode())


def outputs_of(output: Output) -> Outputs:
    """Three rows of outputs, as an engine of such a model gives them."""
    labels = None if output.task == "regression" else np.array([0, 1, 0])
    k = len(output.classes)
    probabilities = np.full((3, k), 1 / k) if output.probabilities else None
    m = {"regression": max(1, len(output.names)), "outlier": 1}.get(output.task)
    nothing = np.nan if output.task == "regression" else 0.0
    return Outputs(labels, probabilities, None if m is None else np.array([[nothing] * m, [1.0] * m, [-2.5] * m]))


@pytest.mark.parametrize("form", [Form.RECORD, Form.LIST, Form.RECORDS, Form.SPLIT])
@pytest.mark.parametrize("name", MODELS)
def test_real_answers_fit_the_schema(document: dict[str, Any], name: str, form: Form) -> None:
    output = MODELS[name].output
    warnings = {0: [Warned("x", "above_range", "above")], 2: [Warned("x", "below_range", "below")]}
    answers = Answers(uuid7s(3), outputs_of(output), warnings)
    body, _ = AnswerEncoder(name, 1, output).encode(form, answers)
    response = validator(document, f"{name}.Response")
    response.validate(json.loads(body))
    assert not response.is_valid({"model": name, "version": 1})


@pytest.mark.parametrize("name", MODELS)
def test_the_example_answer_fits_the_schema(document: dict[str, Any], name: str) -> None:
    responses = document["paths"][f"/v1/models/{name}/predict"]["post"]["responses"]
    example = responses["200"]["content"]["application/json"]["examples"]["one record"]["value"]
    validator(document, f"{name}.Response").validate(example)
    assert example["model"] == name


def test_every_error_is_told_with_a_problem_that_fits_its_schema(document: dict[str, Any]) -> None:
    problem = validator(document, "Problem")
    for name in MODELS:
        responses = document["paths"][f"/v1/models/{name}/predict"]["post"]["responses"]
        problems = {"400", "401", "403", "404", "409", "413", "415", "422", "429", "500", "503"}
        assert set(responses) == {"200"} | problems
        for status, response in responses.items():
            if status != "200":
                example = response["content"]["application/problem+json"]["example"]
                problem.validate(example)
                assert example["status"] == int(status)


def test_a_model_called_as_a_group_of_the_server_keeps_its_tag() -> None:
    names = [tag["name"] for tag in openapi.tags(["models", "wine"])]
    assert names == ["models", "wine", "predictions", "monitoring", "alerts", "audit", "access", "server"]
