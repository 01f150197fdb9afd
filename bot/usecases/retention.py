"""Retention: what may be forgotten, in slices, so that nobody waits for it (reliability page, 14.3)."""

from datetime import datetime, timedelta

from bot.usecases import codes, idempotency, statuses
from bot.usecases.console import signing_in
from storage import accounts, inbox, posts, simulator
from storage.database import Work
from storage.outbox import sweeping

SLICE = 1000
ATTEMPTS = timedelta(days=30)
VERSIONS = timedelta(days=8)  # no delivery lives that long
INBOX = timedelta(days=8)  # longer than any platform repeats itself
SIMULATED = timedelta(days=30)  # what went to and fro in the simulator
EMPTIED = "posts_emptied"  # the fact that holds the last post without its text
TEXTS_AT_LEAST = timedelta(days=30)


def forget(work: Work, keep: timedelta) -> bool:
    """One slice; ``keep``: for finished deliveries and the texts of posts.  True: there is more to do.

    The row of a post stays, emptied: it is what tells an old item from a new one.
    """
    session, now = work.session, work.now
    signing_in.forget(work)
    done = [
        sweeping.forget_attempts(session, now - min(ATTEMPTS, keep), SLICE),
        sweeping.forget(session, now - keep, SLICE),
        posts.forget_versions(session, now - VERSIONS, SLICE),
        _forget_texts(work, now - max(keep, TEXTS_AT_LEAST)),
        inbox.forget(session, now - INBOX, SLICE),
        statuses.forget(work, SLICE),
        codes.forget(work, now - INBOX, SLICE),
        idempotency.forget(work, SLICE),
        simulator.forget(session, now - SIMULATED, SLICE),
    ]
    return max(done) == SLICE


def _forget_texts(work: Work, before: datetime) -> int:
    """Goes on where it was the last time, so that what was emptied is not looked at again."""
    after = int(accounts.fact(work.session, EMPTIED) or 0)
    n, last = posts.forget_texts(work.session, after, before, SLICE)
    if n:
        accounts.set_fact(work.session, EMPTIED, str(last))
    return n
