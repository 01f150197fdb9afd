"""What operators ask with: who they are for the audit log, pages of lists, and numbers and times in forms."""

from datetime import UTC, datetime

from bot.errors import Invalid
from bot.usecases.administration.installation import COUNTED
from bot.usecases.audit import Actor
from bot.web.console.dressing import number
from bot.web.console.forms import Form
from bot.web.console.pages import Visit

PAGE = 50
LONGEST_SEARCH = 200


def actor(visit: Visit) -> Actor:
    return Actor("console", visit.account_id, "", visit.address)


def bounded(n: int) -> str:
    """A number that is not counted further than that."""
    return f"{number(COUNTED)}+" if n >= COUNTED else number(n)


def sought(visit: Visit, name: str) -> str:
    return visit.asked(name).strip()[:LONGEST_SEARCH]


def whole(form: Form, name: str) -> int | None:
    """A whole number; None: nothing was said.  Raises Invalid."""
    text = form.text(name, 20).replace("\u202f", "").replace(",", "")
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise Invalid("this is no whole number", code="whole_number", field=name) from None


def moment(form: Form, name: str) -> datetime | None:
    """In UTC, as a browser's field for it says; None: nothing was said.  Raises Invalid."""
    text = form.text(name, 40)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        if not 1970 <= at.year <= 9000:
            raise ValueError
    except ValueError:
        raise Invalid("this is no time", code="no_time", field=name) from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
