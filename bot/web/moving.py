"""Moving a feed: the new address is read before anything is changed, over the network and outside any transaction."""

from collections.abc import Mapping
from typing import Any

from adapters.base import FeedNotFound, Source
from bot.clock import Clock
from bot.errors import Invalid, Unavailable
from bot.jobs.lookup import look_up
from bot.usecases.administration import feeds
from bot.usecases.audit import Actor
from storage.database import Database


async def move(
    database: Database, sources: Mapping[str, Source], clock: Clock, actor: Actor, feed_id: int, address: str
) -> Any:
    """The feed as it is then.  Raises NotFound, Conflict, Invalid, Unavailable."""
    source = (await database.read(feeds.movable, feed_id)).source
    if source not in sources:
        raise Unavailable(f"the source {source} is not installed")
    looked = await look_up({source: sources[source]}, address.strip(), clock())
    if looked.found is not None:
        return await database.write(feeds.move, actor, feed_id, looked.found.key, looked.host)
    if isinstance(looked.error, FeedNotFound):
        raise Invalid(f"there is no feed: {looked.error}", field="address")
    raise Unavailable(f"it cannot be read: {looked.error}")
