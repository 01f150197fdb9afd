"""The rate of one key: a bucket of 40 requests that fills again with 20 a second (reliability page, section 10).

It is kept as one moment, when the bucket will be full again (the generic cell rate algorithm): each request puts that
off by the time that one request takes to come back, and none may put it off by more than a whole bucket.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

SIZE = 40
ONE = timedelta(milliseconds=50)  # a twentieth of a second
WHOLE = SIZE * ONE


@dataclass(frozen=True, slots=True)
class Rate:
    """What a request found."""

    allowed: bool
    full_at: datetime  # when the bucket is full again, unless more is asked for
    remaining: int  # requests that may follow at once
    wait: timedelta  # until one may follow; nothing while there are any

    @property
    def reset(self) -> int:
        """Unix seconds, rounded up."""
        return math.ceil(self.full_at.timestamp())

    @property
    def retry_after(self) -> int:
        """Whole seconds."""
        return math.ceil(self.wait.total_seconds())


def take(full_at: datetime | None, now: datetime, one: timedelta = ONE, whole: timedelta = WHOLE) -> Rate:
    """One request more; ``full_at``: of the bucket so far, None for a fresh one.

    ``one``: in which one request comes back; ``whole``: in which an empty bucket is full again.
    """
    then = after_one(full_at, now, one, whole)
    return found(then, now, one, whole) if then - now <= whole else over(then - one, now, one, whole)


def after_one(full_at: datetime | None, now: datetime, one: timedelta = ONE, whole: timedelta = WHOLE) -> datetime:
    """When the bucket would be full again after one request more.

    A moment further off than a whole bucket takes is none of ours: the clock was set back.  The bucket counts as
    nearly empty then, so that the jump neither shuts anybody out nor gives anything away.
    """
    if full_at is None or full_at < now:
        return now + one
    return now + whole if full_at - now > whole else full_at + one


def found(full_at: datetime, now: datetime, one: timedelta = ONE, whole: timedelta = WHOLE) -> Rate:
    """After a request that was allowed."""
    return Rate(True, full_at, (whole - (full_at - now)) // one, max(full_at + one - whole - now, timedelta(0)))


def over(full_at: datetime, now: datetime, one: timedelta = ONE, whole: timedelta = WHOLE) -> Rate:
    """Of a request that was refused, and put nothing off."""
    return Rate(False, full_at, 0, full_at + one - whole - now)
