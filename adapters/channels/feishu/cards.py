"""What a message looks like: cards (JSON 2.0), rich text and plain text, with foreign text made harmless.

Only properties that feishu.md 5.1 shows are used, for 2.0 refuses whatever it does not know.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from adapters.base import Button, Message, PostView

T = TypeVar("T")

MAX_CARD: Final = 28 * 1024  # bytes of a whole request; the platform's 30 KB count what it adds
MAX_TEXT: Final = 150_000
MAX_HOOK: Final = 20_000  # bytes of a message to a custom bot

OPEN: Final = {"en": "Open", "zh-CN": "打开", "zh-TW": "開啟", "ko": "열기", "es": "Abrir"}
CODE: Final = {
    "en": "Your verification code is {code}. Tell it to nobody.",
    "zh-CN": "您的验证码是 {code}，请勿告诉他人。",
    "zh-TW": "您的驗證碼是 {code}，請勿告訴他人。",
    "ko": "인증 코드는 {code}입니다. 다른 사람에게 알려 주지 마세요.",
    "es": "Tu código de verificación es {code}. No se lo digas a nadie.",
}

_IN_A_ROW: Final = 3  # buttons: as many as a phone shows beside each other
_MAX_LABEL: Final = 40
_MAX_SUMMARY: Final = 100

_MARKUP: Final = re.compile(
    r"[&<>*~_\[\]()`#!\\$|]|^[ \t]*[-+](?=\s)|(?<=\d)[.)](?=\s)|:(?=[A-Za-z0-9_]+:)", re.MULTILINE
)
_TAG: Final = re.compile(r"<(?=[A-Za-z/!])")


def escaped(text: str) -> str:
    """For the markdown of cards: whatever could be markup, a mention or a picture becomes an entity."""
    return _MARKUP.sub(lambda found: "".join(f"&#{ord(char)};" for char in found[0]), text)


def defused(text: str) -> str:
    """For plain and rich text, which know ``<at user_id="all"></at>`` but no entities: a tag is opened no more."""
    return _TAG.sub("<\u200b", text)


def post_card(
    post: PostView, language: str, image_key: str, rows: Sequence[Mapping[str, Any]], text: str, prefix: str = ""
) -> Any:
    """A post: its title and feed on top, then ``text`` (all of it, or what fits), its picture, what can be pressed.

    ``prefix``: the operator's own line, which goes out as it is.
    """
    elements: list[Any] = []
    if content := "\n\n".join(filter(None, (prefix, escaped(text)))):
        elements.append({"tag": "markdown", "content": content})
    if image_key:
        alt = {"tag": "plain_text", "content": post.title[:_MAX_SUMMARY]}
        elements.append({"tag": "img", "img_key": image_key, "alt": alt})
    elements += _columns([*_open(post, language), *rows])
    title = post.title or post.feed_title
    header = {"title": _plain(title), "subtitle": _plain(_names(post)), "template": "blue"}
    return _card(title, elements or [{"tag": "hr"}], header)


def text_card(text: str, buttons: Sequence[Mapping[str, Any]]) -> Any:
    """A reply with what can be pressed."""
    return _card(text, [{"tag": "markdown", "content": escaped(text)}, *_columns(buttons)], None)


def callbacks(buttons: Sequence[Button]) -> list[Mapping[str, Any]]:
    """Buttons that come back to us as callbacks."""
    return [_button(one.label, "default", {"type": "callback", "value": {"v": one.value}}) for one in buttons]


def post_content(message: Message, text: str) -> Any:
    """Rich text: the same for clients and chats that take no card."""
    post = message.post
    if post is None:
        return _rich("", [[{"tag": "text", "text": defused(text)}]])
    paragraphs: list[Any] = [[{"tag": "text", "text": defused(text)}]] if text else []
    if names := _names(post):
        paragraphs.append([{"tag": "text", "text": defused(names)}])
    if post.url:
        paragraphs.append([{"tag": "a", "text": OPEN.get(message.language, OPEN["en"]), "href": post.url}])
    return _rich(defused(post.title), paragraphs)


def text_content(message: Message, text: str) -> Any:
    """Plain text; of a post, all that it has."""
    if post := message.post:
        text = "\n\n".join(filter(None, (post.title, text, "\n".join(filter(None, (_names(post), post.url))))))
    return {"text": defused(text)}


def fitted(make: Callable[[str], bytes], text: str, limit: int) -> bytes:
    """What ``make`` makes of the text, or of so much of its beginning that it has at most ``limit`` bytes."""
    body = make(text)
    while len(body) > limit and text:
        keep = min(len(text) * limit // len(body), len(text) - 1)
        text = text[: max(keep - 2, 0)]
        body = make(f"{text.rstrip()} …" if text else "")
    return body


def first_line(text: str) -> str:
    """For a notice that passes by, and for lists of chats."""
    line = text.strip().partition("\n")[0]
    return line if len(line) <= _MAX_SUMMARY else f"{line[: _MAX_SUMMARY - 1]}…"


def _card(summary: str, elements: list[Any], header: Any) -> Any:
    card: dict[str, Any] = {
        "schema": "2.0",
        "config": {"update_multi": True, "summary": {"content": first_line(summary)}},
        "body": {"direction": "vertical", "elements": elements},
    }
    return card | ({"header": header} if header else {})


def _open(post: PostView, language: str) -> list[Mapping[str, Any]]:
    if not post.url:
        return []
    label = OPEN.get(language, OPEN["en"])
    return [_button(label, "primary", {"type": "open_url", "default_url": post.url})]


def _columns(buttons: Sequence[Mapping[str, Any]]) -> list[Any]:
    rows = [buttons[start : start + _IN_A_ROW] for start in range(0, len(buttons), _IN_A_ROW)]
    return [
        {"tag": "column_set", "columns": [{"tag": "column", "elements": [button]} for button in row]} for row in rows
    ]


def _button(label: str, kind: str, behavior: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"tag": "button", "text": _plain(label[:_MAX_LABEL]), "type": kind, "behaviors": [behavior]}


def _plain(text: str) -> Any:
    return {"tag": "plain_text", "content": text}


def _names(post: PostView) -> str:
    return " · ".join(dict.fromkeys(filter(None, (post.feed_title, post.author))))


def _rich(title: str, paragraphs: list[Any]) -> Any:
    return {"zh_cn": {"title": title, "content": paragraphs or [[{"tag": "text", "text": " "}]]}}
