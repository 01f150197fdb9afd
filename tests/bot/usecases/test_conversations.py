"""What people say in chats: who they are taken for, what it may change, and that it happens once."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from adapters.inbound import AddressMoved, ChatJoined, ChatLeft, Preference
from bot.rules import commands as words
from bot.rules.vault import Vault
from bot.usecases import clocks, conversations, destinations, inbox, links, replies, retention
from bot.usecases.chat.who import Terms
from bot.usecases.held import STOPPED
from storage import models
from storage.chat_models import Conversation
from storage.database import Database, Work
from tests import chats
from tests.chats import CLOSED, OPEN, happens, says
from tests.clock import START, MovableClock
from tests.world import DAY, HOUR, MINUTE, SECOND, add_account, add_destinations, add_feed, queue, row, rows, subscribe

pytestmark = pytest.mark.usefixtures("small_talk")


def delivery(work: Work) -> Any:
    return rows(work, models.Delivery)[-1]


# The first word


def test_a_new_person_gets_an_account_a_conversation_and_a_destination(database: Database) -> None:
    message = says("ping", sender_name="Ann", phone="+34600000001", language="zh_CN", sender_also=("ann@2",))
    taken = database.run(happens, message, OPEN)
    assert taken.reply
    assert taken.reply.text == "pong"
    chat = database.look(chats.conversation)
    assert (chat.direct, chat.title, chat.language, chat.last_seen_at) == (True, "Ann", "zh-CN", START)
    account = database.look(row, models.Account, chat.account_id)
    assert (account.name, account.plan, account.email) == ("Ann", "unlimited", None)
    [where] = database.look(rows, models.Destination)
    assert (where.account_id, where.channel, where.lane) == (account.id, "talk", "chat")
    assert (where.address, where.conversation_id, where.verified_at) == ("chat of ann", chat.id, START)
    known = database.look(chats.identities)
    assert set(known) == {"ann", "ann@2"}
    assert {(who.account_id, who.conversation_id, who.phone) for who in known.values()} == {
        (account.id, chat.id, "+34600000001")
    }


def test_a_reply_lies_in_the_outbox_with_all_that_belongs_to_it(database: Database) -> None:
    message = says("ping", language="es_ES")
    taken = database.run(happens, message)
    queued = database.look(delivery)
    assert (queued.lane, queued.event, queued.text, queued.state) == ("reply", "reply", "pong", "ready")
    assert (queued.uid, queued.expires_at) == (taken.uid, START + 2 * MINUTE)
    assert replies.unpack(queued.extras) == replies.Extras(reply_to=message.message_id, language="es")


def test_who_writes_from_where_a_destination_was_removed_has_it_again(database: Database, clock: MovableClock) -> None:
    database.run(happens, says("ping", sender_name="Ann"))
    (where,) = database.look(rows, models.Destination)
    database.run(add_feed)
    database.run(subscribe, 1, [where.id], account=where.account_id)

    def remove(work: Work) -> None:
        destinations.remove(work, destinations.get(work, where.id), "its account removed it")

    database.run(remove)
    clock.advance(minutes=1)
    assert database.run(happens, says("ping", sender_name="Ann")).uid
    (back,) = database.look(rows, models.Destination)
    now = START + MINUTE
    assert (back.id, back.removed_at, back.verified_at, back.created_at) == (where.id, None, now, now)
    assert back.name == "Ann"
    assert not database.look(row, models.Subscription, 1).active  # it begins anew


def test_a_second_word_meets_the_same_account(database: Database) -> None:
    database.run(happens, says("ping", sender_name="Ann"))
    database.run(happens, says("ping", sender_name="Ann B.", phone="+34600000001"))
    assert len(database.look(rows, models.Account)) == 1
    assert len(database.look(rows, models.Destination)) == 1
    who = database.look(chats.identities)["ann"]
    assert (who.name, who.phone) == ("Ann B.", "+34600000001")


@pytest.mark.parametrize(
    "again",
    [
        {"chat": "other spelling", "also": ("chat of ann",)},
        {"chat": "chat of ann", "sender": "new name"},
        {"chat": "elsewhere", "sender": "ann@2"},  # learnt from the first message
    ],
)
def test_a_person_is_known_by_any_of_their_names(database: Database, again: dict[str, Any]) -> None:
    database.run(happens, says("ping", sender_also=("ann@2",)))
    database.run(happens, says("ping", **again))
    assert len(database.look(rows, Conversation)) == 1
    assert len(database.look(rows, models.Account)) == 1
    assert {one.address for one in database.look(rows, models.Destination)} == {"chat of ann"}


def test_accounts_of_one_channel_are_apart(database: Database) -> None:
    database.run(happens, says("ping"))
    database.run(happens, says("ping"), channel="talk/sales")
    assert len(database.look(rows, Conversation)) == 2
    assert len(database.look(rows, models.Account)) == 2


def test_a_known_person_s_other_chat_belongs_to_their_account(database: Database) -> None:
    database.run(happens, says("ping", sender="ann", chat="#team"))
    database.run(happens, says("ping", sender="ann"))
    group, own = database.look(rows, Conversation)
    assert (group.direct, own.direct) == (False, True)
    assert group.account_id != own.account_id  # a group has its own


# While nobody may sign up


def test_a_stranger_is_refused_and_nothing_is_kept(database: Database) -> None:
    taken = database.run(happens, says("ping"), CLOSED)
    assert taken.reply
    assert (taken.reply.text, taken.uid) == ("I do not know you", None)
    for table in (models.Account, Conversation, models.Destination, models.Delivery):
        assert database.look(rows, table) == []
    assert database.look(chats.identities) == {}


def test_a_wrong_code_of_a_stranger_keeps_nothing_either(database: Database) -> None:
    taken = database.run(happens, says("K7Q2-9XMB"), CLOSED)
    assert taken.reply
    assert taken.reply.text == "I do not know you"
    assert database.look(rows, models.Account) == []
    assert database.look(rows, Conversation) == []


def test_whoever_somebody_sends_to_may_answer(database: Database) -> None:
    """They must be able to type a code, and to say STOP; the sender's account is not theirs for that."""
    database.run(lambda work: add_destinations(work, 1, "talk"))
    database.run(happens, says("ping", chat="https://example.org/1"), CLOSED)
    chat = database.look(chats.conversation, "https://example.org/1")
    assert chat.account_id != 1
    theirs, own = database.look(rows, models.Destination)
    assert (theirs.account_id, theirs.conversation_id) == (1, chat.id)
    assert (own.account_id, own.conversation_id) == (chat.account_id, chat.id)


def test_a_known_person_is_served_and_may_bring_the_bot_to_a_group(database: Database) -> None:
    database.run(happens, says("ping"), OPEN)
    assert database.run(happens, says("ping"), CLOSED).uid
    assert database.run(happens, says("/ping", chat="#team"), CLOSED).uid
    assert not database.run(happens, says("/ping", sender="eve", chat="#others"), CLOSED).uid


# Groups


def test_chatter_in_a_group_is_nobody_s_business(database: Database) -> None:
    taken = database.run(happens, says("ping", chat="#team", addressed=False))
    assert taken.reply is None
    assert database.look(rows, Conversation) == []
    assert database.look(rows, models.InboundEvent)[0].done_at == START


@pytest.mark.parametrize(
    ("setting", "managers", "may"),
    [
        ("all", ("owner",), True),
        ("admins", ("owner", "ann"), True),
        ("admins", ("owner", "bob"), False),
        ("admins", (), False),  # could not be found out
        ("admins", None, True),  # the platform has none
        ("owner", ("ann", "bob"), True),
        ("owner", ("bob", "ann"), False),
    ],
)
def test_who_manages_a_group(database: Database, setting: Any, managers: Any, may: bool) -> None:
    terms = Terms(policy=OPEN.policy, interval=OPEN.interval, public_base_url="", signup="open", group_managers=setting)
    taken = database.run(happens, says("/manage", chat="#team"), terms, managers=managers)
    assert taken.reply
    assert taken.reply.text == ("managed" if may else "only managers may do that")


def test_another_name_of_a_person_counts_for_managing(database: Database) -> None:
    message = says("/manage", chat="#team", sender_also=("ann@2",))
    taken = database.run(happens, message, OPEN, managers=["ann@2"])
    assert taken.reply
    assert taken.reply.text == "managed"


# Once, and in time


def test_an_event_whose_lease_is_lost_has_no_effect(database: Database, clock: MovableClock) -> None:
    database.run(chats.store, says("ping"))
    [late] = database.run(chats.claim)
    clock.advance(minutes=2)
    [again] = database.run(chats.claim)
    assert database.run(lambda work: conversations.take(work, OPEN, again, lane="chat")).uid
    assert database.run(lambda work: conversations.take(work, OPEN, late, lane="chat")).uid is None
    assert database.look(chats.replies) == ["pong"]


def test_what_fails_changes_nothing_at_all(database: Database) -> None:
    with pytest.raises(RuntimeError, match="a command fails"):
        database.run(happens, says("bug"))
    assert database.look(rows, Conversation) == []
    assert database.look(rows, models.Account) == []


@pytest.mark.parametrize(
    ("old", "text"),
    [(9 * MINUTE, "pong"), (11 * MINUTE, "this arrived late, please repeat it"), (-HOUR, "pong")],
)
def test_a_command_that_was_old_when_it_reached_us_has_no_effect(database: Database, old: Any, text: str) -> None:
    taken = database.run(happens, says("ping", at=START - old))
    assert taken.reply
    assert taken.reply.text == text


def test_time_that_it_waited_with_us_never_counts(database: Database, clock: MovableClock) -> None:
    database.run(chats.store, says("ping", at=START))
    clock.advance(hours=3)
    [due] = database.run(chats.claim)
    taken = database.run(lambda work: conversations.take(work, OPEN, due, lane="chat"))
    assert taken.reply
    assert taken.reply.text == "pong"


def test_what_is_given_up_says_so_with_its_trace(database: Database) -> None:
    database.run(happens, says("ping"))
    database.run(chats.store, says("bug"))
    [due] = database.run(chats.claim)
    taken = database.run(lambda work: conversations.give_up(work, OPEN, due, lane="chat", error="RuntimeError"))
    assert taken.uid
    assert database.look(chats.replies)[-1] == f"something failed here, trace {due.trace}"
    assert database.look(rows, models.InboundEvent)[-1].error == "RuntimeError"
    assert database.run(chats.claim) == []


def test_a_stranger_whose_words_fail_hears_of_it_and_leaves_no_trace(database: Database) -> None:
    database.run(chats.store, says("bug"))
    [due] = database.run(chats.claim)
    taken = database.run(lambda work: conversations.give_up(work, OPEN, due, lane="chat", error="RuntimeError"))
    assert taken.reply
    assert taken.uid is None
    assert database.look(rows, Conversation) == []


# A reply that is the answer to the request


def test_a_reply_given_at_once_is_sent_only_if_nobody_reports_it(database: Database, clock: MovableClock) -> None:
    given = database.run(happens, says("ping"), at_once=True)
    lost = database.run(happens, says("ping"), at_once=True)
    uid = given.uid
    assert uid
    waiting = database.look(rows, models.Delivery)
    assert [(one.state, one.due_at) for one in waiting] == [("waiting", START + 5 * SECOND)] * 2
    database.run(lambda work: conversations.answered(work, [uid]))
    states = {one.uid: one.state for one in database.look(rows, models.Delivery)}
    assert states == {uid: "sent", lost.uid: "waiting"}


# The window


def test_a_word_opens_the_window_from_when_it_was_said(database: Database) -> None:
    database.run(happens, says("ping", at=START - 2 * MINUTE, opens_window=True))
    until = START - 2 * MINUTE + DAY - MINUTE
    assert database.look(chats.conversation).window_until == until
    database.run(happens, says("ping", at=START - 5 * MINUTE, opens_window=True))
    assert database.look(chats.conversation).window_until == until
    database.run(happens, says("ping", at=START + DAY, opens_window=True))  # a clock that is ahead
    assert database.look(chats.conversation).window_until == START + DAY - MINUTE


def test_a_word_that_came_a_day_late_opens_nothing(database: Database) -> None:
    database.run(happens, says("ping", at=START - DAY, opens_window=True))
    assert database.look(chats.conversation).window_until is None


# Chats that change


def joined(chat: str = "#team", **more: Any) -> ChatJoined:
    usual: dict[str, Any] = {"direct": not chat.startswith("#"), "sender": "ann"}
    return ChatJoined(key=f"j{more}{chat}", chat=chat, **usual | more)


def test_a_group_is_greeted_once(database: Database) -> None:
    assert database.run(happens, joined(name="The team")).uid
    assert database.run(happens, joined(name="The same team")).uid is None
    chat = database.look(chats.conversation, "#team")
    assert (chat.title, chat.greeted_at, chat.direct) == ("The same team", START, False)
    assert database.look(chats.replies) == ["hello"]


def test_a_chat_that_is_opened_again_and_again_is_greeted_once(database: Database) -> None:
    opened = [joined("ann's", first=first, name=str(first)) for first in (True, False)]
    assert [bool(database.run(happens, one).uid) for one in opened] == [True, False]
    assert database.look(chats.identities)["ann"].conversation_id


def test_who_opens_a_chat_to_which_others_have_sent_belongs_to_no_sender(database: Database) -> None:
    database.run(lambda work: add_destinations(work, 1, "talk"))
    address = "https://example.org/1"
    database.run(happens, Preference(key="stop", chat=address, wanted=False))
    assert database.look(chats.conversation, address).account_id == 1
    database.run(happens, joined(address))
    database.run(happens, says("ping", chat=address))
    owner = database.look(chats.conversation, address).account_id
    assert owner != 1
    assert database.look(chats.identities)["ann"].account_id == owner
    assert len(database.look(rows, models.Account)) == 2


def test_a_stranger_s_group_is_refused_while_nobody_may_sign_up(database: Database) -> None:
    taken = database.run(happens, joined(), CLOSED)
    assert taken.reply
    assert taken.uid is None
    assert database.run(happens, joined(first=False), CLOSED).reply is None
    assert database.look(rows, Conversation) == []


def test_a_bot_that_was_removed_sends_nothing_and_reads_nothing_there(database: Database) -> None:
    database.run(happens, joined())
    [own] = database.look(rows, models.Destination)
    database.run(lambda work: add_feed(work))
    database.run(lambda work: subscribe(work, 1, [own.id], account=own.account_id))
    waits = database.run(lambda work: queue(work, own.id, 2, "chat", account=own.account_id))
    database.run(happens, ChatLeft(key="left", chat="#team"))
    assert {database.look(row, models.Delivery, one).error for one in waits} == {
        "destination disabled: the bot was removed"
    }
    where = database.look(row, models.Destination, own.id)
    assert (where.disabled_at, where.disabled_reason) == (START, "the bot was removed")
    assert not database.look(row, models.Subscription, 1).active
    assert database.look(row, models.Feed, 1).state == "paused"
    assert database.look(chats.conversation, "#team").left_at == START


def test_a_bot_that_comes_back_offers_what_was_there(database: Database, clock: MovableClock) -> None:
    test_a_bot_that_was_removed_sends_nothing_and_reads_nothing_there(database)
    clock.advance(hours=1)
    taken = database.run(happens, joined(name="again"))
    assert taken.reply
    [button] = taken.reply.buttons
    assert "1 subscription ended" in taken.reply.text
    [where] = database.look(rows, models.Destination)
    assert where.disabled_at is None
    refused = database.run(happens, says("", chat="#team", action=button.value), OPEN, managers=["bob"])
    assert refused.reply
    assert "managers" in refused.reply.text
    assert not database.look(row, models.Subscription, 1).active
    done = database.run(happens, says("", chat="#team", action=button.value), OPEN, managers=["ann"])
    assert done.reply
    assert "back" in done.reply.text
    assert database.look(row, models.Subscription, 1).active
    feed = database.look(row, models.Feed, 1)
    assert (feed.state, feed.last_success_at) == ("active", None)  # its next reading announces nothing


def test_a_word_in_a_group_shows_that_the_bot_is_there(database: Database) -> None:
    test_a_bot_that_was_removed_sends_nothing_and_reads_nothing_there(database)
    database.run(happens, says("/ping", chat="#team"))
    assert database.look(chats.conversation, "#team").left_at is None
    assert database.look(rows, models.Destination)[0].disabled_at is None


def test_a_person_who_moves_takes_everything_along(database: Database) -> None:
    database.run(happens, says("ping", sender="+341", chat="+341"))
    database.run(lambda work: add_destinations(work, 1, "talk", first=50, account=50))
    database.run(
        lambda work: work.session.execute(
            models.Destination.__table__.update().where(models.Destination.__table__.c.id == 50).values(address="+341")
        )
    )
    database.run(happens, AddressMoved(key="moved", old="+341", new="+342"))
    assert {one.address for one in database.look(rows, models.Destination)} == {"+342"}
    database.run(happens, says("ping", sender="+342", chat="+342"))
    assert len(database.look(rows, Conversation)) == 1
    database.run(happens, says("ping", sender="+341", chat="+341"))  # whoever has that number now
    old, new = database.look(rows, Conversation)
    assert old.account_id != new.account_id


def test_a_person_who_wrote_before_their_move_was_told_keeps_the_account(database: Database) -> None:
    database.run(happens, says("ping", sender="+341", chat="+341"))
    database.run(happens, says("ping", sender="+342", chat="+342"))
    old, _ = database.look(rows, Conversation)
    database.run(happens, AddressMoved(key="moved", old="+341", new="+342"))
    database.run(happens, says("ping", sender="+342", chat="+342"))
    assert database.look(chats.conversation, "+342").account_id == old.account_id
    assert database.look(chats.identities)["+342"].account_id == old.account_id
    mine = [one for one in database.look(rows, models.Destination) if one.account_id == old.account_id]
    assert [one.address for one in mine] == ["+342"]


def test_a_destination_that_is_added_later_leads_to_the_conversation(database: Database) -> None:
    database.run(happens, says("ping"))
    database.run(add_account, 9)

    def add(work: Work) -> Any:
        return destinations.add(
            work, Vault(b"k" * 32), account_id=9, channel="talk", lane="chat", address="chat of ann", secret=None,
            verified=True,
        )  # fmt: skip

    added = database.run(add)
    assert added.conversation_id == database.look(chats.conversation).id


# Silence


@pytest.mark.parametrize("written", [True, False])
def test_who_tells_the_platform_to_stop_is_left_alone(database: Database, written: bool) -> None:
    """Also who has never written to us: somebody sends to them."""
    database.run(lambda work: add_destinations(work, 1, "talk"))
    address = "https://example.org/1"
    if written:
        database.run(happens, says("ping", chat=address))
    [waits] = database.run(lambda work: queue(work, 1, 1, "chat"))
    database.run(happens, Preference(key="stop", chat=address, wanted=False))
    held = database.look(row, models.Delivery, waits)
    assert (held.state, held.error_code) == ("held", STOPPED)
    assert database.look(chats.conversation, address).stopped_at == START
    database.run(happens, Preference(key="start", chat=address, wanted=True))
    assert database.look(row, models.Delivery, waits).state == "ready"
    assert database.look(chats.conversation, address).stopped_at is None


def test_a_preference_about_nobody_makes_nobody_up(database: Database) -> None:
    database.run(happens, Preference(key="stop", chat="nobody", wanted=False))
    assert database.look(rows, Conversation) == []


# Hostile characters


@pytest.mark.parametrize("odd", ["a\0b", "\ud800", "\u202eevil"])
def test_no_character_stops_the_inbox(database: Database, odd: str) -> None:
    message = msgspec.structs.replace(says("ping", sender_name=odd), text="ping", message_id=odd)
    database.run(chats.store, message)
    [due] = database.run(chats.claim)
    assert database.run(lambda work: conversations.take(work, OPEN, due, lane="chat")).uid


def test_what_nobody_can_read_is_given_up(database: Database) -> None:
    database.run(chats.store, says("ping"))
    database.run(lambda work: work.session.execute(models.InboundEvent.__table__.update().values(raw=b'{"is":"new"}')))
    claimed = database.run(inbox.take_due, 10)
    assert (list(claimed.chats), len(claimed.unreadable)) == ([], 1)
    assert database.look(rows, models.InboundEvent)[0].error == "it cannot be read"


# Housekeeping


def test_a_clock_that_goes_back_keeps_no_event_waiting(database: Database, clock: MovableClock) -> None:
    database.run(clocks.check)
    database.run(chats.store, says("ping"))
    [due] = database.run(chats.claim)
    database.run(inbox.failed, due, "no luck")
    clock.advance(days=-1)
    assert database.run(clocks.check) == DAY
    clock.advance(seconds=2)
    assert len(database.run(chats.claim)) == 1


def test_what_is_done_is_forgotten_after_all_repeats(database: Database, clock: MovableClock) -> None:
    database.run(happens, says("ping"))
    clock.advance(days=7)
    database.run(retention.forget, 90 * DAY)
    assert database.look(rows, models.InboundEvent)
    clock.advance(days=2)
    database.run(retention.forget, 90 * DAY)
    assert database.look(rows, models.InboundEvent) == []


def test_a_stranger_s_group_is_heard_when_it_brings_the_code_of_an_account(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = database.run(lambda work: add_account(work))
    terms = replace(CLOSED, pepper=b"pepper")
    offered = database.run(lambda work: links.offer(work, terms, known, group_on="talk"))
    monkeypatch.setattr(words, "brings_code", lambda message: offered.shown.text in message.text)
    monkeypatch.setattr(words, "code_of", lambda message: message.text[1:])
    refused = database.run(happens, says("ping", chat="#team"), terms)
    assert (refused.uid, database.look(rows, Conversation)) == (None, [])
    database.run(happens, says(f"/{offered.shown.text}", chat="#team"), terms)
    assert [one.address for one in database.look(rows, Conversation)] == ["#team"]
