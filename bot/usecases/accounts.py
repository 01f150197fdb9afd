"""Accounts, and the few facts about the installation as a whole."""

import re
from collections.abc import Sequence

from bot.errors import Conflict, Invalid, NotFound
from storage import accounts
from storage.database import Work
from storage.models import Account

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
FINGERPRINT = "master_key"


def add(
    work: Work, email: str, *, name: str = "", plan: str, operator: bool = False, credits: int | None = None
) -> Account:
    """``credits``: with which it begins, where its plan counts them.  Raises Invalid, Conflict."""
    email = email.strip().lower()
    check_email(email)
    if accounts.by_email(work.session, email):
        raise Conflict(f"there is an account for {email} already")
    return accounts.add(
        work.session,
        Account(email=email, name=name, plan=plan, operator=operator, credits=credits, created_at=work.now),
    )


def check_email(email: str) -> None:
    """Raises Invalid."""
    if not _EMAIL.fullmatch(email):
        raise Invalid(
            f"{email!r} is no e-mail address; expected something like ann@example.org", code="bad_email", field="email"
        )


def get(work: Work, who: str) -> Account:
    """``who``: an id or an e-mail address.  Raises NotFound."""
    found = accounts.get(work.session, int(who)) if who.isdecimal() else accounts.by_email(work.session, who.lower())
    if found is None or found.deleted_at:
        raise NotFound(f"there is no account {who!r}; `postbell account list` shows them")
    return found


def list_all(work: Work, limit: int) -> Sequence[Account]:
    """Accounts, the oldest first."""
    return accounts.list_all(work.session, limit)


def check_master_key(work: Work, fingerprint: str, older: Sequence[str]) -> bool:
    """Whether this master key is the one of the stored secrets; the first key is remembered."""
    if accounts.fact(work.session, FINGERPRINT) is None:
        accounts.set_fact(work.session, FINGERPRINT, fingerprint)
    return master_key_fits(work, fingerprint, older)


def master_key_fits(work: Work, fingerprint: str, older: Sequence[str]) -> bool:
    """As ``check_master_key``, and nothing is remembered."""
    return accounts.fact(work.session, FINGERPRINT) in (None, fingerprint, *older)


def set_master_key(work: Work, fingerprint: str) -> None:
    """Remember another key, now that everything is sealed under it."""
    accounts.set_fact(work.session, FINGERPRINT, fingerprint)
