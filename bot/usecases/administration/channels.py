"""Channels, as an operator pauses and resumes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.errors import Conflict
from bot.usecases import audit, providers
from bot.usecases.audit import Actor
from storage import lists
from storage.database import Work


def troubled(work: Work) -> Mapping[str, Any]:
    """The rows of those that are not well, by name."""
    return {row.name: row for row in providers.troubled(work)}


def destinations(work: Work, names: Sequence[str]) -> Mapping[str, int]:
    """How many each has, up to ``lists.COUNTED``."""
    return {name: lists.destinations_of(work.session, name) for name in names}


def pause(work: Work, actor: Actor, name: str) -> Any:
    """Nothing goes through it until it is resumed; what is queued waits.  Raises Conflict."""
    if not providers.hold(work, name):
        raise Conflict("the channel is paused already")
    audit.note(work, actor, "pause channel", f"channel {name}")
    return troubled(work).get(name)


def resume(work: Work, actor: Actor, name: str) -> None:
    """Whatever it rested for is forgotten, and the next message tries.  Raises Conflict."""
    before = troubled(work).get(name)
    if before is None or not providers.let_go(work, name):
        raise Conflict("the channel is not resting")
    audit.note(work, actor, "resume channel", f"channel {name}", {"reason": before.reason})
