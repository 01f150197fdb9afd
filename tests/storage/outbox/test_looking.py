"""What gauges see of the outbox."""

from bot.usecases import deliveries
from tests.storage.outbox.desk import Outbox


def test_the_queue_is_counted_per_lane_and_by_age(outbox: Outbox) -> None:
    outbox.destinations(1)
    outbox.destinations(1, channel="chat", first=2)
    assert outbox.run(deliveries.queue) == deliveries.Queue({}, 0.0)
    outbox.queue(1, 3)
    outbox.clock.advance(seconds=30)
    outbox.queue(2, 2, "chat")
    assert outbox.run(deliveries.queue).rows == {"webhook": 3, "chat": 2}
    outbox.settle(outbox.due("chat"))
    assert outbox.run(deliveries.queue) == deliveries.Queue({"webhook": 3, "chat": 1}, 0.0)
    outbox.run(deliveries.expire_before, outbox.clock.now)
    assert outbox.run(deliveries.queue).rows == {"chat": 1}
