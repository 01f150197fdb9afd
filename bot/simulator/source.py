"""The source ``sample``: for each account a feed that its owner fills by a button, so that nothing need be set up."""

from datetime import datetime, timedelta

from adapters.base import Cursor, FeedInfo, FeedNotFound, Found, Page
from bot.usecases import simulator
from storage.database import Database


class Samples:
    """Found by the name that the simulator's page shows, which nobody can guess; filled by that page alone."""

    kind = simulator.SAMPLE
    interval = timedelta(days=1)  # there is nothing to read

    def __init__(self, database: Database) -> None:
        self._database = database

    def claims(self, name: str) -> bool:
        return name.startswith(f"{simulator.SAMPLE}/")

    async def resolve(self, name: str, now: datetime) -> Found:  # noqa: ARG002
        if not await self._database.read(simulator.knows_sample, name):
            raise FeedNotFound("there is no sample feed of that name")
        return Found(name, Page(cursor={}, info=FeedInfo(title="Postbell sample")))

    async def poll(self, key: str, cursor: Cursor, now: datetime) -> Page:  # noqa: ARG002
        return Page(cursor=cursor)

    def host(self, key: str) -> str:  # noqa: ARG002
        return ""

    async def close(self) -> None:
        """Nothing is held open."""
