"""Taking over the subscriptions of another feed reader, and handing them on: OPML."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.rules.opml import Outline
from bot.usecases import subscriptions
from storage import subscriptions as stored
from storage.database import Work

AT_ONCE = 500  # in one transaction: it keeps others waiting
SOURCE = "feed"  # the only one whose names are web addresses

Naming = Callable[[str], tuple[str, str]]
"""An address as written → a feed's key and host, without network.  Raises ValueError: it cannot be followed."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a list came to."""

    made: Sequence[int]  # subscriptions
    known: int  # were there before
    refused: Sequence[Outline]  # their address cannot be followed


def import_opml(
    work: Work, *, account_id: int, destination_id: int, outlines: Sequence[Outline], naming: Naming
) -> Imported:
    """Subscribe to all of them, about AT_ONCE, without asking the network: the first poll of each finds out what it is.

    What a feed holds at its first poll is not announced.
    """
    wanted: dict[str, tuple[str, str]] = {}
    refused = []
    for outline in outlines:
        try:
            key, host = naming(outline.url)
        except ValueError:
            refused.append(outline)
        else:
            wanted.setdefault(key, (host, outline.title))
    made = subscriptions.subscribe_unread(work, account_id, destination_id, SOURCE, wanted)
    return Imported(made, len(wanted) - len(made), refused)


def export_opml(work: Work, *, account_id: int | None = None, destination_id: int | None = None) -> list[Outline]:
    """The feeds that are subscribed to, each once: by anybody, by an account, at a destination."""
    rows = stored.feeds_wanted(work.session, SOURCE, account_id, destination_id)
    return [Outline(row.key, row.title, row.home) for row in rows]
