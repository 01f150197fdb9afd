"""Circuit breaker and disabling of one destination: values in, values out (reliability page, 4.1 and 4.2)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

IN_A_ROW = 5
WINDOW = timedelta(minutes=5)
WINDOW_ATTEMPTS = 10
WINDOW_SHARE = 0.7
FIRST_OPEN, LONGEST_OPEN = timedelta(seconds=30), timedelta(minutes=15)
LONGEST_PAUSE = timedelta(hours=1)  # of a destination that asked for one
DISABLE_AFTER = timedelta(hours=120)
RAMP_STEP = timedelta(seconds=10)  # enabled again: 1 send, then 2, 4, … at once
RAMP_STEPS = 5


@dataclass(frozen=True, slots=True)
class Health:
    """How a destination has fared lately; stored in its row.  All defaults: healthy."""

    failures: int = 0  # in a row
    first_failure_at: datetime | None = None  # of the present series without any success
    window_started_at: datetime | None = None
    window_attempts: int = 0
    window_failures: int = 0
    trips: int = 0  # times opened since the last success
    open_until: datetime | None = None
    paused_until: datetime | None = None  # the receiver asked for it
    ramp_from: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: str = ""


HEALTHY = Health()


def room(health: Health, in_flight: int, limit: int, now: datetime) -> int:
    """How many more sends may start now; ``limit``: the channel's for one destination."""
    if health.disabled_at or (health.paused_until and health.paused_until > now):
        return 0
    if health.open_until:  # half-open: one probe decides
        return 0 if health.open_until > now or in_flight else 1
    if health.ramp_from:
        limit = min(limit, 2 ** max(0, min((now - health.ramp_from) // RAMP_STEP, RAMP_STEPS)))
    return max(limit - in_flight, 0)


def succeeded(health: Health, now: datetime) -> Health:
    """A send got through: the series of failures is over, its share in the window is not."""
    windowed = _windowed(health, now, failed=False)
    return replace(
        windowed,
        failures=0,
        first_failure_at=None,
        trips=0,
        open_until=None,
        paused_until=health.paused_until if health.paused_until and health.paused_until > now else None,
        ramp_from=health.ramp_from if health.ramp_from and now < health.ramp_from + RAMP_STEPS * RAMP_STEP else None,
    )


def failed(health: Health, now: datetime, *, ran_out: bool) -> Health:
    """A send failed, by the receiver's fault.  ``ran_out``: its delivery ended by it."""
    health = _windowed(health, now, failed=True)
    health = replace(health, failures=health.failures + 1, first_failure_at=health.first_failure_at or now)
    if health.open_until is None or health.open_until <= now:
        health = _opened(health, now)
    assert health.first_failure_at
    if ran_out and now - health.first_failure_at >= DISABLE_AFTER:
        health = disabled(health, now, f"no message got through since {health.first_failure_at:%Y-%m-%d %H:%M} UTC")
    return health


def paused(health: Health, until: datetime) -> Health:
    """The receiver asked for patience: nothing goes there before."""
    return replace(health, paused_until=max(until, health.paused_until or until))


def disabled(health: Health, now: datetime, reason: str) -> Health:
    """Nothing goes there until a person enables it again."""
    return health if health.disabled_at else replace(health, disabled_at=now, disabled_reason=reason)


def enabled(now: datetime) -> Health:
    """A person says that it works again: begin with one message, then more."""
    return Health(ramp_from=now)


def _opened(health: Health, now: datetime) -> Health:
    half_open = health.open_until is not None
    often = (
        health.window_attempts >= WINDOW_ATTEMPTS and health.window_failures >= WINDOW_SHARE * health.window_attempts
    )
    if not (half_open or often or health.failures >= IN_A_ROW):
        return health
    wait = min(FIRST_OPEN * 2 ** min(health.trips, 10), LONGEST_OPEN)
    return replace(health, trips=health.trips + 1, open_until=now + wait)


def _windowed(health: Health, now: datetime, *, failed: bool) -> Health:
    """Count into the window; it begins with a failure and ends by its age."""
    if health.window_started_at is None or now - health.window_started_at > WINDOW:
        if not failed:
            return replace(health, window_started_at=None, window_attempts=0, window_failures=0)
        return replace(health, window_started_at=now, window_attempts=1, window_failures=1)
    return replace(health, window_attempts=health.window_attempts + 1, window_failures=health.window_failures + failed)
