"""Link codes: a chat joins another account with all that is its own, by a code that nobody can guess or use twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from bot.errors import NotFound
from bot.usecases import feeds, links
from bot.usecases.chat.who import Chat
from bot.usecases.codes import Shown, TooManyCodes
from bot.usecases.links import Joined
from storage import models
from storage.chat_models import Conversation, Identity
from storage.database import Database, Work
from storage.models import Delivery, Destination, Feed, Subscription
from tests import world
from tests.bot.usecases.chatting import ANN, BOB, Desk
from tests.clock import START, MovableClock
from tests.world import DAY, HOUR, MINUTE, SECOND


class Home(Desk):
    """Account 1 lives in the chat of ANN; account 2 in another on Feishu, which is to join it."""

    def __init__(self, database: Database, clock: MovableClock) -> None:
        super().__init__(database, clock)
        self.ann = self.chat(ANN, account=1)
        self.other = self.chat("oc_2", account=2, channel="feishu")

    def link(self, account: int = 1, chat: int | None = None) -> Shown:
        return self.run(links.link, self.terms, account_id=account, conversation_id=chat or self.ann)

    def join(self, text: str, chat: int | None = None, channel: str = "feishu", person: str = "oc_2") -> Joined:
        return self.run(
            links.join,
            self.terms,
            conversation_id=chat or self.other,
            channel=channel,
            person=person,
            text=text,
            also=["on_2"],
        )

    def destination(self, account: int, address: str = "oc_2", **fields: Any) -> int:
        """Where an account's posts go in the other chat."""

        def add(work: Work) -> int:
            made = Destination(
                uid=world.uid(100 + account),
                account_id=account,
                channel="feishu",
                lane="chat",
                address=address,
                created_at=work.now,
                **{"verified_at": work.now} | fields,
            )
            work.session.add(made)
            work.session.flush()
            return made.id

        return self.run(add)

    def subscribe(self, account: int, destination: int, feed: int, **fields: Any) -> int:
        def add(work: Work) -> int:
            if work.session.get(models.Feed, feed) is None:
                world.add_feed(work, feed)
            made = Subscription(
                account_id=account, feed_id=feed, destination_id=destination, created_at=work.now, **fields
            )
            work.session.add(made)
            work.session.flush()
            return made.id

        return self.run(add)

    def subscribed(self, account: int = 1) -> dict[int, Any]:
        """Active subscriptions by feed."""
        return {row.feed_id: row for row in self.rows(Subscription, account_id=account, active=True)}


@pytest.fixture
def home(database: Database, clock: MovableClock) -> Home:
    return Home(database, clock)


# The code


def test_a_chat_joins_the_account_of_the_code_that_is_typed_there(home: Home) -> None:
    shown = home.link()
    assert shown.expires_at == home.clock.now + 15 * MINUTE
    assert home.join(shown.text.lower().replace("-", " ")) == Joined("joined", 1)
    persons = {row.person: row.account_id for row in home.database.look(people)}
    assert persons == {ANN: 1, "oc_2": 1, "on_2": 1}
    (chat,) = home.rows(Conversation, channel="feishu")
    assert chat.account_id == 1


def people(work: Work) -> list[Any]:
    return list(work.session.execute(Identity.__table__.select()))


def test_a_code_joins_one_chat_once(home: Home) -> None:
    third = home.chat("oc_3", account=2, channel="feishu")
    text = home.link().text
    assert home.join(text).outcome == "joined"
    assert home.join(text, third, person="oc_3") == Joined("wrong", 2)


def test_of_two_chats_at_the_same_time_one_joins(home: Home) -> None:
    chats = [home.chat(f"oc_1{n}", account=2, channel="feishu") for n in range(6)]
    text = home.link().text
    with ThreadPoolExecutor(6) as threads:
        joined = list(threads.map(lambda n: home.join(text, chats[n], person=f"oc_1{n}").outcome, range(6)))
    assert sorted(joined) == ["joined", *["wrong"] * 5]


def test_typed_where_it_was_shown_it_stays_good(home: Home) -> None:
    text = home.link().text
    assert home.join(text, home.ann, "whatsapp", ANN) == Joined("same", 1)
    assert home.join(text) == Joined("joined", 1)


@pytest.mark.parametrize(
    ("later", "outcome"),
    [(15 * MINUTE - SECOND, "joined"), (15 * MINUTE, "wrong"), (-MINUTE - SECOND, "wrong")],
)
def test_a_link_lives_as_long_as_any_code(home: Home, later: timedelta, outcome: str) -> None:
    text = home.link().text
    home.clock.advance(later)
    assert home.join(text).outcome == outcome


def test_a_new_link_takes_the_place_of_the_last(home: Home) -> None:
    old, new = home.link().text, home.link().text
    assert home.join(old).outcome == "wrong"
    assert home.join(new).outcome == "joined"


def test_an_account_is_shown_twenty_links_a_day(home: Home) -> None:
    for _ in range(20):
        home.link()
    with pytest.raises(TooManyCodes) as over:
        home.link()
    assert over.value.after == DAY
    assert home.link(2, home.other).text


def test_five_wrong_links_an_hour_close_a_chat_to_the_right_one_too(home: Home) -> None:
    text = home.link().text
    for _ in range(5):
        assert home.join("K7Q2-9XMB").outcome == "wrong"
    assert home.join(text) == Joined("refused", 2, HOUR)
    assert home.join(home.link(1).text, home.ann, "whatsapp", ANN).outcome == "same"
    home.clock.advance(HOUR)
    assert home.join(home.link().text).outcome == "joined"


def test_wrong_links_side_by_side_share_the_five(home: Home) -> None:
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda _: home.join("K7Q2-9XMB").outcome, range(16)))
    assert outcomes.count("wrong") == 5


def test_a_link_is_neither_shown_nor_taken_in_a_group(home: Home) -> None:
    group = home.chat("oc_9", channel="feishu", direct=False)
    with pytest.raises(ValueError, match="direct"):
        home.link(1, group)
    with pytest.raises(ValueError, match="direct"):
        home.join(home.link().text, group)


def test_a_link_typed_in_a_group_is_void_whosever_it_is(home: Home) -> None:
    group = home.chat("oc_9", channel="feishu", account=2, direct=False)
    text = home.link().text
    assert home.void(text, "ou_bob", group, "feishu")
    assert not home.void(text, "ou_bob", group, "feishu")
    assert home.join(text).outcome == "wrong"


def test_six_digits_for_a_number_join_nothing(home: Home) -> None:
    home.ask()
    assert home.join(home.arrived()).outcome == "wrong"


def test_a_printed_link_shows_nothing(home: Home) -> None:
    shown = home.link()
    assert shown.text not in repr(shown)
    assert shown.text.replace("-", "").encode() not in home.codes(purpose="link")[0].digest


# What goes with the chat


def test_the_destination_comes_along_with_subscriptions_and_queue(home: Home) -> None:
    where = home.destination(2, conversation_id=home.other)
    home.subscribe(2, where, 1, number=1)
    home.run(world.queue, where, 2, "chat", account=2)
    home.join(home.link().text)
    assert home.rows(Destination, id=where)[0].account_id == 1
    assert home.subscribed()[1].destination_id == where
    assert {row.account_id for row in home.rows(Delivery)} == {1}
    assert not home.subscribed(2)


def test_what_the_former_account_has_elsewhere_stays_its_own(home: Home) -> None:
    elsewhere = home.destination(2, "oc_77")
    home.subscribe(2, elsewhere, 1)
    home.join(home.link().text)
    assert list(home.subscribed(2)) == [1]
    assert home.rows(Destination, id=elsewhere)[0].account_id == 2


def test_what_the_former_account_could_undo_is_forgotten(home: Home) -> None:
    def remember(work: Work) -> None:
        work.session.execute(Conversation.__table__.update().values(asked="{}", undo="{}"))

    home.run(remember)
    home.join(home.link().text)
    joined, stayed = home.rows(Conversation, channel="feishu")[0], home.rows(Conversation, channel="whatsapp")[0]
    assert (joined.asked, joined.undo) == ("", "")
    assert (stayed.asked, stayed.undo) == ("{}", "{}")


def test_where_the_account_has_that_destination_already_the_two_become_one(home: Home) -> None:
    old, mine = home.destination(2), home.destination(1, verified_at=None)
    twin = home.subscribe(1, mine, 1, number=1)
    both = home.subscribe(2, old, 1, number=1)
    home.subscribe(2, old, 2, number=2)
    home.subscribe(2, old, 3, number=1)
    ended = home.subscribe(2, old, 4, number=1, active=False)
    home.join(home.link().text)
    subscribed = home.subscribed()
    assert {feed: one.number for feed, one in subscribed.items()} == {1: 1, 2: 2, 3: 3}
    assert {one.destination_id for one in subscribed.values()} == {mine}
    assert subscribed[1].id == twin
    assert not home.rows(Subscription, id=both)[0].active
    assert not home.rows(Subscription, id=ended)[0].active
    assert home.rows(Subscription, id=ended)[0].destination_id == mine
    assert home.rows(Destination, id=mine)[0].verified_at == home.clock.now
    assert home.rows(Destination, id=mine)[0].conversation_id == home.other
    assert home.rows(Destination, id=old)[0].verified_at is None


@pytest.mark.parametrize(
    ("joining", "there", "after"),
    [
        ({"active": True}, {"active": False}, (True, None)),
        ({"active": True, "paused_until": 2}, {"active": False, "paused_until": 1}, (True, 2)),
        ({"active": True}, {"active": True, "paused_until": 1}, (True, None)),
        ({"active": True, "paused_until": 2}, {"active": True, "paused_until": 3}, (True, 2)),
        ({"active": False}, {"active": True, "paused_until": 1}, (True, 1)),
        ({"active": False}, {"active": False}, (False, None)),
    ],
)
def test_of_two_subscriptions_to_one_feed_the_one_left_brings_what_either_brought(
    home: Home, joining: dict[str, Any], there: dict[str, Any], after: tuple[bool, int | None]
) -> None:
    def in_time(fields: dict[str, Any]) -> dict[str, Any]:
        days = fields.get("paused_until")
        return fields | {"paused_until": home.clock.now + days * DAY if days else None}

    old, mine = home.destination(2), home.destination(1)
    left = home.subscribe(1, mine, 1, number=4, **in_time(there))
    home.subscribe(2, old, 1, number=1, **in_time(joining))
    home.join(home.link().text)
    (one,) = home.rows(Subscription, id=left)
    active, days = after
    assert (one.active, one.number) == (active, 4)
    assert one.paused_until == (home.clock.now + days * DAY if days else None)


def test_of_two_subscriptions_to_one_feed_the_one_left_wants_what_either_wanted(home: Home) -> None:
    old, mine = home.destination(2), home.destination(1)
    left = home.subscribe(1, mine, 1, options='{"reposts":true}', wants=1)
    home.subscribe(2, old, 1, options='{"replies":true}', wants=2)
    home.join(home.link().text)
    (one,) = home.rows(Subscription, id=left)
    assert (one.wants, one.options) == (3, '{"reposts":true,"replies":true}')
    (feed,) = home.rows(Feed, id=1)
    assert feed.wants == 3


def test_a_post_that_both_have_queued_is_sent_once(home: Home) -> None:
    old, mine = home.destination(2), home.destination(1)
    twin, both = home.subscribe(1, mine, 1), home.subscribe(2, old, 1)

    def post(work: Work) -> None:
        """ "a" is queued for the joining chat alone, "b" for both."""
        world.record(work, feeds.hurry(work, 1, world.INTERVAL), world.page(world.item("a")))
        work.session.execute(deliveries.delete().where(deliveries.c.subscription_id == twin))
        world.record(work, feeds.hurry(work, 1, world.INTERVAL), world.page(world.item("b"), world.item("a")))

    deliveries = Delivery.__table__
    home.run(post)
    home.join(home.link().text)
    posts = {row.id: row.title for row in home.rows(models.Post)}
    told = {(posts[row.post_id], row.subscription_id, row.state, row.error_code) for row in home.rows(Delivery)}
    assert told == {
        ("Post a", both, "ready", ""),
        ("Post b", both, "failed", "duplicate"),
        ("Post b", twin, "ready", ""),
    }


def test_verifying_a_number_by_code_changes_no_identity(home: Home) -> None:
    home.chat(BOB, account=2)
    home.ask(1, BOB)
    assert home.enter(home.arrived(BOB), BOB).outcome == "verified"
    assert {row.person: row.account_id for row in home.database.look(people)}[BOB] == 2
    assert home.rows(Conversation, address=BOB)[0].account_id == 2


# Codes that pages show


def group_chat(home: Home, *, manager: bool, channel: str = "feishu") -> Chat:
    """As a command in a group is given it."""
    here = home.chat("oc_team", account=2, channel=channel, direct=False)
    (conversation,) = home.rows(Conversation, id=here)
    return Chat(conversation, None, 2, "ou_bob", manager, "en", "trace")  # type: ignore[arg-type]


def bring(home: Home, chat: Chat, text: str) -> str:
    return home.run(links.bring_group, home.terms, chat, text, "chat")


def test_a_page_s_code_joins_a_chat_and_tells_which_destination_came(home: Home) -> None:
    home.destination(2)
    offered = home.run(links.offer, home.terms, 1)
    assert home.run(links.standing, 1, offered.uid).state == "open"
    assert home.join(offered.shown.text).outcome == "joined"
    told = home.run(links.standing, 1, offered.uid)
    assert (told.state, told.destination) == ("used", world.uid(102))
    with pytest.raises(NotFound):
        home.run(links.standing, 2, offered.uid)


def test_a_manager_brings_a_group_which_stays_its_own(home: Home) -> None:
    chat = group_chat(home, manager=True)
    offered = home.run(links.offer, home.terms, 1, group_on="feishu")
    assert bring(home, chat, f" {offered.shown.text.lower()} ") == "brought"
    (made,) = home.rows(Destination, account_id=1, address="oc_team")
    assert (made.verified_at is not None, made.lane, made.conversation_id) == (True, "chat", chat.conversation.id)
    assert home.rows(Conversation, address="oc_team")[0].account_id == 2
    told = home.run(links.standing, 1, offered.uid)
    assert (told.state, told.destination) == ("used", made.uid)
    assert bring(home, chat, offered.shown.text) == "none"  # it works once


def test_who_does_not_manage_a_group_brings_nothing_and_uses_nothing_up(home: Home) -> None:
    offered = home.run(links.offer, home.terms, 1, group_on="feishu")
    assert bring(home, group_chat(home, manager=False), offered.shown.text) == "refused"
    assert home.rows(Destination, account_id=1, address="oc_team") == []
    assert home.run(links.standing, 1, offered.uid).state == "open"


def test_a_code_for_groups_is_none_in_direct_chats_and_on_other_channels(home: Home) -> None:
    offered = home.run(links.offer, home.terms, 1, group_on="feishu/sales")
    assert home.join(offered.shown.text).outcome == "wrong"
    assert bring(home, group_chat(home, manager=True), offered.shown.text) == "none"


def test_a_chat_s_code_brings_no_group(home: Home) -> None:
    assert bring(home, group_chat(home, manager=True), home.link().text) == "none"


def test_a_group_that_was_removed_comes_back(home: Home) -> None:
    chat = group_chat(home, manager=True)
    home.destination(1, "oc_team", removed_at=START, verified_at=None)
    offered = home.run(links.offer, home.terms, 1, group_on="feishu")
    assert bring(home, chat, offered.shown.text) == "brought"
    (there,) = home.rows(Destination, account_id=1, address="oc_team")
    assert (there.removed_at, there.verified_at is not None) == (None, True)
