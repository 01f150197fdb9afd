"""The outbox with short ways to what its tests do all the time."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from adapters.base import Ambiguous, TryAgain
from bot.usecases import deliveries, settling
from bot.usecases.deliveries import Claim, DueDelivery
from storage.database import Database, Work
from storage.models import Attempt, Delivery, Destination
from tests import world
from tests.clock import MovableClock
from tests.world import SCHEDULES

P = ParamSpec("P")
T = TypeVar("T")

BROKEN = TryAgain("the receiver answered 500", code="http_500", status=500)
LOST = Ambiguous("no answer came", code="timeout")


class Outbox:
    """One database and its movable clock."""

    def __init__(self, database: Database, clock: MovableClock) -> None:
        self.database, self.clock = database, clock

    def run(self, use_case: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.database.run(use_case, *args, **kwargs)

    def destinations(self, count: int, **how: Any) -> list[int]:
        return self.run(world.add_destinations, count, **how)

    def queue(self, destination: int, count: int = 1, lane: str = "webhook") -> list[int]:
        return self.run(world.queue, destination, count, lane)

    def take(self, lane: str = "webhook", room: int = 100, after: int = 0) -> Claim:
        return self.run(world.take, lane, room, after)

    def due(self, lane: str = "webhook", room: int = 100) -> list[DueDelivery]:
        """One whole round over the destinations."""
        taken: list[DueDelivery] = []
        claim = self.take(lane, room)
        while True:
            taken += claim.due
            if not claim.after or len(taken) >= room:
                return taken
            claim = self.take(lane, room - len(taken), claim.after)

    def settle(self, due: list[DueDelivery], result: Any = None) -> settling.Settled:
        return self.run(world.settle, due, result)

    def row(self, number: int) -> Any:
        return self.run(world.row, Delivery, number)

    def destination(self, number: int) -> Any:
        return self.run(world.row, Destination, number)

    def states(self) -> Counter[str]:
        return Counter(str(row.state) for row in self.run(world.rows, Delivery))

    def sweep(self) -> deliveries.Swept:
        return self.run(deliveries.sweep, SCHEDULES)


def all_attempts(work: Work) -> list[Any]:
    return list(work.session.execute(Attempt.__table__.select().order_by("delivery_id", "n")))
