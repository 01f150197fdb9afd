"""The metronome: what is due is in the rows, so a restart loses nothing and any number of processes may tick."""

from collections.abc import Awaitable, Callable, Mapping

from apscheduler.schedulers.asyncio import AsyncIOScheduler

Tick = Callable[[], Awaitable[None]]


def make_scheduler(ticks: Mapping[Tick, float]) -> AsyncIOScheduler:
    """Call each tick every so many seconds; one that still runs is not started again."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    for tick, seconds in ticks.items():
        scheduler.add_job(tick, "interval", seconds=seconds, coalesce=True, max_instances=1, misfire_grace_time=None)
    return scheduler
