"""What enters the outbox: once for each post and subscription, and again when a person wants it."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from adapters.base import Receipt, Rejected
from bot.usecases import deliveries
from storage.database import Work
from storage.models import Delivery, Subscription
from tests import world
from tests.storage.outbox.desk import BROKEN, Outbox, all_attempts
from tests.world import SCHEDULES


@pytest.mark.parametrize("result", [Receipt(), Rejected("no", code="no"), BROKEN])
def test_sending_again_goes_on_counting_and_keeps_the_budget(outbox: Outbox, result: Any) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    for _ in range(len(SCHEDULES["webhook"].delays) + 1):
        outbox.settle(outbox.due(), BROKEN)
        outbox.clock.advance(hours=1)
    assert outbox.row(1).state == "failed"
    outbox.run(deliveries.send_again, 1)
    [again] = outbox.due()
    assert again.attempts == len(SCHEDULES["webhook"].delays) + 2
    outbox.settle([again], result)
    assert outbox.row(1).state == ("sent" if isinstance(result, Receipt) else "failed")
    assert [row.n for row in outbox.run(all_attempts)] == list(range(1, again.attempts + 1))


def test_sending_again_takes_the_place_of_the_planned_retry(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    outbox.settle(outbox.due(), BROKEN)
    outbox.run(deliveries.send_again, 1)
    outbox.settle(outbox.due())
    outbox.clock.advance(days=1)
    assert outbox.due() == []


def test_an_expired_delivery_sent_again_has_time_to_arrive(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    outbox.clock.advance(days=30)
    outbox.sweep()
    outbox.run(deliveries.send_again, 1)
    outbox.sweep()
    assert len(outbox.due()) == 1


def test_what_is_being_sent_right_now_is_not_sent_again(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.queue(1)
    outbox.due()
    with pytest.raises(Exception, match="being sent right now"):
        outbox.run(deliveries.send_again, 1)


def test_the_outbox_refuses_a_second_delivery_of_a_post(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.run(world.add_feed)
    with pytest.raises(IntegrityError, match=r"(?i)unique|duplicate"):
        outbox.run(_twice)


def _twice(work: Work) -> None:
    world.subscribe(work, 1, [1])
    due = world.take_feeds(work)
    world.record(work, due[0], world.page(world.item(1)))
    [delivery] = world.rows(work, Delivery)
    values = {**delivery._mapping, "id": 99}
    work.session.execute(Delivery.__table__.insert().values(values))


def test_a_paused_subscription_gets_what_is_found_after_its_pause(outbox: Outbox) -> None:
    outbox.destinations(2)
    outbox.run(world.add_feed)
    outbox.run(world.subscribe, 1, [1, 2])
    outbox.run(_pause, 1, outbox.clock() + world.MINUTE)
    for name, expected in [("during", [2]), ("after", [1, 2])]:
        [feed] = outbox.run(world.take_feeds)
        outbox.run(world.record, feed, world.page(world.item(name)))
        assert sorted(due.destination_id for due in outbox.due()) == expected
        outbox.clock.advance(hours=1)


def _pause(work: Work, subscription_id: int, until: datetime) -> None:
    work.session.get_one(Subscription, subscription_id).paused_until = until
