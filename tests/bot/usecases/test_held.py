"""What is held for a person: it waits, is announced once, goes in order, and ends when nobody comes."""

from typing import Any

import pytest
from sqlalchemy import update

from bot.usecases import deliveries, held, replies
from bot.usecases.held import STOPPED, WINDOW_CLOSED
from storage import models
from storage.chat_models import Conversation
from storage.database import Database, Work
from tests import chats
from tests.chats import happens, says
from tests.clock import START, MovableClock
from tests.world import (
    DAY,
    HOUR,
    SCHEDULES,
    SECOND,
    add_destinations,
    add_feed,
    item,
    page,
    queue,
    record,
    row,
    rows,
    subscribe,
    take,
    take_feeds,
)

pytestmark = pytest.mark.usefixtures("small_talk")

ADDRESS = "https://example.org/1"


@pytest.fixture
def ann(database: Database) -> int:
    """A person who has written, at a destination of another account, too; returns the id of their conversation."""
    database.run(add_destinations, 1, "chat")
    database.run(happens, says("hello", chat=ADDRESS, opens_window=True), channel="chat")
    return int(database.look(chats.conversation, ADDRESS).id)


def own(work: Work, /) -> Any:
    """The conversation's own destination."""
    return rows(work, models.Destination)[-1]


def posts(work: Work, /, count: int) -> list[int]:
    """Deliveries of so many posts to the conversation's own destination."""
    where = own(work)
    add_feed(work)
    subscribe(work, 1, [where.id], account=where.account_id)
    [feed] = take_feeds(work)
    record(work, feed, page(*(item(n, published=work.now) for n in range(1, count + 1))))
    return [one.id for one in rows(work, models.Delivery, subscription_id=1)]


def hold(work: Work, /, ids: list[int], reason: str = WINDOW_CLOSED) -> None:
    held.hold_rows(work, ids, reason)


def conversation(work: Work, /, number: int) -> Any:
    found = work.session.get(Conversation, number)
    assert found
    return found


def start(work: Work, /, number: int) -> int:
    return held.start(work, conversation(work, number))


def stop(work: Work, /, number: int) -> None:
    held.stop(work, conversation(work, number))


def states(work: Work, /, ids: list[int]) -> list[str]:
    return [row(work, models.Delivery, one).state for one in ids]


def sendable(work: Work, /) -> list[int]:
    """What a claim of the lane brings, one after the other."""
    brought: list[int] = []
    while due := take(work, lane="chat").due:
        brought += [one.id for one in due]
        deliveries_sent = [one.id for one in due]
        work.session.execute(
            update(models.Delivery.__table__)
            .where(models.Delivery.__table__.c.id.in_(deliveries_sent))
            .values(state="sent", lease_token=None)
        )
    return brought


# Holding


def test_what_is_held_is_not_sent_and_uses_nothing_up(database: Database, ann: int) -> None:
    [one, other] = database.run(posts, 2)
    [due] = database.run(take, lane="chat").due
    database.run(hold, [due.id, other])
    found = database.look(row, models.Delivery, one)
    assert (found.state, found.error_code, found.lease_token) == ("held", WINDOW_CLOSED, None)
    assert (found.attempts, found.throttled) == (1, 1)
    assert database.look(row, models.Delivery, other).attempts == 0
    assert not database.run(take, lane="chat").due
    chat = database.look(row, Conversation, ann)
    assert (chat.window_until, chat.held_since) == (START, START)


@pytest.mark.parametrize(("lane", "event"), [("reply", "reply"), ("code", "code"), ("chat", "nudge")])
def test_what_makes_sense_now_or_never_is_not_held(database: Database, ann: int, lane: str, event: str) -> None:
    def add(work: Work) -> None:
        replies.queue(work, own(work), event=event, lane=lane, text="now", expires_at=work.now + HOUR)

    database.run(add)
    last = database.look(rows, models.Delivery)[-1]
    database.run(hold, [last.id])
    found = database.look(row, models.Delivery, last.id)
    assert (found.state, found.error_code, found.failed_at) == ("failed", WINDOW_CLOSED, START)


def test_what_has_ended_is_not_held(database: Database, ann: int) -> None:
    [delivery] = database.run(posts, 1)
    database.run(lambda work: deliveries.expire_before(work, START + SECOND))
    database.run(hold, [delivery])
    assert database.look(states, [delivery]) == ["failed"]


# Letting go


def test_a_word_lets_everything_go_in_order(database: Database, ann: int, clock: MovableClock) -> None:
    ids = database.run(posts, 3)
    elsewhere = database.run(queue, 1, 2, "chat")  # another account sends to the same person
    database.run(hold, [*elsewhere, *ids])
    clock.advance(days=2)
    database.run(happens, says("hello", chat=ADDRESS, opens_window=True), channel="chat")
    assert database.look(states, [*ids, *elsewhere]) == ["ready"] * 5
    found = database.look(row, models.Delivery, ids[0])
    assert (found.error_code, found.error, found.expires_at) == ("", "", START + 3 * DAY)
    chat = database.look(row, Conversation, ann)
    assert (chat.held_since, chat.nudged_at) == (None, None)
    brought = database.run(sendable)
    assert [one for one in brought if one in ids] == ids
    assert [one for one in brought if one in elsewhere] == elsewhere


def test_a_word_that_opens_no_window_lets_nothing_go(database: Database, ann: int) -> None:
    ids = database.run(posts, 1)
    database.run(hold, ids)
    database.run(happens, says("hello", chat=ADDRESS), channel="chat")
    assert database.look(states, ids) == ["held"]


def test_of_many_the_newest_go_after_a_summary_of_the_others(database: Database, ann: int, clock: MovableClock) -> None:
    ids = database.run(posts, 13)
    database.run(hold, ids)
    clock.advance(hours=1)
    assert database.run(start, ann) == 11
    older, newest = ids[:3], ids[3:]
    assert database.look(states, older) == ["failed"] * 3
    assert database.look(row, models.Delivery, older[0]).error == "in the summary instead"
    [summary] = database.look(rows, models.Delivery, event="digest")
    assert summary.text.splitlines()[1:] == [f"• Post {n} https://example.org/{n}" for n in (1, 2, 3)]
    assert "3" in summary.text.splitlines()[0]
    assert database.run(sendable) == [summary.id]
    clock.advance(seconds=5)
    assert database.run(sendable) == newest


def test_exactly_ten_need_no_summary(database: Database, ann: int) -> None:
    ids = database.run(posts, 10)
    database.run(hold, ids)
    assert database.run(start, ann) == 10
    assert database.look(rows, models.Delivery, event="digest") == []


def test_a_summary_fits_into_a_message_and_says_what_is_left_out(database: Database, ann: int) -> None:
    where = database.look(own)
    ids = database.run(queue, where.id, 300, "chat", account=where.account_id)
    database.run(hold, ids)
    database.run(start, ann)
    [summary] = database.look(rows, models.Delivery, event="digest")
    assert len(summary.text) < 3300
    lines = summary.text.splitlines()
    left_out = 290 - (len(lines) - 2)
    assert str(left_out) in lines[1]
    assert lines[-1] == "• notice 290"


# Silence


def test_stop_silences_everybody_who_sends_there(database: Database, ann: int, clock: MovableClock) -> None:
    mine, theirs = database.run(posts, 2), database.run(queue, 1, 2, "chat")
    database.run(stop, ann)
    assert database.look(states, [*mine, *theirs]) == ["held"] * 4
    assert {database.look(row, models.Delivery, one).error_code for one in mine} == {STOPPED}
    chat = database.look(row, Conversation, ann)
    assert (chat.stopped_at, chat.held_since) == (START, None)  # nobody is nudged who wants silence
    clock.advance(hours=1)
    database.run(stop, ann)
    assert database.look(row, Conversation, ann).stopped_at == START
    assert database.run(start, ann) == 4
    assert database.look(states, [*mine, *theirs]) == ["ready"] * 4


def test_what_comes_during_silence_is_held_as_claims_meet_it(database: Database, ann: int) -> None:
    database.run(stop, ann)
    where = database.look(own)
    [late] = database.run(queue, where.id, 1, "chat", account=where.account_id)
    database.run(add_destinations, 1, "chat", first=70)
    assert database.run(held.hold_stopped, [1, where.id, 70]) == {1, where.id}
    assert database.look(states, [late]) == ["held"]


def test_a_destination_that_is_made_during_silence_is_silent(database: Database, ann: int) -> None:
    database.run(stop, ann)
    database.run(add_destinations, 1, "chat", first=70, account=70)
    same = models.Destination.__table__.c.id == 70
    database.run(lambda work: work.session.execute(update(models.Destination).where(same).values(address=ADDRESS)))
    assert database.run(held.hold_stopped, [70]) == {70}


def test_a_word_during_silence_is_answered_and_lets_nothing_go(database: Database, ann: int) -> None:
    ids = database.run(posts, 1)
    database.run(stop, ann)
    before = len(database.look(chats.replies))
    database.run(happens, says("ping", chat=ADDRESS, opens_window=True), channel="chat")
    assert database.look(states, ids) == ["held"]
    assert len(database.look(chats.replies)) == before + 1
    assert database.run(take, lane="reply").due


def test_silence_stops_no_answer_that_is_on_its_way(database: Database, ann: int) -> None:
    database.run(happens, says("ping", chat=ADDRESS), channel="chat")
    database.run(stop, ann)
    assert database.look(rows, models.Delivery, event="reply")[-1].state == "ready"


# When nobody comes


@pytest.mark.parametrize(("reason", "text"), [(WINDOW_CLOSED, "window closed"), (STOPPED, "stopped")])
def test_nothing_is_held_for_ever(database: Database, ann: int, clock: MovableClock, reason: str, text: str) -> None:
    ids = database.run(posts, 2)
    database.run(hold, ids, reason)
    clock.advance(days=7, minutes=-1)
    assert database.run(held.give_up) == 0
    assert not database.run(deliveries.sweep, SCHEDULES).more
    assert database.look(states, ids) == ["held", "held"]
    clock.advance(minutes=1)
    assert database.run(held.give_up) == 2
    found = database.look(row, models.Delivery, ids[0])
    assert (found.state, found.error_code, found.error) == ("failed", reason, text)


# The nudge


def nudge(work: Work, /, *channels: str) -> int:
    return held.nudge(work, channels or ("chat",), SCHEDULES)


def test_a_person_is_told_once_how_much_waits(database: Database, ann: int, clock: MovableClock) -> None:
    ids = database.run(posts, 3)
    database.run(hold, ids)
    clock.advance(seconds=59)
    assert database.run(nudge) == 0
    clock.advance(seconds=1)
    assert database.run(nudge, "telegraph") == 0
    assert database.run(nudge) == 1
    [told] = database.look(rows, models.Delivery, event="nudge")
    assert (told.lane, told.state, told.destination_id) == ("chat", "ready", database.look(own).id)
    assert replies.unpack(told.extras).waiting == 3
    clock.advance(days=1)
    assert database.run(nudge) == 0


def test_a_person_who_has_never_written_is_told_and_keeps_out_of_the_sender_s_account(
    database: Database, clock: MovableClock
) -> None:
    database.run(add_destinations, 1, "chat")
    [waits] = database.run(queue, 1, 1, "chat")
    database.run(hold, [waits])
    clock.advance(minutes=2)
    assert database.run(nudge) == 1
    assert database.look(rows, models.Delivery, event="nudge")[0].destination_id == 1
    database.run(happens, says("hello", chat=ADDRESS, opens_window=True), chats.CLOSED, channel="chat")
    assert database.look(states, [waits]) == ["ready"]
    there = database.look(chats.conversation, ADDRESS)
    assert there.account_id != 1
    assert {who.account_id for who in database.look(chats.identities).values()} == {there.account_id}
    assert {one.conversation_id for one in database.look(rows, models.Destination)} == {there.id}


def test_the_next_closed_window_is_told_of_again(database: Database, ann: int, clock: MovableClock) -> None:
    ids = database.run(posts, 1)
    for _ in range(2):
        database.run(hold, ids)
        clock.advance(minutes=2)
        assert database.run(nudge) == 1
        database.run(happens, says("hello", chat=ADDRESS, opens_window=True), channel="chat")


def test_nobody_is_told_of_what_has_ended_or_wants_silence(database: Database, ann: int, clock: MovableClock) -> None:
    ids = database.run(posts, 1)
    database.run(hold, ids)
    clock.advance(days=7)
    database.run(held.give_up)
    assert database.run(nudge) == 0
    assert database.look(row, Conversation, ann).held_since is None
    where = database.look(own)
    more = database.run(queue, where.id, 1, "chat", account=where.account_id)
    database.run(hold, more)
    database.run(stop, ann)
    clock.advance(minutes=2)
    assert database.run(nudge) == 0
