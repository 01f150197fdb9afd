"""What commands do to the stored world, and what the transcripts beside this file do not show."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import update

from bot.rules import opml, texts
from bot.rules.command_words import LANGUAGES
from bot.rules.plain_text import length
from bot.usecases.chat import commands
from bot.usecases.chat.who import Chat
from bot.usecases.opml import AT_ONCE
from storage import models
from storage.chat_models import Conversation
from storage.database import Work
from tests import world
from tests.bot.usecases.chat.desk import TRACE, Desk, said, set_deliveries
from tests.bot.usecases.chat.web import SITE
from tests.clock import START
from tests.world import DAY, HOUR, MINUTE

HARBOUR, WEATHER = f"{SITE}/harbour", f"{SITE}/weather"
BODY = 1024  # UTF-16 units of a message with buttons (whatsapp.md 8.3)


# Numbers


def test_numbers_stay_and_the_lowest_free_one_is_given(desk: Desk) -> None:
    for n in (1, 2, 3):
        desk.write("Ann", f"subscribe {SITE}/feed/{n}")
    desk.write("Ann", "unsubscribe 2")
    desk.write("Ann", f"subscribe {HARBOUR}")
    desk.write("Ann", f"subscribe {WEATHER}")
    assert [row.number for row in desk.subscriptions()] == [1, 2, 3, 4]
    desk.write("Ann", "unsubscribe 3")
    desk.write("Ann", f"subscribe {SITE}/feed/2")  # its own number is taken by now
    assert [row.number for row in desk.subscriptions()] == [1, 2, 3, 4]


def test_each_chat_counts_for_itself(desk: Desk) -> None:
    desk.write("Ann", f"subscribe {HARBOUR}")
    desk.open("direct")
    desk.write("Ann", f"subscribe {WEATHER}")
    assert [row.number for row in desk.subscriptions()] == [1]
    assert "fits" in said(desk.write("Ann", "unsubscribe harbour"))


def test_numbers_are_not_given_twice_to_the_same_chat(desk: Desk) -> None:
    feeds = " ".join(f"{SITE}/feed/{n}" for n in range(1, 26)).split()
    desk.attach("Ann", opml.write([opml.Outline(url) for url in feeds], "mine").encode())
    assert [row.number for row in desk.subscriptions()] == list(range(1, 26))


# Taking back


def test_undo_brings_back_what_was_queued(desk: Desk) -> None:
    desk.write("Ann", f"subscribe {HARBOUR}")
    desk.publish("Harbour news", "High tide")
    set_deliveries(desk, state="ready", sent_at=None)
    desk.write("Ann", "unsubscribe 1")
    assert [row.state for row in desk.database.run(world.rows, models.Delivery)] == ["failed"]
    desk.sleep(5 * MINUTE)
    desk.write("Ann", "undo")
    (delivery,) = desk.database.run(world.rows, models.Delivery)
    assert (delivery.state, delivery.error_code, delivery.failed_at) == ("ready", "", None)
    feed = desk.database.run(world.row, models.Feed, 1)
    assert feed.state == "active"


def test_undo_gives_another_number_when_the_own_one_is_taken(desk: Desk) -> None:
    desk.write("Ann", f"subscribe {HARBOUR}")
    desk.write("Ann", f"subscribe {WEATHER}")
    desk.write("Ann", "unsubscribe 1")
    undo = desk.buttons["Undo"]

    def take_it(work: Work) -> None:
        work.session.execute(update(models.Subscription.__table__).values(number=1))

    desk.database.run(take_it)
    desk.send("Ann", action=undo)
    assert sorted(row.number for row in desk.subscriptions()) == [1, 2]


def test_undo_restores_pauses_as_they_were(desk: Desk) -> None:
    desk.write("Ann", f"subscribe {HARBOUR}")
    desk.write("Ann", f"subscribe {WEATHER}")
    desk.write("Ann", "pause 1 7d")
    before = [row.paused_until for row in desk.subscriptions()]
    assert before == [desk.clock.now + 7 * DAY, None]
    desk.write("Ann", "pause")
    assert all(row.paused_until > desk.clock.now + 1000 * DAY for row in desk.subscriptions())
    desk.write("Ann", "undo")
    assert [row.paused_until for row in desk.subscriptions()] == before


# What is stored


def test_stopping_and_starting_are_stored_with_the_chat(desk: Desk) -> None:
    desk.write("Ann", "STOP")
    assert desk.row().stopped_at == desk.clock.now
    desk.sleep(HOUR)
    desk.write("Ann", "stop")
    assert desk.row().stopped_at == desk.clock.now - HOUR
    desk.write("Ann", "start")
    assert desk.row().stopped_at is None


def test_what_a_list_brings_is_read_soon_and_not_announced(desk: Desk) -> None:
    desk.attach("Ann", opml.write([opml.Outline(HARBOUR, "My harbour")], "mine").encode())
    feed = desk.database.run(world.row, models.Feed, 1)
    assert (feed.key, feed.title, feed.due_at, feed.last_success_at) == (HARBOUR, "My harbour", desk.clock.now, None)
    desk.publish("Harbour news", "High tide")
    assert desk.database.run(world.rows, models.Delivery) == []
    desk.publish("Harbour news", "Low tide")
    assert len(desk.database.run(world.rows, models.Delivery)) == 1


def test_a_very_long_list_is_taken_in_parts(desk: Desk) -> None:
    outlines = [opml.Outline(f"{SITE}/{n}") for n in range(AT_ONCE + 2)]
    reply = said(desk.attach("Ann", opml.write(outlines, "mine").encode()))
    assert f"{AT_ONCE} new subscriptions" in reply
    assert "2 more were left out" in reply
    assert [row.number for row in desk.subscriptions()] == list(range(1, AT_ONCE + 1))


def test_a_long_list_goes_out_in_parts_that_are_lists(desk: Desk) -> None:
    outlines = [opml.Outline(f"{SITE}/{n}?{'x' * 150}", f"Feed {n}") for n in range(40)]
    desk.attach("Ann", opml.write(outlines, "mine").encode())
    found: list[opml.Outline] = []
    part = parts = 1
    while part <= parts:
        document, _, note = said(desk.write("Ann", f"export {part}")).rpartition("\n\n")
        assert length(document) <= 4000
        found += opml.read(document.encode())
        match = re.match(r"Part (\d+) of (\d+)", note)
        assert match
        assert int(match[1]) == part
        part, parts = part + 1, int(match[2])
    assert parts > 1
    assert found == outlines


# Whose language


def test_the_first_word_of_another_language_sets_the_chat_s(desk: Desk) -> None:
    assert desk.row().language == ""
    assert "还没有订阅" in said(desk.write("Ann", "列表"))
    assert desk.row().language == "zh-CN"
    assert "还没有订阅" in said(desk.write("Ann", "lista"))
    assert desk.row().language == "zh-CN"


def test_a_platform_s_word_counts_before_a_group_s_choice_and_behind_a_person_s(desk: Desk) -> None:
    for kind, language in (("direct", "ko"), ("group", "es")):
        desk.open(kind)
        desk.language = ""
        desk.write("Ann", "/lang 한국어")
        desk.language = "es-MX"
        assert said(desk.write("Ann", "/list")) == texts.say(language, "list.none")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_without_a_command_is_there(language: str) -> None:
    assert said(commands.refusal(language)) != said(commands.late(language))
    assert TRACE in said(commands.broken(language, TRACE))
    greetings = set()
    for direct in (True, False):
        destination = models.Destination(uid=world.uid(1), created_at=START)
        chat = Chat(Conversation(direct=direct, created_at=START), destination, 1, "ann", True, language, TRACE)
        greetings.add(said(commands.greeting(chat)))
    assert len(greetings) == 2


# What is no command


def test_other_kinds_of_messages_get_a_polite_answer_where_it_is_wanted(desk: Desk) -> None:
    assert "only understand text" in said(desk.send("Ann", kind="audio"))
    assert "Nothing is followed" in said(desk.send("Ann", kind="image", text="list"))
    desk.open("group")
    assert desk.send("Ann", kind="audio") is None
    assert "only understand text" in said(desk.send("Ann", kind="image", addressed=True, text="look"))


def test_a_command_is_not_carried_out_on_anothers_behalf(desk: Desk) -> None:
    desk.forward("Ann", f"subscribe {HARBOUR}")
    desk.send("Ann", action="1:unsubscribe:all:yes")
    assert desk.subscriptions() == []


def test_a_button_of_another_question_confirms_nothing(desk: Desk) -> None:
    desk.write("Ann", f"subscribe {HARBOUR}")
    desk.write("Ann", "unsubscribe all")
    old = desk.buttons["Yes, end them all"]
    desk.write("Ann", "no")
    desk.write("Ann", f"subscribe {WEATHER}")
    desk.write("Ann", "unsubscribe everything")
    assert "no longer open" in said(desk.send("Ann", action=old))
    assert len(desk.subscriptions()) == 2


def test_what_an_other_version_keeps_is_no_question(desk: Desk) -> None:
    def keep(work: Work) -> None:
        work.session.execute(update(Conversation.__table__).values(asked='{"new": 1}', undo='{"new": 1}'))

    desk.database.run(keep)
    assert "not waiting" in said(desk.write("Ann", "yes"))
    assert "nothing to take back" in said(desk.write("Ann", "undo"))


def test_a_name_that_was_not_looked_up_in_time_is_said(desk: Desk) -> None:
    desk.web.look_up = lambda name: None  # type: ignore[assignment, method-assign, return-value]
    reply = said(desk.write("Ann", f"subscribe {HARBOUR}"))
    assert HARBOUR in reply
    assert TRACE in reply
    assert desk.subscriptions() == []


# Limits of platforms, and hostile titles


def test_messages_with_buttons_fit(desk: Desk) -> None:
    outlines = [opml.Outline(f"{SITE}/{n}", f"{n} " + "長い題名 with\u202e tricks 👍 " * 20) for n in range(30)]
    desk.attach("Ann", opml.write(outlines, "mine").encode())

    def fail(work: Work) -> None:
        work.session.execute(update(models.Feed.__table__).values(failures=3, fault="hostile"))

    desk.database.run(fail)
    wide = ("list", "unsubscribe", "pause 題名 7d", "pause 7d", "lang", "unsubscribe all", f"subscribe {SITE}/blog")
    for language in LANGUAGES:
        desk.write("Ann", f"lang {language}")
        for text in wide:
            reply = desk.write("Ann", text)
            assert reply
            assert reply.buttons
            assert len(reply.text.encode("utf-16-le")) // 2 <= BODY, (language, text)
            assert "\u202e" not in reply.text
            labels = [button.label for button in reply.buttons]
            assert len(set(labels)) == len(labels) <= 10
            assert all(0 < length(label) <= 20 for label in labels)
            assert all(len(button.value) <= 200 and button.value.isascii() for button in reply.buttons)
        desk.write("Ann", "resume")


def test_a_text_that_is_too_long_for_buttons_goes_without(desk: Desk) -> None:
    family = "👩\u200d👩\u200d👧\u200d👦"  # a single character, eleven units
    outlines = [opml.Outline(f"{SITE}/{n}", family * 40) for n in range(9)]
    desk.attach("Ann", opml.write(outlines, "mine").encode())
    reply = desk.write("Ann", "list")
    assert reply
    assert reply.buttons == ()
    assert "“list 2” shows another" in reply.text


def test_a_long_post_is_shortened_and_keeps_its_link(desk: Desk) -> None:
    desk.write("Ann", f"subscribe {HARBOUR}")
    desk.publish("Harbour news", "tide " * 1000)
    reply = said(desk.write("Ann", "latest 1"))
    assert length(reply) <= 1500
    assert reply.endswith(f"{HARBOUR}/2")


# How it fares


def test_what_waits_is_counted(desk: Desk) -> None:
    desk.write("Ann", f"subscribe {HARBOUR}")
    desk.publish("Harbour news", "High tide")
    set_deliveries(desk, state="held")
    assert "1 message is waiting" in said(desk.write("Ann", "status"))


# What is not set up


def test_without_phones_and_names_it_says_so(desk: Desk) -> None:
    desk.terms = replace(desk.terms, phones=None, naming=None)
    for text in ("phone +34600100200", "verify +34600100200"):
        assert "cannot be verified here" in said(desk.write("Ann", text))
    assert "cannot be taken over" in said(desk.attach("Ann", b"<opml/>"))
