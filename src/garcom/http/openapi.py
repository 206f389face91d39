"""The OpenAPI document: every model's own fields, ranges, example and answer, made anew when the plan changes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from garcom.http import problems
from garcom.http.policy import POLICY
from garcom.http.rules import PUBLIC
from garcom.model.signature import STORED, Class, Field, FieldType, Output, Signature
from garcom.serving.guards import Warned
from garcom.serving.rows import moment

_JSON_TYPES = {
    FieldType.FLOAT: "number",
    FieldType.INTEGER: "integer",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATETIME: "string",
    FieldType.STRING: "string",
}

#: What a value of a table can be; which of them its column takes, the record tells.
_CELL_TYPES = ("string", "number", "boolean", "null")

_ID = "01931c5e-7d2a-7c4b-9f3e-2b6a1d0c8e57"

#: Of each status: what it means here, the kind of problem, and a detail as an example.
_PROBLEMS = {
    "400": (
        "The body cannot be read: broken JSON, in no form that is taken, nested too deeply, empty.",
        "malformed-body",
        "The body cannot be read: records: expected at least one record, got an empty list.",
    ),
    "401": (
        "Nobody knows who asks: no key or token, or one that is wrong, expired or revoked.",
        "unauthenticated",
        "Expected an API key or a token, as in `Authorization: Bearer gk_…`, got none.",
    ),
    "403": (
        "It is known who asks, and its roles do not permit it.",
        "forbidden",
        "Expected a caller that may predict for model 'wine', got one whose roles do not permit it.",
    ),
    "404": (
        "No such model or version.",
        "model-not-found",
        "Expected the name of a registered model, got 'wyne'. Did you mean 'wine'?",
    ),
    "409": (
        "The present state forbids it.",
        "conflict",
        "Model 'wine' needs a Python engine, and this server does not allow one.",
    ),
    "413": (
        "The body is too large.",
        "body-too-large",
        "Expected a body of at most 67,108,864 bytes, got a longer one. Send it in parts.",
    ),
    "415": (
        "The body's Content-Type is none that is read.",
        "unsupported-media-type",
        "Expected a body of application/json, text/csv or application/vnd.apache.arrow.stream, got 'text/xml'. "
        "Set the Content-Type header.",
    ),
    "422": (
        "The rows do not fit the model: missing, unknown, wrongly typed or doubled fields, each named; or the model "
        "has no answer for one of them.",
        "invalid-rows",
        "records[3].pH: expected a number, got text.",
    ),
    "429": (
        "The caller has used up what it may ask for; Retry-After tells when there is more.",
        "rate-limited",
        "Expected at most 100 requests in any 1 s, got one more. Wait 1 s.",
    ),
    "500": ("The server failed; the rows may well be right.", "engine-error", "What computes the model failed."),
    "503": (
        "The queue is full; try again after Retry-After seconds.",
        "overloaded",
        "The queue of this model is full. Try again shortly.",
    ),
}

#: How callers say who they are, on a server that asks.
SECURITY: list[dict[str, list[str]]] = [{"key": []}, {"bearer": []}]
SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (`gk_…`), or a token of `POST /v1/token`.",
    },
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key (`gk_…`)."},
}

#: One record, a list of them, and so on: what the request looks like decides what the answer looks like.
_FORMS = (
    "The answer comes in the form of the body: one record in, one answer out; a list, a list; `records`, "
    "`predictions`; columns and rows, the same; CSV, CSV; an Arrow IPC stream, a stream. Values outside the ranges "
    "seen in training are answered with `warnings`."
)


INTRODUCTION = (
    "The models of this server. Unfold one: its fields, their types and ranges, an example, its answer. *Execute* "
    "sends the example. Every error is told in [one shape](/docs/problems)."
)


def tags(models: list[str]) -> list[dict[str, str]]:
    """The groups of operations, in the order in which the documentation shows them."""
    own = {
        "predictions": "What was served, and what really happened",
        "monitoring": "Whether a model is still right",
        "alerts": "When people are told, and of what",
        "models": "What is registered",
        "audit": "Who did what",
        "access": "Users, keys and tokens",
        "server": "Health and metrics",
    }
    found = [{"name": model} for model in models]
    return found + [{"name": name, "description": text} for name, text in own.items() if name not in models]


def field_schema(field: Field) -> dict[str, Any]:
    """JSON Schema of one field. Ranges seen in training are told in words: a value outside is no error."""
    if field.type is FieldType.CATEGORY:
        whole = bool(field.categories) and isinstance(field.categories[0], int)
        schema: dict[str, Any] = {"type": "integer" if whole else "string"}
        if field.categories:
            schema["examples"] = list(field.categories[:20])
    else:
        schema = {"type": _JSON_TYPES[field.type]}
    if field.type is FieldType.DATETIME:
        schema["format"] = "date-time"
    if field.nullable:
        schema["type"] = [schema["type"], "null"]
    stored = f"Written down: {STORED[field.pii]}." if field.personal else ""
    words = [field.description, f"In {field.unit}." if field.unit else "", _seen(field), stored]
    if any(words):
        schema["description"] = " ".join(word for word in words if word)
    return schema


def _seen(field: Field) -> str:
    if field.type is FieldType.CATEGORY and field.categories:
        more = ", …" if len(field.categories) > 20 else ""
        return f"Categories seen in training: {', '.join(map(str, field.categories[:20]))}{more}."
    if field.minimum is None or field.maximum is None:
        return ""
    if field.type is FieldType.DATETIME:
        return f"Seen in training: {moment(field.minimum).isoformat()} to {moment(field.maximum).isoformat()}."
    return f"Seen in training: {field.minimum:.6g} to {field.maximum:.6g}."


def record_schema(signature: Signature) -> dict[str, Any]:
    """JSON Schema of one input row."""
    return {
        "type": "object",
        "properties": {field.name: field_schema(field) for field in signature.fields},
        "required": [field.name for field in signature.fields if field.required],
        "additionalProperties": False,
        "examples": [signature.example],
    }


def prediction_schema(output: Output) -> dict[str, Any]:
    """JSON Schema of ``prediction``."""
    unit = {"description": f"In {output.unit}."} if output.unit else {}
    if output.task == "regression":
        number: dict[str, Any] = {"type": ["number", "null"]} | unit
        if len(output.names) <= 1:
            return number
        return {"type": "object", "properties": dict.fromkeys(output.names, number), "required": list(output.names)}
    return {"enum": list(output.shown)} | ({"description": output.description} if output.description else {})


def answer_schema(model: str, version: int, output: Output) -> dict[str, Any]:
    """JSON Schema of one row's answer."""
    properties: dict[str, Any] = {
        "id": {"type": "string", "format": "uuid", "description": "The prediction's id, a UUID of version 7."},
        "model": {"type": "string", "const": model},
        "version": {"type": "integer", "examples": [version]},
        "prediction": prediction_schema(output),
    }
    required = ["id", "prediction"]
    if output.probabilities:
        names = output.probability_names
        share = {"type": "number", "minimum": 0, "maximum": 1}
        properties["probabilities"] = {
            "type": "object",
            "properties": dict.fromkeys(names, share),
            "required": list(names),
        }
        required.append("probabilities")
    if output.task == "outlier":
        properties["score"] = {"type": "number", "description": "The model's score: the lower, the stranger the row."}
        required.append("score")
    properties["warnings"] = {"type": "array", "items": {"$ref": "#/components/schemas/Warned"}}
    return {"type": "object", "properties": properties, "required": required}


def example_answer(model: str, version: int, output: Output) -> dict[str, Any]:
    """An answer as an example; its numbers are made up, its names are the model's."""
    answer: dict[str, Any] = {"id": _ID, "model": model, "version": version}
    if output.task == "regression":
        answer["prediction"] = dict.fromkeys(output.names, 0.0) if len(output.names) > 1 else 0.0
        return answer
    first: Class = output.shown[0]
    answer["prediction"] = first
    if output.probabilities:
        rest = dict.fromkeys(output.probability_names, 0.0)
        answer["probabilities"] = rest | {str(first): 1.0}
    if output.task == "outlier":
        answer["score"] = 0.0
    return answer


def model_schemas(model: str, version: int, signature: Signature) -> dict[str, Any]:
    """The component schemas of one model: its record, its answer, and the bodies made of them."""
    record = {"$ref": f"#/components/schemas/{model}.Record"}
    answer = {"$ref": f"#/components/schemas/{model}.Answer"}
    names: dict[str, Any] = {"model": {"const": model}, "version": {"type": "integer"}}
    table = {
        "columns": {"type": "array", "items": {"type": "string"}},
        "data": {"type": "array", "minItems": 1, "items": {"type": "array"}},
    }
    fields = [field.name for field in signature.fields]
    cells = {"type": "array", "minItems": 1, "maxItems": len(fields), "items": {"type": list(_CELL_TYPES)}}
    sent = {
        "columns": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"enum": fields}},
        "data": {"type": "array", "minItems": 1, "items": cells, "description": "One value for each column."},
    }
    return {
        f"{model}.Record": record_schema(signature),
        f"{model}.Answer": answer_schema(model, version, signature.output),
        f"{model}.Request": {
            "oneOf": [
                record,
                {"type": "array", "items": record, "minItems": 1},
                {
                    "type": "object",
                    "properties": {"records": {"type": "array", "items": record, "minItems": 1}},
                    "required": ["records"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": sent | {"index": {}},
                    "required": ["columns", "data"],
                    "additionalProperties": False,
                },
            ]
        },
        f"{model}.Response": {
            "oneOf": [
                answer,
                {"type": "array", "items": answer},
                {
                    "type": "object",
                    "properties": names | {"predictions": {"type": "array", "items": answer}},
                    "required": ["model", "version", "predictions"],
                },
                {
                    "type": "object",
                    "properties": names | table,
                    "required": ["model", "version", "columns", "data"],
                },
            ]
        },
    }


def predict_operation(model: str, version: int, signature: Signature, operation_id: str) -> dict[str, Any]:
    """The operation that predicts with one model."""
    schema = {"$ref": f"#/components/schemas/{model}.Request"}
    example = signature.example
    examples = {
        "one record": {"value": example},
        "a list": {"value": [example, example]},
        "columns and rows": {"value": {"columns": list(example), "data": [list(example.values())]}},
    }
    answered = {
        "description": "The predictions, in the form of the body.",
        "headers": {
            "X-Request-ID": {
                "description": "The request's own id: the caller's, or a new one.",
                "schema": {"type": "string"},
            }
        },
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{model}.Response"},
                "examples": {"one record": {"value": example_answer(model, version, signature.output)}},
            },
            "text/csv": {"schema": {"type": "string"}},
            "application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
    return {
        "tags": [model],
        "operationId": operation_id,
        "summary": f"Predict with {model}",
        "description": f"{signature.output.description or _task_in_words(signature.output)}\n\n{_FORMS}",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": schema, "examples": examples},
                "text/csv": {"schema": {"type": "string"}},
                "application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}},
            },
        },
        "responses": {"200": answered} | problem_responses(*_PROBLEMS),
        "security": SECURITY,
    }


def problem_responses(*statuses: str) -> dict[str, Any]:
    """The responses of an operation for these statuses."""
    return {status: _problem_response(int(status), *_PROBLEMS[status]) for status in statuses}


def _problem_response(status: int, description: str, slug: str, detail: str) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    problem = problems.Problem(problems.TYPE_PREFIX + slug, phrase, status, detail, request_id=_ID)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        problem.errors = [problems.Place("records[3].pH", "a number", "text")]
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {"application/problem+json": {"schema": schema, "example": msgspec.to_builtins(problem)}}
    return {"description": description, "content": content}


def shared_schemas() -> dict[str, Any]:
    """The component schemas that all models use."""
    _, warned = msgspec.json.schema_components([Warned], ref_template="#/components/schemas/{name}")
    return problems.schema() | warned


def _task_in_words(output: Output) -> str:
    match output.task:
        case "classification":
            return f"Classifies each row as one of: {', '.join(map(str, output.shown))}."
        case "clustering":
            return f"Tells which of {len(output.classes)} clusters each row belongs to."
        case "outlier":
            return f"Tells whether each row is {' or '.join(map(str, output.shown))}, with a score."
        case "regression":
            return f"Estimates {', '.join(output.names) or 'a number'} for each row."


#: What an operation has besides when it names the version that shall answer.
OF_A_VERSION: dict[str, Any] = {
    "parameters": [
        {
            "name": "version",
            "in": "path",
            "required": True,
            "description": "The number of the version, whether or not it is the one that answers.",
            "schema": {"type": "integer", "minimum": 1},
        }
    ]
}

_FRAMEWORK_SCHEMAS = frozenset({"HTTPValidationError", "ValidationError"})


def with_own_problems(base: dict[str, Any]) -> dict[str, Any]:
    """The framework's document with this API's errors in place of the framework's own, which are never sent."""
    paths = {
        path: {method: _with_problems(path, method, operation) for method, operation in operations.items()}
        for path, operations in base["paths"].items()
    }
    components = base.get("components", {})
    schemas = {name: it for name, it in components.get("schemas", {}).items() if name not in _FRAMEWORK_SCHEMAS}
    return base | {"paths": paths, "components": components | {"schemas": schemas}}


def _with_problems(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    statuses: set[str] = set()
    rule = POLICY[path][method.upper()]
    if rule != PUBLIC:
        statuses |= {"401", "403", "429", "500", "503"}
    if "{" in path or path == "/example":
        statuses.add("404")
    if any(parameter["in"] != "path" for parameter in operation.get("parameters", ())):
        statuses.add("400")
    if "requestBody" in operation and rule != PUBLIC:
        statuses |= {"400", "409", "413", "415", "422"}
    own = {status: response for status, response in operation["responses"].items() if status != "422"}
    security = {} if rule == PUBLIC else {"security": SECURITY}
    return operation | security | {"responses": problem_responses(*sorted(statuses - own.keys())) | own}
