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

from garcom.access.limit_headers import Header, lasting_headers, remaining, reset, spelled
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
        if plan.is_guarded:
            admitted.enter(body_bytes)
        if plan.requests:
            try:
                admitted.note(*_take(plan.requests, 1))
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
            await self.count(admitted, plan.requests, 1)
        except BaseException:
            admitted.release()
            raise
        return admitted

    async def count(self, admitted: Pass, meters: Sequence[_Meter], cost: int) -> None:
        """Count so many for a request, in Redis if that is where it is done and it answers."""
        if not meters:
            return
        if self._redis is not None:
            try:
                left = await self._redis.take([meter.measure for meter in meters], cost)
            except RateLimited:
                raise
            except Unavailable:
                if self._settings.on_failure == "refuse":
                    raise
            else:
                admitted.note(*_tightest(meters, left))
                return
        admitted.note(*_take(meters, cost))

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

    __slots__ = ("_left", "_limiter", "_plan", "_tightest", "_within")

    def __init__(self, limiter: Limiter, plan: _Plan) -> None:
        self._limiter = limiter
        self._plan = plan
        #: The meter of which the smallest part is left, and what that is.
        self._tightest: _Meter | None = None
        self._left = 0
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
            self.note(*_take(plan.rows, n))

    async def rows_async(self, n: int) -> None:
        """As :meth:`rows`, wherever they are counted. Raises Unavailable too."""
        plan = self._plan
        plan.check_rows(n)
        await self._limiter.count(self, plan.rows, n)

    def release(self) -> None:
        """The request is answered, or will not be."""
        if self._within:
            self._within = False
            for _, gauge, _ in self._plan.gauges:
                gauge.now -= 1

    def note(self, meter: _Meter, left: int) -> None:
        """Tell of this meter, unless one that is told already is tighter."""
        told = self._tightest
        if told is None or left * told.amount < self._left * meter.amount:
            self._tightest, self._left = meter, left

    @property
    def headers(self) -> list[Header]:
        """The fields for the answer: of the limit of which the smallest part is left; none where nothing is counted."""
        told = self._tightest
        if told is None:
            return []
        if told.measure.daily:
            return [*told.headers, remaining(self._left), reset(told.measure.reset_s())]
        return [*told.headers, remaining(self._left)]

    @property
    def lines(self) -> bytes:
        """The same as :attr:`headers`, as lines of HTTP/1.1."""
        told = self._tightest
        if told is None:
            return b""
        if told.measure.daily:
            return spelled(self.headers)
        return b"%bratelimit-remaining: %d\r\n" % (told.lines, self._left)


class _Gauge:
    """How many requests are being answered."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 0


class _Meter:
    """A measure, what counts it on this machine, and the header fields that are always the same."""

    __slots__ = ("amount", "give_back", "headers", "lines", "measure", "take")

    def __init__(self, measure: Measure, counter: Counter) -> None:
        self.measure = measure
        self.amount = measure.amount
        self.take = counter.take
        self.give_back = counter.give_back
        self.headers = lasting_headers(measure.amount, measure.span_s)
        if not measure.daily:
            self.headers.append(reset(measure.reset_s()))
        self.lines = spelled(self.headers)


class _Plan:
    """What limits one caller of one model."""

    def __init__(
        self, principal: Principal, limits: dict[str, Limits], counters: LocalCounters, gauge: Callable[[str], _Gauge]
    ) -> None:
        self.principal = principal
        requests = [each for holder, of in limits.items() for each in measures_of_requests(holder, of)]
        rows = [each for holder, of in limits.items() for each in measures_of_rows(holder, of)]
        self.requests = tuple(_Meter(measure, counters.counter(measure)) for measure in requests)
        self.rows = tuple(_Meter(measure, counters.counter(measure)) for measure in rows)
        self.gauges = tuple((holder, gauge(holder), of.concurrent) for holder, of in limits.items() if of.concurrent)
        self.max_body_bytes = min((of.body_bytes for of in limits.values() if of.body_bytes), default=None)
        #: Whether something limits a request before it is counted.
        self.is_guarded = bool(self.gauges or self.max_body_bytes)
        self.is_free = not (self.requests or self.rows or self.is_guarded)

    def check_rows(self, n: int) -> None:
        """Raise BodyTooLarge for more rows than there can ever be at once: waiting would not help."""
        for meter in self.rows:
            if n > meter.amount:
                raise meter.measure.too_many(n)

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
    why = "it is empty"
    try:
        if url := path.read_text(encoding="utf-8").strip():
            return url
    except OSError as error:
        why = unreadable(error)
    except UnicodeDecodeError:
        why = "it is not UTF-8"
    raise SettingsError(f"limits.storage_file: expected a file with an address at {path}, and {why}.")


def check_storage(settings: LimitsSettings) -> None:
    """Raise SettingsError for a storage that cannot be, before anything is started; it need not answer yet."""
    if url := storage_url(settings):
        RedisCounters(url)


def _take(meters: Sequence[_Meter], cost: int) -> tuple[_Meter, int]:
    """Count in all or in none; gives the tightest. Raises RateLimited."""
    tightest, least = meters[0], 0
    for at, meter in enumerate(meters):
        left = meter.take(cost)
        if left < 0:
            for counted in meters[:at]:
                counted.give_back(cost)
            raise meter.measure.refusal(-left)
        if not at or left * tightest.amount < least * meter.amount:
            tightest, least = meter, left
    return tightest, least


def _tightest(meters: Sequence[_Meter], left: Sequence[int]) -> tuple[_Meter, int]:
    """The meter of which the smallest part is left, and what is left of it."""
    least = 0
    for at in range(1, len(meters)):
        if left[at] * meters[least].amount < left[least] * meters[at].amount:
            least = at
    return meters[least], left[least]
