"""Bodies: what is sent for each kind of message, within the platform's limits."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.base import Button
from adapters.channels.whatsapp.messages import (
    addressed,
    alert_parameters,
    code_template,
    free,
    languages,
    plain,
    template,
)
from adapters.channels.whatsapp.text import JOINER, units
from bot.simulator.whatsapp_checks import check
from tests.adapters.channels.posts import POST
from tests.adapters.channels.whatsapp.parts import ANA, message

WHOLE_POST = "*Launch – today*\n\nIt flies.\n\nAda · NASA\nhttps://nasa.example/launch"


def buttons(*labels: str) -> tuple[Button, ...]:
    return tuple(Button(label, f"value:{number}") for number, label in enumerate(labels))


def kind(content: dict[str, Any]) -> str:
    """Which of the platform's forms it is; raises what the platform would refuse."""
    check({"messaging_product": "whatsapp", "to": ANA, **content}, {})
    name = content["type"]
    return f"{name} {content[name]['type']}" if name == "interactive" else str(name)


def test_a_reply_is_text_without_a_preview() -> None:
    assert free(message("hello")) == {"type": "text", "text": {"preview_url": False, "body": "hello"}}


def test_a_reply_quotes_what_it_answers() -> None:
    assert free(message("hello", reply_to="wamid.HERS"))["context"] == {"message_id": "wamid.HERS"}


def test_a_post_has_title_text_names_and_link_with_a_preview() -> None:
    assert free(message(post=POST)) == {"type": "text", "text": {"preview_url": True, "body": WHOLE_POST}}


@pytest.mark.parametrize(
    ("changes", "begins"),
    [
        ({"title": "*A* _b_"}, f"*{JOINER}*A{JOINER}* {JOINER}_b{JOINER}_*\n\nIt flies."),
        ({"text": "~x~"}, f"*Launch – today*\n\n{JOINER}~x{JOINER}~\n\n"),
        ({"title": "It flies."}, "It flies.\n\nAda"),
        ({"title": "It fl…", "text": "It flies.\nHigh."}, "It flies.\nHigh.\n\nAda"),
        ({"title": POST.url}, "It flies.\n\nAda"),
        ({"title": "", "text": ""}, "Ada · NASA\nhttps:"),
        ({"author": "NASA"}, "*Launch – today*\n\nIt flies.\n\nNASA\nhttps:"),
    ],
)
def test_what_a_post_repeats_is_shown_once_and_formats_nothing(changes: dict[str, Any], begins: str) -> None:
    assert free(message(post=replace(POST, **changes)))["text"]["body"].startswith(begins)


@pytest.mark.parametrize("text", ["word " * 2000, "👍" * 3000, "字。" * 4000, "*" * 4000])
def test_a_long_post_is_cut_and_keeps_its_link(text: str) -> None:
    body = free(message(post=replace(POST, text=text)))["text"]["body"]
    assert 3900 < units(body) <= 4096
    assert body.endswith("Ada · NASA\nhttps://nasa.example/launch")


def test_a_link_that_leaves_no_room_goes_alone() -> None:
    url = "https://nasa.example/" + "x" * 4070
    assert free(message(post=replace(POST, url=url)))["text"]["body"] == url


def test_a_long_reply_is_cut() -> None:
    assert units(free(message("word " * 2000))["text"]["body"]) <= 4096


# Pictures


def test_a_post_with_a_picture_is_its_caption() -> None:
    picture = "https://nasa.example/a.JPG?w=3"
    image = {"link": picture, "caption": WHOLE_POST}
    assert free(message(post=replace(POST, image=picture))) == {"type": "image", "image": image}


@pytest.mark.parametrize(
    ("image", "text", "attempt"),
    [
        ("https://nasa.example/a.webp", "It flies.", 1),
        ("https://nasa.example/a.gif", "It flies.", 1),
        ("https://nasa.example/a", "It flies.", 1),
        ("", "It flies.", 1),
        ("https://[:::]/a.jpg", "It flies.", 1),  # no address, though it begins as one
        ("https://nasa.example/a.jpg", "word " * 300, 1),  # a caption is short, and words are worth more
        ("https://nasa.example/a.jpg", "It flies.", 2),  # whether it can be fetched may be told only later
    ],
)
def test_a_picture_that_does_not_fit_is_left_to_the_preview(image: str, text: str, attempt: int) -> None:
    content = free(message(post=replace(POST, image=image, text=text), attempt=attempt))
    assert content["type"] == "text"
    assert content["text"]["preview_url"]


# Buttons


@pytest.mark.parametrize(
    ("labels", "form"),
    [
        (("Yes", "No"), "interactive button"),
        (("Yes", "No", "Perhaps"), "interactive button"),
        (("A label of twenty-one",), "interactive list"),
        (("Same", "Same"), "interactive list"),
        (tuple("abcd"), "interactive list"),
        (tuple("abcdefghij"), "interactive list"),
        (tuple("abcdefghijk"), "text"),
        ((" ",), "text"),
    ],
)
def test_buttons_take_the_form_that_has_room_for_them(labels: tuple[str, ...], form: str) -> None:
    assert kind(free(message("Which?", buttons=buttons(*labels)))) == form


@pytest.mark.parametrize("values", [("same", "same"), ("blank ",), ("x" * 201,)])
def test_values_that_the_platform_would_refuse_leave_the_text(values: tuple[str, ...]) -> None:
    given = tuple(Button(f"label {number}", value) for number, value in enumerate(values))
    assert kind(free(message("Which?", buttons=given))) == "text"


def test_a_long_text_has_no_buttons() -> None:
    assert kind(free(message("x" * 1024, buttons=buttons("Yes")))) == "interactive button"
    assert kind(free(message("x" * 1025, buttons=buttons("Yes")))) == "text"


def test_a_button_says_and_sends_what_it_should() -> None:
    content = free(message("Stop?", buttons=(Button("Yes", "unsub:42"),), reply_to="wamid.HERS"))
    reply = {"type": "reply", "reply": {"id": "unsub:42", "title": "Yes"}}
    assert content["interactive"] == {"type": "button", "body": {"text": "Stop?"}, "action": {"buttons": [reply]}}
    assert content["context"] == {"message_id": "wamid.HERS"}


def test_a_long_label_is_whole_in_a_row_s_description() -> None:
    label = "The feed with the remarkably long name"
    action = free(message("Which?", buttons=(Button(label, "feed:7"),), language="es"))["interactive"]["action"]
    row = {"id": "feed:7", "title": "The feed with the…", "description": label}
    assert action == {"button": "Elegir", "sections": [{"rows": [row]}]}


def test_a_post_with_buttons_has_its_picture_above_them() -> None:
    post = replace(POST, image="https://nasa.example/a.png")
    interactive = free(message(post=post, buttons=buttons("Stop")))["interactive"]
    assert interactive["header"] == {"type": "image", "image": {"link": "https://nasa.example/a.png"}}


def test_the_plain_form_has_the_same_words_and_nothing_else() -> None:
    post = replace(POST, image="https://nasa.example/a.png")
    content = plain(message(post=post, buttons=buttons("Stop"), reply_to="wamid.HERS"))
    assert content == {"type": "text", "text": {"preview_url": True, "body": WHOLE_POST}}


# Templates


def test_a_code_stands_in_the_text_and_on_the_button() -> None:
    parameters = [{"type": "text", "text": "482913"}]
    assert code_template("login_code", "en_US", "482913") == {
        "type": "template",
        "template": {
            "name": "login_code",
            "language": {"code": "en_US"},
            "components": [
                {"type": "body", "parameters": parameters},
                {"type": "button", "sub_type": "url", "index": "0", "parameters": parameters},
            ],
        },
    }


def test_a_template_without_gaps_has_no_components() -> None:
    assert template("news", "en", [])["template"]["components"] == []


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({}, ("NASA", "Launch – today", "https://nasa.example/launch")),
        ({"feed_title": "a\n\tb      c"}, ("a b c", "Launch – today", "https://nasa.example/launch")),
        ({"title": "", "text": "Words\nof it"}, ("NASA", "Words of it", "https://nasa.example/launch")),
        ({"url": ""}, ("NASA", "Launch – today", "https://nasa.example/feed")),
        ({"url": "https://a.example/" + "x" * 500}, ("NASA", "Launch – today", "https://nasa.example/feed")),
        ({"title": "", "text": "", "url": "", "feed_url": "", "feed_title": ""}, ("–", "–", "–")),
    ],
)
def test_the_gaps_are_one_line_each_and_never_empty(changes: dict[str, Any], parameters: tuple[str, ...]) -> None:
    assert alert_parameters(replace(POST, **changes)) == parameters


@pytest.mark.parametrize(
    ("setting", "spoken", "expected"),
    [
        ("news", "en", ("news", ["en", "en_US"])),
        ("news", "zh-CN", ("news", ["zh_CN", "en", "en_US"])),
        ("news", "fr", ("news", ["fr", "en", "en_US"])),
        ("news:es_MX", "ko", ("news", ["es_MX"])),
    ],
)
def test_a_template_is_tried_in_the_persons_language_first(
    setting: str, spoken: str, expected: tuple[str, list[str]]
) -> None:
    assert languages(setting, spoken) == expected


# Envelope


def test_numbers_and_ids_go_into_different_members() -> None:
    assert addressed({}, message(), "+5215512345678", "")["to"] == "+5215512345678"
    body = addressed({}, message(), "US.1000", "")
    assert body["recipient"] == "US.1000"
    assert "to" not in body


def test_our_id_goes_along_within_the_limit() -> None:
    assert addressed({}, message(id="msg_7"), ANA, "")["biz_opaque_callback_data"] == "msg_7"
    assert len(addressed({}, message(id="m" * 600), ANA, "")["biz_opaque_callback_data"]) == 512


def test_the_account_is_named_only_if_it_is_set() -> None:
    assert "messaging_account_id" not in addressed({}, message(), ANA, "")
    assert addressed({}, message(), ANA, "1001")["messaging_account_id"] == "1001"
