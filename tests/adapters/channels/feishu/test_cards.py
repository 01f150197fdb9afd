"""What messages look like: foreign text stays text, and everything fits."""

import html
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from adapters.base import Button
from adapters.channels.feishu import cards
from adapters.channels.feishu.sending import Plan, body, first_plan, mask
from bot.simulator import feishu_checks as contents
from tests.adapters.channels.feishu.conftest import message
from tests.adapters.channels.posts import POST

HOSTILE = '<at id=all></at> <at user_id="all"></at> **b** _i_ ~~s~~ [l](https://x.example) `c` ![i](k) # h $v$ \\'


def test_markup_in_foreign_text_is_shown_and_not_obeyed() -> None:
    escaped = cards.escaped(HOSTILE)
    assert not set("<>*_~[]()`!\\$") & set(escaped.replace("&#", ""))
    assert html.unescape(escaped) == HOSTILE


@pytest.mark.parametrize(
    "text", ["&lt;at id=all&gt;", "&#60;at id=all&#62;", "- a\n + b\n1. c\n2) d\n# e", ":OK: x:DONE:"]
)
def test_what_could_become_markup_is_shown_as_it_was_written(text: str) -> None:
    escaped = cards.escaped(text)
    assert html.unescape(escaped) == text
    assert not any(line.lstrip().startswith(("- ", "+ ", "1. ", "2) ", "#")) for line in escaped.split("\n"))
    assert ":OK:" not in escaped
    assert "&lt;" not in escaped


@given(st.text(max_size=200))
def test_escaping_loses_nothing(text: str) -> None:
    decoded = json.loads(json.dumps(cards.escaped(text)))
    assert "<" not in decoded
    assert html.unescape(decoded.replace("&#13;", "\r")) == html.unescape(text.replace("&", "&#38;"))


@pytest.mark.parametrize("text", ['<at user_id="all"></at>', "<AT user_id=all>", "</at>"])
def test_plain_text_opens_no_tag(text: str) -> None:
    assert text[:2] not in cards.defused(text)
    assert cards.defused(text).replace("\u200b", "") == text
    assert cards.defused("a < b <3") == "a < b <3"


def content(form: str, **changes: Any) -> Any:
    given = message("oc_1", post=POST, **changes)
    plan = Plan((form,), "")  # type: ignore[arg-type]
    return json.loads(json.loads(body(given, plan, "", {"receive_id": "oc_1"}))["content"])


def test_a_card_has_title_feed_text_and_what_to_press() -> None:
    card = content("card", buttons=(Button("Mute", "mute:3"),), language="es")
    contents.check_card(card, set())
    assert card["header"]["title"]["content"] == "Launch – today"
    assert card["header"]["subtitle"]["content"] == "NASA · Ada"
    text, row = card["body"]["elements"]
    assert text == {"tag": "markdown", "content": "It flies."}
    first, second = (column["elements"][0] for column in row["columns"])
    assert first["text"]["content"] == "Abrir"
    assert first["behaviors"] == [{"type": "open_url", "default_url": POST.url}]
    assert second["behaviors"] == [{"type": "callback", "value": {"v": "mute:3"}}]
    assert card["config"]["summary"]["content"] == "Launch – today"


def test_ten_buttons_go_in_rows_that_a_phone_can_show() -> None:
    card = content("card", buttons=tuple(Button(f"b{n}", f"v{n}") for n in range(10)))
    contents.check_card(card, set())
    rows = [one["columns"] for one in card["body"]["elements"] if one["tag"] == "column_set"]
    assert [len(row) for row in rows] == [3, 3, 3, 2]


def test_a_post_without_text_or_address_is_a_valid_card() -> None:
    bare = replace(POST, text="", url="", title="", author="")
    card = json.loads(json.loads(body(message("oc_1", post=bare), Plan(("card",), ""), "", {}))["content"])
    contents.check_card(card, set())
    assert card["header"]["title"]["content"] == "NASA"


def test_rich_and_plain_text_hold_all_of_a_post() -> None:
    post, text = content("post"), content("text")
    contents.check("post", post, 100, set())
    assert "post" not in post  # a wrapper that only custom bots want
    assert text["text"] == "Launch – today\n\nIt flies.\n\nNASA · Ada\nhttps://nasa.example/launch"


@pytest.mark.parametrize("text", ["x" * 60_000, "漢" * 20_000, "🦭" * 20_000, "<" * 30_000, '"\n\\' * 20_000])
@pytest.mark.parametrize("form", ["card", "post"])
def test_whatever_the_text_a_card_fits_its_bytes(text: str, form: Any) -> None:
    given = message("oc_1", post=replace(POST, text=text))
    raw = body(given, Plan((form,), ""), "", {})
    assert len(raw) <= 28 * 1024
    assert len(raw) > 19_000  # and not much less than it could hold
    assert "…" in raw.decode()


def test_plain_text_fits_its_bytes() -> None:
    raw = body(message("oc_1", text="漢" * 60_000), Plan(("text",), ""), "", {})
    assert 140_000 < len(raw) <= 150_000


@pytest.mark.parametrize(
    ("changes", "forms"),
    [
        ({"post": POST}, ("card", "post", "text")),
        ({"text": "hello"}, ("text",)),
        ({"text": "hello", "buttons": (Button("a", "b"),)}, ("card", "text")),
        ({"text": "123456", "code": "123456"}, ("text",)),
    ],
)
def test_which_forms_a_message_can_take(changes: Any, forms: tuple[str, ...]) -> None:
    assert first_plan(message("oc_1", **changes)).forms == forms


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call +34 600 123 456 now", "call ••• now"),
        ("13812345678", "•••"),
        ("(write to ada.lovelace@example.co.uk)", "(write to •••@•••)"),
        ("https://x.example/2026/11/123456789?a=b@c.example", "https://x.example/2026/11/123456789?a=b@c.example"),
        ("in 1984, 42 % of 3.14", "in 1984, 42 % of 3.14"),
    ],
)
def test_masking_hides_numbers_and_mail_addresses_and_no_links(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_a_code_is_put_into_words_of_the_persons_language() -> None:
    given = message("ou_1", text="123456", code="123456", language="ko")
    text = json.loads(json.loads(body(given, first_plan(given), "", {}))["content"])["text"]
    assert "123456" in text
    assert len(text) > 15
    assert text.startswith("인증")
    assert "123456" not in repr(structs.replace(given, text=""))
