"""The atomic step of a try: however many guess at once, and whatever was read before, a code is tried five times."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from storage import codes
from storage.database import Database, Work
from storage.models import Delivery
from tests import world
from tests.clock import MovableClock
from tests.world import MINUTE

AHEAD = timedelta(seconds=60)


def add(work: Work, number: int = 1) -> None:
    uid, until = world.uid(number), work.now + 15 * MINUTE
    codes.add(work.session, uid=uid, address="+34600000001", digest=b"d", issued_at=work.now, expires_at=until)


def count_try(work: Work) -> int:
    return len(codes.count_try(work.session, [1, 2], 5, codes.is_open(work.now, AHEAD), work.now))


def test_tries_side_by_side_are_counted_each_and_end_at_five(database: Database) -> None:
    database.run(add)
    with ThreadPoolExecutor(8) as threads:
        counted = list(threads.map(lambda _: database.run(count_try), range(20)))
    assert sum(counted) == 5
    assert database.look(tries) == 5


def tries(work: Work) -> int:
    (row,) = codes.tries_at(work.session, "+34600000001", work.now - MINUTE)
    return int(row.attempts)


def test_what_is_used_void_or_over_is_not_tried(database: Database, clock: MovableClock) -> None:
    database.run(add, 1)
    database.run(add, 2)
    assert database.run(count_try) == 2
    database.run(lambda work: codes.use(work.session, [1], work.now))
    assert database.run(count_try) == 1
    database.run(lambda work: codes.void(work.session, [2], work.now))
    assert database.run(count_try) == 0
    database.run(add, 3)
    clock.advance(15 * MINUTE)
    assert not database.run(
        lambda work: codes.count_try(work.session, [3], 5, codes.is_open(work.now, AHEAD), work.now)
    )


def test_a_code_that_is_being_sent_is_not_recalled(database: Database) -> None:
    def send(work: Work) -> None:
        world.add_destinations(work, 1)
        world.queue(work, 1)
        work.session.execute(Delivery.__table__.update().values(lane="code", text="123456", state="leased"))
        codes.recall(work.session, [1], work.now)

    database.run(send)
    (row,) = database.look(world.rows, Delivery)
    assert (row.state, row.text) == ("leased", "123456")
