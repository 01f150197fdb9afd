"""Announcements: what an operator tells everybody, on their pages, for a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.errors import Invalid, NotFound
from bot.usecases import audit
from bot.usecases.audit import Actor
from storage import announcements
from storage.database import Work
from storage.lists import Listed

LEVELS = ("info", "warning", "critical")
LONGEST_TEXT = 500
LONGEST = timedelta(days=90)
USUAL = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """``begins_at`` None: at once; ``ends_at`` None: a day after."""

    text: str
    level: str = "info"
    begins_at: datetime | None = None
    ends_at: datetime | None = None


def make(work: Work, actor: Actor, wish: Wish) -> Any:
    """Raises Invalid."""
    text = " ".join(wish.text.split())
    begins = max(wish.begins_at or work.now, work.now)
    ends = wish.ends_at or begins + USUAL
    if not text or len(text) > LONGEST_TEXT:
        raise Invalid(f"text must have 1 to {LONGEST_TEXT} characters", field="text", code="announcement_text")
    if wish.level not in LEVELS:
        raise Invalid(f"level must be one of {', '.join(LEVELS)}", field="level")
    if not begins < ends <= begins + LONGEST:
        raise Invalid(
            f"it must end after it begins, and within {LONGEST.days} days", field="ends_at", code="announcement_times"
        )
    row = announcements.add(
        work.session,
        level=wish.level,
        text=text,
        begins_at=begins,
        ends_at=ends,
        made_by=actor.account_id,
        created_at=work.now,
    )
    audit.note(work, actor, "announce", f"announcement {row.id}", after={"level": row.level, "text": text})
    return row


def page(work: Work, before: int, limit: int) -> Listed:
    """The newest first."""
    rows = announcements.page(work.session, before, limit + 1)
    return Listed(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def current(work: Work) -> Sequence[Any]:
    """``level`` and ``text`` of those that hold now: costs the same however many there were."""
    return announcements.current(work.session, work.now)


def withdraw(work: Work, actor: Actor, announcement_id: int) -> Any:
    """It stands nowhere any more.  Raises NotFound."""
    row = announcements.withdraw(work.session, announcement_id, work.now)
    if row is None:
        raise NotFound(f"there is no announcement {announcement_id}, or it has ended")
    audit.note(work, actor, "withdraw announcement", f"announcement {announcement_id}")
    return row
