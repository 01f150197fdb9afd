"""What people see of a request, and of the words in it."""

import pytest

from adapters.base import Button
from adapters.channels.feishu import cards
from bot.simulator import looks, templates, whatsapp_checks
from bot.simulator.looks import Key, Looks
from bot.web.console.simulator import Piece, pieces


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain", [("text", "plain")]),
        ("*Title*\nrest", [("bold", "Title"), ("text", "\nrest")]),
        ("2*3*4 and *no end", [("text", "2*3*4 and *no end")]),
        ("see https://a.example/x?y=1 now", [("text", "see "), ("link", "https://a.example/x?y=1"), ("text", " now")]),
        ("javascript:alert(1)", [("text", "javascript:alert(1)")]),
        ('https://a.example/"onclick=x', [("link", "https://a.example/"), ("text", '"onclick=x')]),
        ("", []),
    ],
)
def test_bold_words_and_addresses_are_found(text: str, found: list[Piece]) -> None:
    assert pieces(text) == found


def test_a_card_is_read_back_as_it_was_meant() -> None:
    card = cards.text_card("*not* <b>markup</b> & so on", cards.callbacks([Button("Go on", "list 2")]))
    shown = looks.of_card(card)
    assert shown == Looks("card", "*not* <b>markup</b> & so on", keys=(Key("Go on", '{"v": "list 2"}'),))
    assert looks.read(looks.write(shown)) == shown


def test_rich_text_shows_its_links() -> None:
    content = {"zh_cn": {"title": "T", "content": [[{"tag": "text", "text": "words"}], [_link()]]}}
    shown = looks.of_feishu("post", content)
    assert (shown.title, shown.text) == ("T", "words\nOpen")
    assert shown.keys == (Key("Open", url="https://a.example/"),)


def _link() -> dict[str, str]:
    return {"tag": "a", "text": "Open", "href": "https://a.example/"}


def test_a_picture_has_its_caption() -> None:
    body = {
        "type": "image",
        "image": {"link": "https://a.example/p.png", "caption": "C"},
        "context": {"message_id": "m"},
    }
    assert looks.of_whatsapp(body) == Looks("image", "C", picture=True, quotes="m")


@pytest.mark.parametrize("name", [templates.CODE, templates.ALERT, templates.NUDGE])
def test_every_template_is_there_in_each_language_and_has_its_gaps(name: str) -> None:
    some = [one for (known, _), one in templates.TEMPLATES.items() if known == name]
    assert sorted(one.language for one in some) == ["en", "es", "ko", "zh_CN", "zh_TW"]
    for one in some:
        filled = one.filled([f"<{n}>" for n in range(one.parameters)])
        assert all(f"<{n}>" in filled for n in range(one.parameters))
        assert whatsapp_checks.units(filled) < 1024
