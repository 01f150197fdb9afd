"""Links that work once: for the first operator, for a new account, for a new password."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.errors import Conflict, Invalid, NotFound
from bot.rules import plans, tokens
from bot.usecases import accounts, audit
from bot.usecases.console import signing_in
from bot.usecases.console.signing_in import Browser
from storage import accounts as stored_accounts
from storage import signing_in as stored
from storage.database import Work
from storage.models import Account

FIRST_VALID, VALID = timedelta(hours=24), timedelta(days=7)
NONE = "this link has been used, or has run out"


@dataclass(frozen=True, slots=True)
class Wish:
    """For whom a link is."""

    email: str = ""  # which the new account must have; empty: any
    plan: str = ""  # of the new account; empty: the default one
    operator: bool = False
    account_id: int | None = None  # whose new password; None: for a new account


@dataclass(frozen=True, slots=True)
class Offer:
    """What a link offers to whoever has it."""

    email: str  # empty: free to choose
    first: bool  # it makes the first operator
    existing: bool  # a new password for an account that is there


def first(work: Work, token: str) -> bool:
    """Have this link make the first operator, and none that was made before; False: there is one who can sign in."""
    stored.withdraw_first(work.session)
    if stored.an_operator_can_sign_in(work.session):
        return False
    _add(work, token, FIRST_VALID, operator=True, first=True)
    return True


def invite(work: Work, actor: audit.Actor, known: plans.Plans, token: str, wish: Wish) -> Any:
    """Returns the invitation.  Raises Invalid, Conflict, NotFound."""
    email = wish.email.strip().lower()
    if wish.plan and wish.plan not in known:
        raise Invalid(f"there is no plan {wish.plan!r}, only {', '.join(sorted(known))}", field="plan")
    if wish.account_id is not None:
        there = stored_accounts.get(work.session, wish.account_id)
        if there is None or there.deleted_at:
            raise NotFound("there is no such account")
        email = there.email or ""
        if not email:
            raise Conflict("this account has no e-mail address to sign in with")
    elif email and stored_accounts.by_email(work.session, email):
        raise Conflict(f"there is an account for {email} already")
    elif email:
        accounts.check_email(email)
    by = actor.account_id
    _add(
        work, token, VALID, email=email, plan=wish.plan, operator=wish.operator, account_id=wish.account_id,
        invited_by=by,
    )  # fmt: skip
    row = stored.invitation(work.session, tokens.digest(token))
    assert row is not None
    audit.note(work, actor, "invite", f"invitation {row.id}", after={"email": email, "operator": wish.operator})
    return row


def _add(work: Work, token: str, valid: timedelta, **values: Any) -> None:
    times = {"created_at": work.now, "expires_at": work.now + valid}
    stored.add_invitation(work.session, digest=tokens.digest(token), **values, **times)


def offer(work: Work, token: str) -> Offer:
    """What a link offers; looking at it uses nothing up.  Raises NotFound."""
    row = stored.invitation(work.session, tokens.digest(token))
    if row is None or row.used_at or row.expires_at <= work.now:
        raise NotFound(NONE)
    return Offer(row.email, row.first, row.account_id is not None)


def accept(
    work: Work,
    default: tuple[str, int | None],
    known: plans.Plans,
    token: str,
    email: str,
    hash_: str,
    session_token: str,
    browser: Browser,
) -> None:
    """Use a link: the account is there, has this password, and is signed in.

    ``default``: plan and credits of a new account whose invitation names no plan; ``known``: all plans.
    Raises NotFound, Invalid, Conflict.
    """
    row = stored.use_invitation(work.session, tokens.digest(token), work.now)
    if row is None:
        raise NotFound(NONE)
    if row.account_id is not None:
        account_id, how = row.account_id, "new password"
    else:
        wanted = row.email or email
        account_id = _new_or_first(work, wanted, row, default, known).id
        how = "first run" if row.first else "accept invitation"
    signing_in.begin_with_password(work, account_id, hash_, session_token, browser, how)


def _new_or_first(work: Work, email: str, row: Any, default: tuple[str, int | None], known: plans.Plans) -> Account:
    """The first operator may have been made on the command line before: then it is that account."""
    there = stored_accounts.by_email(work.session, email.strip().lower())
    if there is not None and row.first and there.operator and not there.deleted_at:
        return there
    plan, credits = (row.plan, known.get(row.plan, plans.NOTHING).credits) if row.plan else default
    return accounts.add(work, email, plan=plan, operator=row.operator, credits=credits)


def sign_up(
    work: Work, default: tuple[str, int | None], email: str, hash_: str, session_token: str, browser: Browser
) -> None:
    """A new account for whoever comes, where that is allowed.  Raises Invalid, Conflict."""
    account = accounts.add(work, email, plan=default[0], credits=default[1])
    signing_in.begin_with_password(work, account.id, hash_, session_token, browser, "sign up")


def waiting(work: Work, limit: int = 200) -> Sequence[Any]:
    """Links that can still be used, the newest first."""
    return [row for row in stored.open_invitations(work.session, work.now, limit) if not row.first]


def withdraw(work: Work, actor: audit.Actor, invitation_id: int) -> None:
    """Raises NotFound."""
    if not stored.withdraw(work.session, invitation_id):
        raise NotFound("there is no such invitation, or it was used")
    audit.note(work, actor, "withdraw invitation", f"invitation {invitation_id}")
