"""A wall clock that goes back: what is due must not wait in a future that comes a second time."""

from datetime import datetime, timedelta

from storage import accounts, destinations, feeds, inbox, listeners
from storage.database import Work
from storage.outbox import sweeping

CHECKED = "clock_checked_at"  # the fact that holds the time of the last look
UNREST = timedelta(seconds=60)  # by which clocks are set without anybody noticing


def check(work: Work) -> timedelta:
    """How far the clock has gone back since the last look, zero if it has not; due times are moved with it.

    This writes every time, and so proves that writes are possible.
    """
    session, now = work.session, work.now
    stored = accounts.lock_fact(session, CHECKED)
    accounts.set_fact(session, CHECKED, now.isoformat())
    back = datetime.fromisoformat(stored) - now if stored else timedelta(0)
    if back <= UNREST:
        return timedelta(0)
    feeds.move_back(session, back, now)
    sweeping.move_back(session, back, now)
    destinations.move_back(session, back, now)
    inbox.move_back(session, back, now)
    listeners.move_back(session, back, now)
    work.wakes.update(("feeds", "deliveries", "inbox"))
    return back
