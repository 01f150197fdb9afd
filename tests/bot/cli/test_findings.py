"""What doctor says of sources: the rest of it is seen in tests/test_x_flow.py."""

from bot.doctor import platforms
from bot.rules.budget import Pace
from bot.usecases import streams
from storage.database import Database
from tests.clock import MovableClock
from tests.world import SECOND

PACES = {"x": Pace(10 * SECOND, streams=True)}


async def test_whether_a_stream_is_heard(database: Database, clock: MovableClock) -> None:
    async def told() -> str:
        [one] = [one async for one in platforms.of_sources(database, PACES) if one.what == "stream of x"]
        return f"{one.grade}: {one.text}"

    assert (await told()).startswith("warning: no process listens")
    await database.write(streams.hold, "x", "one", PACES, well=False)
    assert (await told()).startswith("warning: is not heard")
    await database.write(streams.hold, "x", "one", PACES, well=True)
    assert (await told()).startswith("ok: is heard")
    clock.advance(60 * SECOND)
    assert (await told()).startswith("warning: no process listens")
