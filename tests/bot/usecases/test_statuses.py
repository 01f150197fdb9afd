"""Statuses of platforms and the deliveries they are about: late, early, repeated, of unknown messages."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.base import Ambiguous, Receipt
from adapters.inbound import AnyEvent, StatusChanged, Unknown
from bot.usecases import deliveries, inbox, statuses
from bot.usecases.held import WINDOW_CLOSED
from storage import models
from storage.chat_models import ParkedStatus
from storage.database import Database, Work
from tests import chats
from tests.chats import says
from tests.clock import START, MovableClock
from tests.world import (
    DAY,
    MINUTE,
    SECOND,
    add_destinations,
    add_feed,
    item,
    page,
    queue,
    record,
    row,
    rows,
    settle,
    subscribe,
    take,
    take_feeds,
)


def status(word: str, message_id: str = "wamid.1", **more: Any) -> StatusChanged:
    usual: dict[str, Any] = {"key": f"s:{message_id}:{word}", "at": START}
    return StatusChanged(message_id=message_id, status=word, **usual | more)


def apply(work: Work, /, *news: StatusChanged, channel: str = "chat") -> statuses.Applied:
    return statuses.apply(work, channel, news)


def sent(work: Work, /, message_id: str = "wamid.1") -> int:
    """A notice that the platform took under this name."""
    if not rows(work, models.Destination):
        add_destinations(work, 1, "chat")
    [delivery] = queue(work, 1, 1, "chat")
    settle(work, take(work, lane="chat").due, Receipt(message_id=message_id))
    return delivery


def under_way(work: Work, /) -> Any:
    """A notice whose send has begun."""
    add_destinations(work, 1, "chat")
    queue(work, 1, 1, "chat")
    return take(work, lane="chat").due[0]


def parked(work: Work, /) -> list[str]:
    return sorted(one.status for one in work.session.execute(ParkedStatus.__table__.select()))


@pytest.mark.parametrize(
    ("words", "state"),
    [(("sent",), "sent"), (("delivered",), "delivered"), (("read", "delivered"), "read"), (("failed",), "failed")],
)
def test_a_delivery_is_known_by_the_platform_s_name_for_it(
    database: Database, words: tuple[str, ...], state: str
) -> None:
    delivery = database.run(sent)
    assert database.run(apply, *map(status, words)).changed == (words != ("sent",))
    assert database.look(row, models.Delivery, delivery).state == state


def test_an_equal_name_on_another_channel_is_another_message(database: Database) -> None:
    delivery = database.run(sent)
    assert database.run(apply, status("read"), channel="chat/sales") == statuses.Applied(0, 1)
    assert database.look(row, models.Delivery, delivery).state == "sent"


def test_each_word_leaves_its_time(database: Database, clock: MovableClock) -> None:
    delivery = database.run(sent)
    clock.advance(minutes=1)
    database.run(apply, status("delivered", at=START + 5 * SECOND), status("read", at=START + DAY))
    found = database.look(row, models.Delivery, delivery)
    assert (found.sent_at, found.delivered_at) == (START, START + 5 * SECOND)
    assert found.read_at == START + MINUTE  # a platform's clock that is ahead


def test_a_failure_is_kept_with_its_reason(database: Database) -> None:
    delivery = database.run(sent)
    database.run(apply, status("failed", error_code="131026", error="undeliverable"))
    found = database.look(row, models.Delivery, delivery)
    assert (found.state, found.error_code, found.error) == ("failed", "131026", "undeliverable")


def test_a_picture_that_the_platform_cannot_fetch_is_left_out_and_never_a_reason_to_fail(
    database: Database, clock: MovableClock
) -> None:
    delivery = database.run(sent)
    refused = status("failed", error_code="131053", error="media", again=True)
    database.run(apply, refused)
    [again] = database.run(take, lane="chat").due
    assert (again.id, again.attempts) == (delivery, 2)
    database.run(settle, [again], Receipt(message_id="wamid.2"))
    database.run(apply, refused)  # repeated: that message is nobody's any more
    assert database.look(row, models.Delivery, delivery).state == "sent"
    clock.advance(seconds=1)
    database.run(apply, status("failed", "wamid.2", error_code="131053", again=True))
    assert database.look(row, models.Delivery, delivery).state == "failed"  # plain text was no better


def test_many_statuses_of_many_messages_go_together(database: Database) -> None:
    ids = [database.run(sent, f"wamid.{n}") for n in range(40)]
    news = [status(word, f"wamid.{n}") for n in range(40) for word in ("read", "delivered", "sent")]
    assert database.run(apply, *news).changed == 40
    assert {database.look(row, models.Delivery, one).state for one in ids} == {"read"}


def test_news_that_comes_while_the_end_of_the_send_is_stored_is_not_lost(database: Database) -> None:
    due = database.run(under_way)
    news = status("delivered", delivery=deliveries.message_id(due, ""))
    with ThreadPoolExecutor(1) as other:

        def ends(work: Work) -> "Future[statuses.Applied]":
            settle(work, [due], Receipt(message_id="wamid.1"))
            applied = other.submit(database.run, apply, news)
            wait([applied], timeout=0.3)  # on PostgreSQL it has met our lock by then
            return applied

        assert database.run(ends).result() == statuses.Applied(changed=1)
    assert database.look(row, models.Delivery, due.id).state == "delivered"


# What nobody knows the end of (reliability page, 3.4)


@pytest.mark.parametrize("word", ["sent", "delivered", "read"])
def test_news_of_an_ambiguous_send_settles_it(database: Database, clock: MovableClock, word: str) -> None:
    due = database.run(under_way)
    database.run(settle, [due], Ambiguous("no answer", code="timeout"))
    assert database.run(apply, status(word, delivery=deliveries.message_id(due, ""))).changed == 1
    found = database.look(row, models.Delivery, due.id)
    assert (found.state, found.message_id) == (word, "wamid.1")
    clock.advance(hours=1)
    assert not database.run(take, lane="chat").due  # it is not sent again
    database.run(apply, status("read"))  # by the platform's name from now on
    assert database.look(row, models.Delivery, due.id).state == "read"


def test_news_of_a_send_that_still_runs_ends_it(database: Database) -> None:
    due = database.run(under_way)
    database.run(apply, status("delivered", delivery=deliveries.message_id(due, "")))
    assert not database.run(settle, [due], Ambiguous("no answer", code="timeout")).outcomes
    assert database.look(row, models.Delivery, due.id).state == "delivered"


def test_a_post_s_delivery_is_known_by_our_name_for_it(database: Database) -> None:
    database.run(add_destinations, 2, "chat")
    database.run(add_feed)
    database.run(subscribe, 1, [1, 2])
    [feed] = database.run(take_feeds)
    database.run(record, feed, page(item("one"), item("two")))
    first, second = database.run(take, lane="chat").due
    uid = str(database.look(row, models.Post, 1).uid)
    database.run(apply, status("sent", delivery=deliveries.message_id(first, uid)))
    assert database.look(row, models.Delivery, first.id).state == "sent"
    assert database.look(row, models.Delivery, second.id).state == "leased"


@pytest.mark.parametrize("name", ["", "msg_", "msg_zz", "msg_" + "0" * 32, "msg_" + "0" * 32 + "_1", "x" * 5000])
def test_a_name_that_is_not_ours_is_nobody_s(database: Database, name: str) -> None:
    due = database.run(under_way)
    assert database.run(apply, status("read", delivery=name)) == statuses.Applied(0, 1)
    assert database.look(row, models.Delivery, due.id).state == "leased"


def test_what_was_never_sent_is_not_settled_by_a_made_up_name(database: Database) -> None:
    database.run(add_destinations, 1, "chat")
    [waits] = database.run(queue, 1, 1, "chat")
    ours = f"msg_{database.look(row, models.Delivery, waits).uid.hex}"
    database.run(apply, status("sent", delivery=ours))
    assert database.look(row, models.Delivery, waits).state == "ready"


# Early


def test_news_that_came_before_its_message_is_not_lost(database: Database) -> None:
    assert database.run(apply, status("read"), status("delivered"), status("read")).parked == 3
    assert database.look(parked) == ["delivered", "read"]
    delivery = database.run(sent)
    database.run(lambda work: statuses.unpark(work, "chat", {delivery: "wamid.1", 99: "wamid.99"}))
    assert database.look(row, models.Delivery, delivery).state == "read"
    assert database.look(parked) == []


def test_a_closed_window_is_heard_of_early_too(database: Database) -> None:
    database.run(apply, status("failed", error_code="131047", window_closed=True))
    delivery = database.run(sent)
    database.run(lambda work: statuses.unpark(work, "chat", {delivery: "wamid.1"}))
    assert database.look(row, models.Delivery, delivery).state == "held"


def test_what_waits_in_vain_is_forgotten_after_a_day(database: Database, clock: MovableClock) -> None:
    database.run(apply, status("read"), status("played", "wamid.2"), status("sent", ""))
    assert database.look(parked) == ["read"]  # words that we do not know, and what has no name, are not kept
    clock.advance(hours=23)
    assert database.run(statuses.forget, 100) == 0
    clock.advance(hours=2)
    assert database.run(statuses.forget, 100) == 1
    assert database.look(parked) == []


# A closed window


def test_a_message_that_met_a_closed_window_waits_for_the_person(database: Database) -> None:
    database.run(chats.happens, says("ping", opens_window=True), channel="chat")
    conversation = database.look(chats.conversation)
    own = database.look(rows, models.Destination)[0]
    [delivery] = database.run(queue, own.id, 1, "chat", account=own.account_id)
    due = [one for one in database.run(take, lane="chat").due if one.id == delivery]
    database.run(settle, due, Receipt(message_id="wamid.1"))
    database.run(apply, status("failed", error_code="131047", window_closed=True))
    found = database.look(row, models.Delivery, delivery)
    assert (found.state, found.error_code, found.message_id) == ("held", WINDOW_CLOSED, "")
    assert found.attempts == found.throttled  # nothing was used up
    closed = database.look(chats.conversation)
    assert conversation.window_until > START
    assert (closed.window_until, closed.held_since) == (START, START)
    database.run(apply, status("sent"), status("failed", window_closed=True))  # repeated, and out of order
    assert database.look(row, models.Delivery, delivery).state == "held"


@pytest.mark.parametrize("order", list(permutations(["delivered", "failed"])))
def test_what_arrived_is_not_held_for_a_window(database: Database, order: tuple[str, ...]) -> None:
    delivery = database.run(sent)
    database.run(apply, *(status(word, window_closed=word == "failed") for word in order))
    assert database.look(row, models.Delivery, delivery).state == "delivered"


# Through the inbox


def test_statuses_are_taken_together_and_once(database: Database, clock: MovableClock) -> None:
    delivery = database.run(sent)
    news: list[AnyEvent] = [status("read"), status("delivered"), Unknown(key="odd", what="reaction")]
    assert database.run(chats.store, *news, channel="chat") == 3
    due = database.run(inbox.take_due, 10).loose
    assert all(one.loose for one in due)
    assert database.run(statuses.take, due, 7 * DAY) == statuses.Applied(1, 0)
    assert database.run(statuses.take, due, 7 * DAY) == statuses.Applied(0, 0)
    assert database.look(row, models.Delivery, delivery).state == "read"
    clock.advance(hours=1)
    assert not database.run(inbox.take_due, 10).loose


@given(
    words=st.lists(st.sampled_from(["sent", "delivered", "read", "failed", "played"]), max_size=6),
    cuts=st.sets(st.integers(0, 5)),
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_in_any_batches_comes_to_the_same(database: Database, words: list[str], cuts: set[int]) -> None:
    name = f"wamid.{len(database.look(rows, models.Delivery))}"
    one, other = database.run(sent, f"{name}a"), database.run(sent, f"{name}b")
    parts = [list(words)]
    for cut in sorted(cuts):
        parts[-1:] = [parts[-1][:cut], parts[-1][cut:]]
    for part in parts:
        database.run(apply, *(status(word, f"{name}a") for word in part))
    database.run(apply, *(status(word, f"{name}b") for word in sorted(words, reverse=True)))
    fate = [database.look(row, models.Delivery, id_) for id_ in (one, other)]
    names = ("state", "sent_at", "delivered_at", "read_at", "failed_at", "error_code")
    assert [getattr(fate[0], name) for name in names] == [getattr(fate[1], name) for name in names]
