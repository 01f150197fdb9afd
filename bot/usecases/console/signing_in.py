"""Who is signed in to the console: sessions and passwords (reliability page, section 12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.errors import NotFound
from bot.rules import tokens
from bot.usecases import audit
from bot.usecases.administration import announcements
from storage import signing_in
from storage.database import Work

IDLE, LONGEST = timedelta(hours=2), timedelta(hours=24)
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is signed in, and by which session."""

    session_id: int
    account_id: int
    email: str
    name: str
    plan: str
    operator: bool
    stale: bool  # ``seen`` should be noted
    announcements: Sequence[Any] = ()  # what everybody is to know now: ``level`` and ``text``


@dataclass(frozen=True, slots=True)
class Browser:
    """From where somebody signs in."""

    address: str  # in the network
    agent: str  # hostile text


def visitor(work: Work, token: str) -> Visitor | None:
    """Whose session this is; None: nobody's, or not any more."""
    row = signing_in.session_of(work.session, tokens.digest(token))
    if row is None or row.disabled_at or row.deleted_at:
        return None
    if work.now - row.seen_at > IDLE or work.now - row.created_at > LONGEST:
        return None
    stale = work.now - row.seen_at > SEEN_EVERY
    told = announcements.current(work)
    return Visitor(row.id, row.account_id, row.email or "", row.name, row.plan, row.operator, stale, told)


def seen(work: Work, session_id: int) -> None:
    """It was used just now."""
    signing_in.seen(work.session, session_id, work.now)


def begin(work: Work, account_id: int, token: str, browser: Browser, how: str) -> None:
    """A session under a fresh token.  ``how``: "sign in", "first run", for the audit log."""
    signing_in.add_session(
        work.session,
        digest=tokens.digest(token),
        account_id=account_id,
        address=browser.address,
        agent=browser.agent[:300],
        created_at=work.now,
        seen_at=work.now,
    )
    audit.note(work, _person(account_id, browser), how, f"account {account_id}")


def end(work: Work, account_id: int, session_id: int) -> None:
    """Raises NotFound."""
    if not signing_in.end_session(work.session, account_id, session_id):
        raise NotFound("this session has ended already")


def sessions(work: Work, account_id: int) -> Sequence[Any]:
    """Those that still hold, the last seen first."""
    found = signing_in.sessions(work.session, account_id)
    return [one for one in found if work.now - one.seen_at <= IDLE and work.now - one.created_at <= LONGEST]


def password_of(work: Work, email: str) -> tuple[int, str] | None:
    """As (account, hash); None: nobody signs in by this address.  What becomes of it is the same."""
    row = signing_in.password_of(work.session, email.strip().lower())
    return (row.id, row.hash) if row else None


def password(work: Work, account_id: int) -> str:
    """Its hash; empty: there is none."""
    return signing_in.password(work.session, account_id) or ""


def change_password(work: Work, visitor: Visitor, hash_: str, browser: Browser) -> int:
    """Every other session of the account ends.  Returns how many."""
    signing_in.set_password(work.session, visitor.account_id, hash_, work.now)
    audit.note(work, _person(visitor.account_id, browser), "change password", f"account {visitor.account_id}")
    return signing_in.end_sessions(work.session, visitor.account_id, but=visitor.session_id)


def begin_with_password(work: Work, account_id: int, hash_: str, token: str, browser: Browser, how: str) -> None:
    """A new password; all sessions that there were end, and one begins."""
    signing_in.set_password(work.session, account_id, hash_, work.now)
    signing_in.end_sessions(work.session, account_id)
    begin(work, account_id, token, browser, how)


def forget(work: Work) -> None:
    """Sessions and invitations that are over."""
    signing_in.forget_sessions(work.session, work.now - IDLE, work.now - LONGEST)
    signing_in.forget_invitations(work.session, work.now - timedelta(days=30))


def _person(account_id: int, browser: Browser) -> audit.Actor:
    return audit.Actor("console", account_id, "", browser.address)
