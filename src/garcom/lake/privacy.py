"""What is stored of one person: all of it told, or all of it erased, wherever it stands."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import polars as pl

from garcom.errors import InputError, Unavailable
from garcom.journal.forgetting import forget_answers
from garcom.journal.pseudonyms import SubjectKey, trail_name
from garcom.journal.segment import ask_for_closing
from garcom.journal.traces import clean_damaged, is_gone, segments_with
from garcom.lake.datasets import Datasets
from garcom.lake.datasets.store import rows_of
from garcom.lake.drain import Drain
from garcom.lake.erasing import erase_rows
from garcom.lake.folds import ErasableFold
from garcom.lake.logged import logged
from garcom.lake.receipts import Erased, Receipt, TableVersions, signing_key
from garcom.lake.records import LoggedPrediction
from garcom.lake.rereading import rereading
from garcom.lake.tables import Lake
from garcom.lake.truth import ORDER, observations_of
from garcom.lake.undrained import Undrained
from garcom.storage.audit import record
from garcom.storage.lock import locked

_POLL_S = 0.1


class DatasetRows(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one version of a dataset that were made from a person's predictions."""

    dataset: str
    rows: list[dict[str, Any]]


class SubjectData(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is stored of one person; ``subject`` is the pseudonym that it is stored under."""

    subject: str
    asked_at: datetime
    predictions: list[LoggedPrediction]
    datasets: list[DatasetRows]


class Privacy:
    """Finds and erases what is stored of a person. Works beside running servers of the same home, and without any.

    Servers are asked to close the journal segments that they write, and waited for up to ``patience_s``. ``fold`` is
    what is derived from rows as they are drained; it is made anew without those that are erased. Raises
    InputError for a home folder in which no subject was ever stored: it is likely the wrong one.
    """

    def __init__(
        self, lake: Lake, datasets: Datasets, *, patience_s: float = 120.0, fold: ErasableFold | None = None
    ) -> None:
        if not SubjectKey.is_under(lake.home):
            raise InputError(
                f"Expected the home folder of a server, and no subject was ever stored in {lake.home}. Name the right "
                "one with --home or GARCOM_HOME."
            )
        self._lake = lake
        self._datasets = datasets
        self._patience_s = patience_s
        self._fold = fold
        self._journal = lake.home / "journal"
        self._key = SubjectKey.under(lake.home)

    def export(self, subject: str) -> SubjectData:
        """Everything that is stored of the subject in journal, lake, actuals and datasets, by time.

        The audit trail tells that it was read.
        """
        found = self._find(self._key.pseudonym(subject))
        told = {"predictions": len(found.predictions), "dataset_rows": sum(len(each.rows) for each in found.datasets)}
        self._tell("privacy.export", found.subject, told)
        return found

    @rereading
    def _find(self, pseudonym: str) -> SubjectData:
        rows = Undrained(self._lake).view().scan().filter(pl.col("subject") == pseudonym).collect().sort("id")
        actuals = self._lake.actuals.snapshot()
        found: list[LoggedPrediction] = []
        for (model,), part in rows.group_by("model", maintain_order=True):
            found += logged(part, observations_of(actuals, str(model), part).sort(ORDER))
        return SubjectData(
            subject=pseudonym,
            asked_at=datetime.now(UTC),
            predictions=sorted(found, key=lambda prediction: prediction.id),
            datasets=list(self._dataset_rows(pseudonym, rows["id"])),
        )

    def erase(self, subject: str) -> Receipt:
        """Erase everything that is stored of the subject, and give a signed receipt of it.

        Rows that were acknowledged before the call are in no file of the home folder and of the lake afterwards;
        some that come meanwhile may stay. If it is killed halfway, the next call does the rest. Raises Unavailable
        where a server goes on writing to a segment with such rows.
        """
        asked_at = datetime.now(UTC)
        pseudonym = self._key.pseudonym(subject)
        signer = signing_key(self._lake.home)  # before anything is erased that could then not be told
        self._tell("privacy.erase", pseudonym, {"state": "begun"})  # one that is killed halfway has erased, too
        self._drain(pseudonym)
        tables = {"predictions": self._lake.predictions, "actuals": self._lake.actuals}
        before = {name: table.snapshot().version for name, table in tables.items()}
        with self._alone():
            erased, days = self._erase(pseudonym)
        if self._fold is not None:
            for model, those in days.items():
                self._fold.rebuild(self._lake, model, those)
        self._tell("privacy.erase", pseudonym, {"state": "done", **msgspec.structs.asdict(erased)})
        return Receipt(
            subject=pseudonym,
            asked_at=asked_at,
            erased_at=datetime.now(UTC),
            erased=erased,
            tables=tuple(
                TableVersions(name=name, before=before[name], after=table.snapshot().version)
                for name, table in tables.items()
            ),
        ).signed_by(signer)

    def _tell(self, action: str, pseudonym: str, after: dict[str, Any]) -> None:
        with self._datasets.database.write() as connection:
            record(connection, action, trail_name(pseudonym), after=after)

    def _drain(self, pseudonym: str) -> None:
        """Bring the rows that stand in the journal now into the lake."""
        waiting = segments_with(self._journal, pseudonym)
        deadline = time.monotonic() + self._patience_s
        while waiting:
            ask_for_closing(self._journal)
            Drain(self._lake, fold=self._fold).run()
            waiting = [name for name in waiting if not is_gone(self._journal, name)]
            if waiting and time.monotonic() > deadline:
                raise Unavailable(
                    f"Expected the servers of this home to close {len(waiting)} journal segment(s) with rows of the "
                    f"subject within {self._patience_s:g} seconds, and they did not: {', '.join(waiting)}. Nothing "
                    "was erased. Stop them, then try again."
                )
            if waiting:
                time.sleep(_POLL_S)

    def _erase(self, pseudonym: str) -> tuple[Erased, dict[str, list[str]]]:
        """Erase, and tell of which models and days predictions went."""
        of_subject = pl.col("subject") == pseudonym
        rows = self._lake.predictions.scan().filter(of_subject).select("id", "key", "model", "day").collect()
        ids = rows["id"].to_list()
        days = dict(rows.group_by("model").agg(pl.col("day").unique().sort()).sort("model").iter_rows())
        if self._fold is not None:  # first, or an erasure that is killed would leave it
            for model, those in days.items():
                self._fold.forget(model, those)
        actuals = erase_rows(self._lake.actuals, _actuals_of(rows))
        datasets = self._datasets.erase(ids, [pseudonym])
        damaged = clean_damaged(self._journal, pseudonym)
        # After what only they tell to belong to the subject, and before what is built anew from them.
        predictions = erase_rows(self._lake.predictions, of_subject)
        keys = forget_answers(self._journal, pseudonym, ids)
        erased = Erased(predictions=predictions + damaged, actuals=actuals, datasets=sum(datasets.values()), keys=keys)
        return erased, days

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """While nobody else drains, arranges files anew, or adds actuals."""
        (self._lake.home / "lake").mkdir(parents=True, exist_ok=True)
        self._journal.mkdir(parents=True, exist_ok=True)
        with locked(self._journal / "drain.lock"), locked(self._lake.home / "lake" / "actuals.lock"):
            yield

    def _dataset_rows(self, pseudonym: str, ids: pl.Series) -> Iterator[DatasetRows]:
        for version in self._datasets.versions():
            test = rows_of(version, ids.to_list(), [pseudonym])
            if test is not None:
                found = self._datasets.read(version.reference).filter(test)
                if found.height:
                    yield DatasetRows(dataset=version.reference, rows=found.to_dicts())


def _actuals_of(predictions: pl.DataFrame) -> pl.Expr:
    """What is true of the actuals of these predictions (``id``, ``key``, ``model``)."""
    tests = [pl.col("id").is_in(predictions["id"].implode())]
    keyed = predictions.filter(pl.col("key").is_not_null())
    for (model,), rows in keyed.group_by("model"):
        tests.append((pl.col("model") == model) & pl.col("key").is_in(rows["key"].implode()))
    return pl.any_horizontal(tests)
