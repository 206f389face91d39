"""How much a caller, and everybody together on one model, may ask for.

A limiter knows for each caller and model what limits them; where nothing does, a request costs a look into two
dictionaries. Requests are counted when they are admitted, rows once the body is read and before anything is computed.
A request that is refused for its number is not counted, so that waiting helps; one that is refused for its rows has
been read, and counts as a request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from garcom.access.limit_headers import Header, limit_headers
from garcom.access.local_counters import LocalCounters
from garcom.access.measures import Measure, measures_of_requests, measures_of_rows
from garcom.access.principals import Principal
from garcom.access.redis_counters import RedisCounters
from garcom.access.windows import Counter
from garcom.errors import BodyTooLarge, RateLimited, SettingsError, Unavailable
from garcom.handwritten import unreadable
from garcom.rates import Limits
from garcom.settings import LimitsSettings

#: So many callers of a model are remembered; past it they are forgotten, which costs time and no count.
MAX_REMEMBERED = 10_000
_NO_LIMITS = Limits()

#: What is the tightest: a measure, and what is left of it.
Tightest = tuple[Measure, int] | None


class Limiter:
    """The limits of one worker.

    With a ``storage`` other than memory, whoever asks must await :meth:`admit_async` and :meth:`Pass.rows_async`.
    Raises SettingsError for a storage that cannot be.
    """

    def __init__(
        self,
        settings: LimitsSettings,
        run_folder: Path,
        home: Path,
        workers: int,
        clock: Callable[[], int] = time.monotonic_ns,
        calendar: Callable[[], int] = time.time_ns,
    ) -> None:
        self._settings = settings
        self._local = LocalCounters(run_folder, home, workers, clock, calendar)
        url = storage_url(settings)
        self._redis = RedisCounters(url) if url else None
        self._plans: dict[str | None, dict[str, _Plan]] = {}
        self._gauges: dict[str, _Gauge] = {}

    @property
    def is_quick(self) -> bool:
        """Whether nothing has to be awaited."""
        return self._redis is None

    def admit(self, principal: Principal, model: str | None, body_bytes: int = 0) -> Pass | None:
        """Let a request in, or raise RateLimited or BodyTooLarge; None where nothing limits this caller and model.

        The pass is to be released when the request is answered.
        """
        try:
            plan = self._plans[model][principal.name]
        except KeyError:
            plan = self._planned(principal, model)
        if plan.principal is not principal and not plan.is_for(principal):
            plan = self._planned(principal, model)
        if plan.is_free:
            return None
        admitted = Pass(self, plan)
        admitted.enter(body_bytes)
        if plan.requests:
            try:
                admitted.note(_take(plan.requests, plan.request_counters, 1))
            except BaseException:
                admitted.release()
                raise
        return admitted

    async def admit_async(self, principal: Principal, model: str | None, body_bytes: int = 0) -> Pass | None:
        """As :meth:`admit`, wherever it is counted. Raises Unavailable too."""
        if self._redis is None:
            return self.admit(principal, model, body_bytes)
        plan = self._plans.get(model, {}).get(principal.name)
        if plan is None or not plan.is_for(principal):
            plan = self._planned(principal, model)
        if plan.is_free:
            return None
        admitted = Pass(self, plan)
        admitted.enter(body_bytes)
        try:
            admitted.note(await self.take(plan.requests, plan.request_counters, 1))
        except BaseException:
            admitted.release()
            raise
        return admitted

    async def take(self, measures: Sequence[Measure], counters: Sequence[Counter], cost: int) -> Tightest:
        """Count so many, in Redis if that is where it is done and it answers."""
        if self._redis is None or not measures:
            return _take(measures, counters, cost)
        try:
            return _tightest(measures, await self._redis.take(measures, cost))
        except RateLimited:
            raise
        except Unavailable:
            if self._settings.on_failure == "refuse":
                raise
            return _take(measures, counters, cost)

    async def close(self) -> None:
        """Close the files and connections."""
        self._plans = {}
        self._local.close()
        if self._redis is not None:
            await self._redis.close()

    def _planned(self, principal: Principal, model: str | None) -> _Plan:
        plans = self._plans.setdefault(model, {})
        if len(plans) >= MAX_REMEMBERED or len(self._plans) > MAX_REMEMBERED:
            self._forget()
            plans = self._plans.setdefault(model, {})
        plan = plans[principal.name] = _Plan(principal, self._limits(principal, model), self._local, self._gauge)
        return plan

    def _limits(self, principal: Principal, model: str | None) -> dict[str, Limits]:
        """What limits a caller of a model, by whose limits they are."""
        settings = self._settings
        if principal.kind == "nobody":
            own = _NO_LIMITS
        elif principal.kind == "anybody":
            own = settings.anybody
        else:
            own = principal.limits.over(settings.keys)
        found = {str(principal): own}
        if model is not None and model in settings.models:
            found[f"model:{model}"] = settings.models[model]
        return found

    def _gauge(self, holder: str) -> _Gauge:
        return self._gauges.setdefault(holder, _Gauge())

    def _forget(self) -> None:
        self._plans = {}
        self._local.forget()
        self._gauges = {holder: gauge for holder, gauge in self._gauges.items() if gauge.now}


class Pass:
    """A request that was let in."""

    __slots__ = ("_limiter", "_plan", "_tightest", "_within")

    def __init__(self, limiter: Limiter, plan: _Plan) -> None:
        self._limiter = limiter
        self._plan = plan
        self._tightest: Tightest = None
        self._within = False

    def enter(self, body_bytes: int) -> None:
        """Be one of those answered at the same time. Raises BodyTooLarge and RateLimited."""
        plan = self._plan
        self.check_body(body_bytes)
        if not plan.gauges:
            return
        for holder, gauge, most in plan.gauges:
            if gauge.now >= most:
                raise RateLimited(
                    f"Expected at most {most:,} requests at the same time ({holder}), got one more. Wait for the "
                    "answer to one of them, then send the next."
                )
        for _, gauge, _ in plan.gauges:
            gauge.now += 1
        self._within = True

    def check_body(self, n_bytes: int) -> None:
        """Raise BodyTooLarge if the body has more bytes than this caller may send."""
        most = self._plan.max_body_bytes
        if most is not None and n_bytes > most:
            raise BodyTooLarge(
                f"Expected a body of at most {most:,} bytes, which is the limit for this caller or model, got "
                f"{n_bytes:,} or more. Send it in parts."
            )

    @property
    def max_body_bytes(self) -> int | None:
        """The longest body that this caller may send; None for whatever the server takes."""
        return self._plan.max_body_bytes

    def rows(self, n: int) -> None:
        """Count the rows of the body. Raises RateLimited, and BodyTooLarge for more than can ever be had at once."""
        plan = self._plan
        if plan.rows:
            plan.check_rows(n)
            self.note(_take(plan.rows, plan.row_counters, n))

    async def rows_async(self, n: int) -> None:
        """As :meth:`rows`, wherever they are counted. Raises Unavailable too."""
        plan = self._plan
        plan.check_rows(n)
        self.note(await self._limiter.take(plan.rows, plan.row_counters, n))

    def release(self) -> None:
        """The request is answered, or will not be."""
        if self._within:
            self._within = False
            for _, gauge, _ in self._plan.gauges:
                gauge.now -= 1

    def note(self, found: Tightest) -> None:
        """Tell of this measure, unless one that is told already is tighter."""
        if found is not None and (self._tightest is None or _share(found) < _share(self._tightest)):
            self._tightest = found

    @property
    def headers(self) -> list[Header]:
        """The fields for the answer: of the limit of which the smallest part is left; none where nothing is counted."""
        if self._tightest is None:
            return []
        measure, left = self._tightest
        return limit_headers(measure.amount, measure.span_s, left, measure.reset_s())


class _Gauge:
    """How many requests are being answered."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 0


class _Plan:
    """What limits one caller of one model."""

    def __init__(
        self, principal: Principal, limits: dict[str, Limits], counters: LocalCounters, gauge: Callable[[str], _Gauge]
    ) -> None:
        self.principal = principal
        self.requests = tuple(each for holder, of in limits.items() for each in measures_of_requests(holder, of))
        self.rows = tuple(each for holder, of in limits.items() for each in measures_of_rows(holder, of))
        self.request_counters = tuple(map(counters.counter, self.requests))
        self.row_counters = tuple(map(counters.counter, self.rows))
        self.gauges = tuple((holder, gauge(holder), of.concurrent) for holder, of in limits.items() if of.concurrent)
        self.max_body_bytes = min((of.body_bytes for of in limits.values() if of.body_bytes), default=None)
        self.is_free = not (self.requests or self.rows or self.gauges or self.max_body_bytes)

    def check_rows(self, n: int) -> None:
        """Raise BodyTooLarge for more rows than there can ever be at once: waiting would not help."""
        for measure in self.rows:
            if n > measure.amount:
                raise measure.too_many(n)

    def is_for(self, principal: Principal) -> bool:
        """Whether the caller is the one for whom this was made, with the same limits."""
        if principal is not self.principal:
            if principal.kind != self.principal.kind or principal.limits != self.principal.limits:
                return False
            self.principal = principal  # known anew, as after a change to somebody's grants
        return True


def storage_url(settings: LimitsSettings) -> str:
    """The address where limits are counted; empty for this machine. Raises SettingsError, which never tells it."""
    if not settings.storage_file:
        return settings.storage
    if settings.storage:
        raise SettingsError("limits.storage and limits.storage_file: expected one of the two, got both.")
    path = Path(settings.storage_file)
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = unreadable(error) if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"limits.storage_file: expected a file with an address at {path}, and {why}.") from None


def _take(measures: Sequence[Measure], counters: Sequence[Counter], cost: int) -> Tightest:
    """Count in all or in none."""
    if len(counters) == 1:  # as most often
        (counter,) = counters
        if wait_ns := counter.wait_ns(cost):
            raise measures[0].refusal(wait_ns)
        return measures[0], counter.add(cost)
    for at, counter in enumerate(counters):
        if wait_ns := counter.wait_ns(cost):
            raise measures[at].refusal(wait_ns)
    return _tightest(measures, [counter.add(cost) for counter in counters])


def _tightest(measures: Sequence[Measure], left: Sequence[int]) -> Tightest:
    return min(zip(measures, left, strict=True), key=_share, default=None)


def _share(told: tuple[Measure, int]) -> float:
    """Which part of a measure is left."""
    return told[1] / told[0].amount
