"""The client: one method per question."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload
from urllib.parse import quote

import httpx
import msgspec

from garcom.client import json_rows, logged, tables
from garcom.client.actuals import Columns, bodies, total
from garcom.client.connection import Connection
from garcom.client.credentials import with_key
from garcom.client.json_rows import JSON, Part
from garcom.client.problems import moved, not_garcom
from garcom.client.records import ModelDetails, ModelSummary, Prediction, Readiness
from garcom.client.uploads import ZIP, packed
from garcom.errors import InputError, ModelNotFound, PredictionFailed, ServerUnavailable, VersionNotFound
from garcom.lake.records import Added, LabelMaturity, Logged, LoggedPrediction, Maturity
from garcom.model.names import split_reference
from garcom.model.signature import Output
from garcom.moments import in_utc, parse_moment
from garcom.monitoring.records import DriftReport, PerformanceReport, QualityReport
from garcom.rollout.records import NewAnswer, Switch, Uploaded

if TYPE_CHECKING:
    import pandas as pd
    import polars

T = TypeVar("T")
#: A moment, in UTC where it has no offset; as text a date, or so long before now; None is open.
When = datetime | str | None


class Client:
    """Asks a Garçom server; connections are kept, and several threads may share one client.

    ``timeout_s`` bounds each attempt's wait for the server. A server that is overloaded (503) or cannot be reached
    is asked again for ``patience_s``, after pauses that grow and vary: long enough for a server that restarts; 0 asks
    once. A prediction whose request went out is never sent twice otherwise; questions that only read are, after a
    broken connection.
    ``api_key`` is sent with every request (``Authorization: Bearer``); by default the one in ``GARCOM_API_KEY``, where
    there is one, and ``""`` sends none. ``headers`` go with every request too, for instance those for a proxy in front.
    ``verify`` is the PEM file of the authorities that may have signed the server's certificate, or that certificate
    itself if it is self-signed; by default the system's authorities. An :class:`ssl.SSLContext` can show a certificate
    of the client's own. There is no way not to verify.

    Use it in a ``with`` block, or call :meth:`close`. Every method raises
    :class:`~garcom.errors.ServerUnavailable` (503 to the last, or no connection),
    :class:`~garcom.errors.Rejected` (4xx: ``faults`` says where) or, for anything else that is no answer,
    their parent :class:`~garcom.errors.PredictionFailed`; and :class:`~garcom.errors.Conflict` after :meth:`close`.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout_s: float = 30.0,
        patience_s: float = 5.0,
        headers: Mapping[str, str] | None = None,
        verify: str | Path | ssl.SSLContext | None = None,
    ) -> None:
        self._connection = Connection(
            url,
            timeout_s=timeout_s,
            patience_s=patience_s,
            headers=with_key(headers or {}, api_key),
            verify=verify,
        )

    @classmethod
    def over(cls, connection: Connection) -> Self:
        """A client of a connection made elsewhere: the seam for tests."""
        client = cls.__new__(cls)
        client._connection = connection
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({str(self._connection.url)!r})"

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    @overload
    def predict(
        self,
        data: pd.DataFrame,
        model: str | None = None,
        version: int | None = None,
        *,
        request_id: str | None = None,
    ) -> pd.DataFrame: ...

    @overload
    def predict(
        self,
        data: Mapping[str, Any],
        model: str | None = None,
        version: int | None = None,
        *,
        request_id: str | None = None,
    ) -> Prediction: ...

    @overload
    def predict(
        self,
        data: Sequence[Mapping[str, Any]],
        model: str | None = None,
        version: int | None = None,
        *,
        request_id: str | None = None,
    ) -> list[Prediction]: ...

    @overload
    def predict(
        self, data: Any, model: str | None = None, version: int | None = None, *, request_id: str | None = None
    ) -> Any: ...

    def predict(
        self, data: Any, model: str | None = None, version: int | None = None, *, request_id: str | None = None
    ) -> Any:
        """Predict one record (a dict), several (a list of dicts), or the rows of a table.

        A dict gives a :class:`~garcom.client.records.Prediction`, a list a list of them. A DataFrame gives a
        DataFrame with the same index and the columns ``id``, ``prediction`` (or one ``prediction_<target>`` each),
        ``probability_<label>``, ``score`` (each where the model has it) and ``warnings``; ``attrs`` names model and
        version. A polars DataFrame or a pyarrow Table gives its own kind.

        ``model`` is by default the server's default model, ``version`` the one that answers; ``"wine:2"`` names both.
        Values may be numpy's
        or pandas' own; NaN, NaT, NA and None are missing values, which a nullable field takes. Long input goes in
        several requests, all answered by one version; errors count the rows from the whole's first.

        Raises :class:`~garcom.errors.InputError` for data that cannot be sent at all, and what the class says.
        """
        path = self._predict_path(model, version)
        if isinstance(data, Mapping) or tables.is_pandas(data, "Series"):
            body = json_rows.one_record(dict(data.items()))
            return _decoded(self._connection.post(path, body, JSON, request_id), Prediction)
        if tables.is_table(data):
            return self._predict_table(path, data, request_id)
        if isinstance(data, Sequence) and not isinstance(data, str | bytes | bytearray):
            return self._predict_list(path, data, request_id)
        raise InputError(
            f"Expected a dict, a list of dicts or a DataFrame, got {type(data).__name__}. "
            "A matrix has no field names: put it into a DataFrame with the model's."
        )

    def models(self) -> list[ModelSummary]:
        """Every registered model, by name."""
        return _decoded(self._connection.get("/v1/models"), list[ModelSummary])

    def model(self, name: str | None = None) -> ModelDetails:
        """One model (by default the default one) with its versions: signature, engines, proof, metrics, lineage."""
        return _decoded(self._connection.get(f"/v1/models/{_quoted(name or self._default())}"), ModelDetails)

    def example(self, model: str | None = None) -> dict[str, Any]:
        """A record that the model takes."""
        path = "/example" if model is None else f"/v1/models/{_quoted(model)}/example"
        return _decoded(self._connection.get(path), dict[str, Any])

    def actuals(
        self,
        model: str,
        rows: Any,
        *,
        id: str = "id",
        key: str = "key",
        actual: str = "actual",
        observed_at: str = "observed_at",
    ) -> Added:
        """Tell what really happened to predictions of a model.

        ``rows`` are a list of dicts, a DataFrame or another table, or the path of a file (.csv, .json, .jsonl, .arrow
        or .parquet). A row has the prediction's ``id`` (or the ``key`` that you gave with the request), the ``actual``
        and, where it is known, ``observed_at``; the arguments of these names tell others. The same rows again change
        nothing.

        Long input goes in several requests of up to 100,000 rows. Each is taken as a whole or, where a row of it is
        wrong, not at all: then :class:`~garcom.errors.Rejected` tells the rows. Unknown ids are kept for predictions
        to come. Raises :class:`~garcom.errors.InputError` for data that cannot be sent, and what the class says.
        """
        path = f"/v1/models/{_quoted(model)}/actuals"
        done: list[Added] = []
        for body in bodies(rows, Columns(id, key, actual, observed_at)):
            try:
                answer = self._connection.post(path, body.content, body.content_type, harmless=True)
            except PredictionFailed as error:
                raise moved(error, body.first_row) from error.__cause__
            done.append(_decoded(answer, Added))
        return total(done)

    def log(
        self,
        X: Any,
        y_pred: Any,
        model: str | None = None,
        *,
        probabilities: Any = None,
        scores: Any = None,
        keys: Any = None,
        subjects: Any = None,
        times: Any = None,
        version: int | None = None,
        latencies_ms: Any = None,
    ) -> list[str]:
        """Log predictions that something else has made; gives their ids, in the order of the rows.

        ``X`` are the rows that the model got (a DataFrame or another table, a list of dicts, one dict) and ``y_pred``
        what it answered for each: labels, numbers, or of several targets a table or a matrix with them in the model's
        order. ``probabilities`` are a table with a column for each label, a dict for each row, or a matrix with the
        labels in the model's order. The others are one value for all rows or one for each: ``scores`` of outliers;
        ``keys``, by which you can tell actuals later; ``subjects``, whom the rows are about; ``times``, when they were
        predicted (now, if it is not told); ``latencies_ms``. ``version`` is by default the one that answers;
        ``"wine:2"`` names both.

        Long input goes in several requests of up to 10,000 rows. Each is taken as a whole or, where a row of it is
        wrong, not at all. What was sent is never sent twice, so after a broken connection it may have been written or
        not. Raises :class:`~garcom.errors.InputError` for data that cannot be sent, and what the class says.
        """
        name, number = (self._default(), version) if model is None else chosen(model, version)
        path = f"/v1/models/{_quoted(name)}/log"
        parts = {
            "score": scores,
            "key": keys,
            "subject": subjects,
            "time": times,
            "version": number,
            "latency_ms": latencies_ms,
        }
        ids: list[str] = []
        for part in logged.bodies(X, y_pred, lambda: self._output(name, number), probabilities=probabilities, **parts):
            try:
                answer = self._connection.post(path, part.body, JSON)
            except PredictionFailed as error:
                raise moved(error, part.first_row) from error.__cause__
            ids += _decoded(answer, Logged).ids
        return ids

    def drift(
        self,
        model: str,
        *,
        since: When = None,
        until: When = None,
        version: int | None = None,
        stage: str | None = None,
        segment: str | None = None,
        reference: str | None = None,
        parts: bool = False,
    ) -> DriftReport:
        """Whether the data of a model have moved, column by column; over the last 7 days, if no window is told.

        ``stage`` is the role that answered (``stable``, ``canary``, ``shadow``, ``pinned``, ``external``), ``segment``
        is ``field=value``, and ``reference`` what to compare with: ``training``, ``seasonal`` or ``previous``. With
        ``parts`` each column is told over time too: in each part of the window, and since when it has moved.
        """
        query = _scope(since, until, version, stage, segment, reference=reference, parts="true" if parts else None)
        return _decoded(self._connection.get(f"/v1/models/{_quoted(model)}/drift", query), DriftReport)

    def quality(
        self,
        model: str,
        *,
        since: When = None,
        until: When = None,
        version: int | None = None,
        stage: str | None = None,
        segment: str | None = None,
        parts: bool = False,
    ) -> QualityReport:
        """What is wrong with the data of a model; the arguments are those of :meth:`drift`."""
        query = _scope(since, until, version, stage, segment, parts="true" if parts else None)
        return _decoded(self._connection.get(f"/v1/models/{_quoted(model)}/quality", query), QualityReport)

    def performance(
        self,
        model: str,
        *,
        since: When = None,
        until: When = None,
        version: int | None = None,
        stage: str | None = None,
        segment: str | None = None,
        every: str | None = None,
    ) -> PerformanceReport:
        """How good the answers were, from the actuals that are known, with estimates where they are not yet.

        ``every`` is the length of the parts of the window (``"1h"``, ``"1d"``); the others are those of :meth:`drift`.
        """
        query = _scope(since, until, version, stage, segment, every=every)
        return _decoded(self._connection.get(f"/v1/models/{_quoted(model)}/performance", query), PerformanceReport)

    def maturity(self, model: str, *, since: When = None, until: When = None) -> tuple[Maturity, ...]:
        """The share of a model's predictions that have their actual by now, by their age, the youngest first."""
        path = f"/v1/models/{_quoted(model)}/actuals/maturity"
        return _decoded(self._connection.get(path, _window(since, until)), LabelMaturity).ages

    def prediction(self, id: str) -> LoggedPrediction:
        """One prediction that was served: what came, what was answered, and what really happened."""
        return _decoded(self._connection.get(f"/v1/predictions/{_quoted(id)}"), LoggedPrediction)

    def predictions(
        self,
        model: str,
        *,
        since: When = None,
        until: When = None,
        version: int | None = None,
        has_actual: bool | None = None,
        limit: int | None = None,
    ) -> polars.DataFrame:
        """The predictions of a model as a polars DataFrame, the oldest first; with ``limit`` the newest so many.

        ``since`` (included) and ``until`` (excluded) are datetimes, or texts: a duration before now (``"1h"``,
        ``"7d"``) or a date. The columns are ``id``, ``time``, ``model``, ``version``, ``role``, ``input_<field>``,
        ``prediction`` (or ``prediction_<target>``), ``probability_<label>``, ``score``, ``latency_ms``,
        ``request_id``, ``key``, ``subject``, ``actual`` and ``observed_at``.
        """
        import polars

        query = _window(since, until)
        wanted = {"version": version, "has_actual": has_actual, "limit": limit}
        query |= {name: str(value).lower() for name, value in wanted.items() if value is not None}
        answer = self._connection.get(f"/v1/models/{_quoted(model)}/predictions", query, accept=tables.ARROW)
        try:
            return polars.read_ipc_stream(answer.content)
        except (polars.exceptions.PolarsError, OSError, ValueError) as error:
            raise not_garcom(answer) from error

    def upload(self, path: str | Path, model: str | None = None) -> Uploaded:
        """Upload a bundle, its folder or its zip, as the next version of a model (by default of the bundle's name).

        It does not answer yet: :meth:`use` lets it. The same content again is the version that exists. Raises
        :class:`~garcom.errors.BundleError` for what is no whole bundle, before anything is sent, and what the class
        says.
        """
        zipped = packed(Path(path))
        address = f"/v1/models/{_quoted(model or zipped.name)}/versions"
        answer = self._connection.post(address, zipped.content, ZIP, harmless=True, digest=zipped.digest)
        return _decoded(answer, Uploaded)

    def use(self, model: str, version: int | None = None) -> Switch:
        """Let a version answer for its model: ``use("wine:2")`` or ``use("wine", 2)``."""
        name, number = chosen(model, version)
        if number is None:
            raise InputError(f"Expected the version that shall answer, as in {name}:2, got {model!r}.")
        body = msgspec.json.encode(NewAnswer(version=number))
        return _decoded(self._connection.put(f"/v1/models/{_quoted(name)}/answers", body, JSON), Switch)

    def ready(self) -> bool:
        """Whether the server can answer now. It is asked once; no answer is no."""
        try:
            return self._readiness(retry=False).status == "ready"
        except ServerUnavailable:
            return False

    def _readiness(self, *, retry: bool) -> Readiness:
        return _decoded(self._connection.get("/readyz", retry=retry), Readiness)

    def _default(self) -> str:
        default = self._readiness(retry=True).default
        if default is None:
            names = ", ".join(model.model for model in self.models()) or "none"
            raise ModelNotFound(
                f"The server at {self._connection.url} has no default model. Name one of its models: {names}."
            )
        return default

    def _output(self, model: str, version: int | None) -> Output:
        """What a version answers."""
        details = self.model(model)
        found = details.version(version)
        if found is None:
            raise VersionNotFound(f"Model {details.model!r} has no version {version}.")
        return found.signature.output

    def _predict_path(self, model: str | None, version: int | None) -> str:
        if model is not None:
            model, version = chosen(model, version)
        if version is not None:
            return _version_path(model or self._default(), version)
        return "/predict" if model is None else f"/v1/models/{_quoted(model)}/predict"

    def _predict_list(self, path: str, records: Sequence[Any], request_id: str | None) -> list[Prediction]:
        found: list[Prediction] = []

        def take(response: httpx.Response) -> str:
            answers = _decoded(response, list[Prediction])
            if not answers:
                raise not_garcom(response)
            found.extend(answers)
            return _version_path(answers[0].model, answers[0].version)

        self._in_parts(path, json_rows.parts(records), JSON, request_id, take)
        return found

    def _predict_table(self, path: str, data: Any, request_id: str | None) -> Any:
        answers: list[Any] = []

        def take(response: httpx.Response) -> str:
            answers.append(_arrow(response))
            return _version_path(*tables.answered_by(answers[-1]))

        self._in_parts(path, tables.parts(tables.to_arrow(data)), tables.ARROW, request_id, take)
        return tables.like(data, tables.joined(answers))

    def _in_parts(
        self,
        path: str,
        parts: Iterable[Part],
        content_type: str,
        request_id: str | None,
        take: Callable[[httpx.Response], str],
    ) -> None:
        """Ask part by part. ``take`` gets each answer and gives the path of the version that wrote it, which answers
        the rest: a version that takes over in between must not answer half of a table."""
        for part in parts:
            try:
                path = take(self._connection.post(path, part.body, content_type, request_id))
            except PredictionFailed as error:
                raise moved(error, part.first_row) from error.__cause__


def chosen(model: str, version: int | None) -> tuple[str, int | None]:
    """The name and the number that were meant by ``wine`` or ``wine:2`` and by a version given beside it."""
    name, number = split_reference(model)
    if number is not None and version not in (None, number):
        raise InputError(f"Expected one version, as in wine:2, got {model!r} and version {version}.")
    return name, version if number is None else number


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _window(since: When, until: When) -> dict[str, str]:
    now = datetime.now(UTC)
    moments = {
        name: parse_moment(when, now) if isinstance(when, str) else in_utc(when)
        for name, when in (("from", since), ("to", until))
        if when is not None
    }
    return {name: moment.isoformat() for name, moment in moments.items()}


def _scope(
    since: When, until: When, version: int | None, stage: str | None, segment: str | None, **more: str | None
) -> dict[str, str]:
    wanted = {"version": version, "stage": stage, "segment": segment} | more
    return _window(since, until) | {name: str(value) for name, value in wanted.items() if value is not None}


def _version_path(model: str, version: int) -> str:
    return f"/v1/models/{_quoted(model)}/versions/{version}/predict"


def _decoded(response: httpx.Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(response.content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_garcom(response) from error


def _arrow(response: httpx.Response) -> Any:
    try:
        return tables.read_answer(response.content)
    except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
        raise not_garcom(response) from error
