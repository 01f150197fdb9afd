"""``why`` tells the whole trail of a post, or where it ended, and nothing of other chats."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from adapters.sources.formats.identity import make_key
from storage import models
from storage.database import Work
from tests import world
from tests.bot.usecases.chat.desk import Desk, said, set_deliveries
from tests.bot.usecases.chat.web import SITE
from tests.world import DAY, HOUR

HARBOUR, WEATHER = f"{SITE}/harbour", f"{SITE}/weather"

STATES: list[tuple[dict[str, Any], str]] = [
    ({"state": "delivered", "delivered_at": world.DAY}, "delivered 2026-03-03"),
    ({"state": "read", "read_at": world.DAY}, "read 2026-03-03"),
    (
        {"state": "failed", "failed_at": world.DAY, "error": "the number is gone"},
        "failed 2026-03-03 12:00:00 UTC: the n",
    ),
    ({"state": "held", "sent_at": None, "error": "a rest"}, "held for now: a rest"),
    (
        {"state": "held", "sent_at": None, "error_code": "window_closed"},
        "the platform lets nothing through until you write",
    ),
    ({"state": "failed", "failed_at": world.DAY, "error_code": "expired"}, "its time was over before it could be sent"),
    (
        {"state": "waiting", "sent_at": None, "attempts": 2, "error": "timeout"},
        "2 tries failed (timeout); the next is at",
    ),
    ({"state": "ready", "sent_at": None}, "about to be sent"),
    ({"state": "sent", "attempts": 3}, "it took 3 tries"),
]


def test_the_trail_says_where_a_post_is(desk: Desk) -> None:
    desk.write("Ann", f"subscribe {HARBOUR}")
    desk.publish("Harbour news", "High tide")
    now = desk.clock.now
    for values, told in STATES:
        set_deliveries(desk, **{k: now + v if isinstance(v, timedelta) else v for k, v in values.items()})
        for text, answering in ((f"why {HARBOUR}/2", False), ("why", True), ("why 1", False), ("why", False)):
            assert told in said(desk.write("Ann", text, answering=answering))
        set_deliveries(desk, sent_at=now, error="", error_code="", attempts=1)


def test_the_trail_of_a_stopped_chat_says_so(desk: Desk) -> None:
    desk.write("Ann", f"subscribe {HARBOUR}")
    desk.publish("Harbour news", "High tide")
    desk.write("Ann", "stop")
    set_deliveries(desk, state="held", sent_at=None, error="stopped")
    assert "you have stopped all messages" in said(desk.write("Ann", f"why {HARBOUR}/2"))


def test_an_address_is_known_in_other_spellings(desk: Desk) -> None:
    desk.write("Ann", f"subscribe {HARBOUR}")
    desk.publish("Harbour news", "High tide")
    key = (1).to_bytes(8, "big") + make_key("link", f"{HARBOUR}/2")  # as the source `feed` makes them

    def name(work: Work) -> None:
        posts = models.Post.__table__
        work.session.execute(update(posts).where(posts.c.url == f"{HARBOUR}/2").values(link_key=key))

    desk.database.run(name)
    for spelling in ("http://example.org/harbour/2", f"{HARBOUR}/2?utm_source=x", f"{HARBOUR}/2#top"):
        assert "“High tide” of Harbour news" in said(desk.write("Ann", f"why {spelling}"))


def test_a_feed_that_cannot_be_read_is_the_reason_that_is_told(desk: Desk) -> None:
    desk.write("Ann", f"subscribe {HARBOUR}")

    def fail(work: Work) -> None:
        values = {"failures": 3, "fault": "timeout", "failing_since": work.now - DAY}
        work.session.execute(update(models.Feed.__table__).values(**values))

    desk.database.run(fail)
    for text in ("why", f"why {SITE}/elsewhere", "why 1"):
        assert "cannot be read since 2026-03-01 12:00:00 UTC: its server takes too long" in said(
            desk.write("Ann", text)
        )
    assert "in trouble: its server takes too long" in said(desk.write("Ann", "list"))
    assert "1 feed is in trouble" in said(desk.write("Ann", "status"))


def test_a_post_that_was_not_announced_says_why(desk: Desk) -> None:
    desk.write("Ann", f"subscribe {HARBOUR}")
    desk.sleep(HOUR)
    desk.publish("Harbour news", "High tide")

    def forget(work: Work) -> None:
        work.session.execute(models.Delivery.__table__.delete())

    desk.database.run(forget)
    assert "not sent to subscription 1" in said(desk.write("Ann", f"why {HARBOUR}/2"))
    desk.write("Ann", "pause 1")
    assert "subscription 1 of this chat was paused" in said(desk.write("Ann", f"why {HARBOUR}/2"))


def test_a_notice_has_a_trail_too(desk: Desk) -> None:
    desk.write("Ann", f"subscribe {HARBOUR}")
    desk.publish("Harbour news", "High tide")
    set_deliveries(desk, post_id=None, event="feed.quiet")
    assert "A message of mine" in said(desk.write("Ann", "why", answering=True))


def test_another_chat_s_messages_have_no_trail_here(desk: Desk) -> None:
    desk.write("Ann", f"subscribe {HARBOUR}")
    desk.publish("Harbour news", "High tide")
    desk.open("direct")
    assert "do not know that message" in said(desk.send("Eve", text="why", answers="m1"))
    desk.write("Eve", f"subscribe {WEATHER}")
    assert "never seen" in said(desk.write("Eve", f"why {HARBOUR}/2"))
