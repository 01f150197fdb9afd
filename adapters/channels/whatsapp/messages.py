"""What is sent, as the platform wants it: a Message in, the members of a JSON body out (whatsapp.md 8).

Where a body is richer than it need be (picture, buttons, quote) there is a plain one beside it, which goes instead
when the platform does not take the first.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from adapters.base import Button, Message, PostView
from adapters.channels.whatsapp.numbers import is_user_id
from adapters.channels.whatsapp.text import cut, defused, one_line, units

Content = dict[str, Any]

MAX_TEXT: Final = 4096
MAX_BODY: Final = 1024  # of an interactive message, and of a caption
MAX_CALLBACK_DATA: Final = 512
_MAX_BUTTONS, _MAX_BUTTON = 3, 20
_MAX_ROWS, _MAX_ROW, _MAX_DESCRIPTION, _MAX_ROW_ID = 10, 24, 72, 200
_MAX_FEED, _MAX_TITLE, _MAX_LINK = 100, 300, 500  # so that a template with all three stays within 1,024
_NOTHING = "–"  # a parameter must not be empty

_CHOOSE: Final = {"en": "Choose", "zh-CN": "选择", "zh-TW": "選擇", "ko": "선택", "es": "Elegir"}
_LANGUAGES: Final = {"en": "en", "zh-CN": "zh_CN", "zh-TW": "zh_TW", "ko": "ko", "es": "es"}


def free(message: Message) -> Content:
    """Within the 24 hours: picture and buttons where they fit, else text."""
    body = _body(message)
    picture = _picture(message)
    short = 0 < units(body) <= MAX_BODY
    if short and message.buttons and (interactive := _interactive(message, body, picture)):
        return _quoting(message, interactive)
    if short and picture and not message.buttons:
        return _quoting(message, {"type": "image", "image": {"link": picture, "caption": body}})
    return _quoting(message, plain(message))


def plain(message: Message) -> Content:
    """The same as nothing but text."""
    return {"type": "text", "text": {"preview_url": message.post is not None, "body": _body(message)}}


def template(name: str, language: str, parameters: Sequence[str]) -> Content:
    """An approved message with its gaps filled in order."""
    body = [{"type": "body", "parameters": [_text(one) for one in parameters]}] if parameters else []
    return {"type": "template", "template": {"name": name, "language": {"code": language}, "components": body}}


def code_template(name: str, language: str, code: str) -> Content:
    """A one-time code: in the text, and on the button that copies it (whatsapp.md 8.6)."""
    content = template(name, language, [code])
    button = {"type": "button", "sub_type": "url", "index": "0", "parameters": [_text(code)]}
    content["template"]["components"].append(button)
    return content


def addressed(content: Content, message: Message, address: str, business_account_id: str) -> Content:
    """The whole body.  ``address``: the spelling to use of the message's address."""
    body: Content = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        ("recipient" if is_user_id(address) else "to"): address,
        **content,
        "biz_opaque_callback_data": message.id[:MAX_CALLBACK_DATA],
    }
    if business_account_id:
        body["messaging_account_id"] = business_account_id
    return body


def alert_parameters(post: PostView) -> tuple[str, ...]:
    """Feed, title, link; a template with fewer gaps gets the first of them."""
    link = next((url for url in (post.url, post.feed_url) if 0 < len(url) <= _MAX_LINK), "")
    title = one_line(post.title, _MAX_TITLE) or one_line(post.text, _MAX_TITLE)
    return tuple(one or _NOTHING for one in (one_line(post.feed_title, _MAX_FEED), title, link))


def languages(setting: str, spoken: str) -> tuple[str, list[str]]:
    """A template's name, and the languages to try: its only one, or the person's and then English.

    ``setting``: "name" or "name:language"; ``spoken`` as in ``Message.language``.
    """
    name, _, only = setting.partition(":")
    tried = [only] if only else [_LANGUAGES.get(spoken, spoken), "en", "en_US"]
    return name, list(dict.fromkeys(filter(None, tried)))


# --- Words ---


def _body(message: Message) -> str:
    """Nothing in it is taken for formatting but what is ours."""
    if message.post is None:
        return cut(defused(message.text), MAX_TEXT)
    return _post(message.post)


def _post(post: PostView) -> str:
    """Bold title, text, who wrote it where, link; what is too long is cut in the text, then goes as a whole."""
    title, text = _title_and_text(post)
    head = f"*{defused(one_line(title, _MAX_TITLE))}*" if title else ""
    foot = "\n".join(filter(None, (defused(_names(post)), post.url)))
    if units(f"{head}\n\n{foot}") > MAX_TEXT:
        return post.url if units(post.url) <= MAX_TEXT else head
    room = MAX_TEXT - sum(units(part) + 2 for part in (head, foot) if part)
    return "\n\n".join(filter(None, (head, cut(defused(text), room), foot)))


def _title_and_text(post: PostView) -> tuple[str, str]:
    """Without the title where the text begins with it, or where it was taken from text or address."""
    if not post.title or post.title == post.url:
        return "", post.text
    flat = " ".join(post.text.split())
    taken = post.title.endswith("…") and flat.startswith(post.title.removesuffix("…").rstrip())
    if taken or post.title in (flat, " ".join(post.text.partition("\n")[0].split())):
        return "", post.text
    return post.title, post.text


def _names(post: PostView) -> str:
    names = (one_line(name, _MAX_FEED) for name in (post.author, post.feed_title))
    return " · ".join(dict.fromkeys(filter(None, names)))


# --- Pictures, buttons, quotes ---


def _picture(message: Message) -> str:
    """A picture that the platform would take, as far as its address tells: JPEG or PNG.

    Only at the first attempt: whether it could be fetched is often only told later, and a repeat must do without.
    """
    url = message.post.image if message.post is not None and message.attempt == 1 else ""
    try:
        path = urlsplit(url).path
    except ValueError:  # "https://[", as some publishers write
        return ""
    return url if path.lower().endswith((".jpg", ".jpeg", ".png")) else ""


def _interactive(message: Message, body: str, picture: str) -> Content | None:
    """Buttons to press, a list where their words need more room; None where neither fits."""
    buttons = [button for button in message.buttons if button.label.strip() and button.value]
    ids = {button.value for button in buttons}
    if len(ids) != len(buttons) or not 0 < len(buttons) <= _MAX_ROWS:
        return None
    if any(value != value.strip() or len(value) > _MAX_ROW_ID for value in ids):
        return None
    labels = [" ".join(button.label.split()) for button in buttons]
    if len(buttons) <= _MAX_BUTTONS and len(set(labels)) == len(labels) and max(map(units, labels)) <= _MAX_BUTTON:
        interactive: Content = {"type": "button", "body": {"text": body}, "action": {"buttons": _replies(buttons)}}
        if picture:
            interactive["header"] = {"type": "image", "image": {"link": picture}}
    else:
        interactive = {"type": "list", "body": {"text": body}, "action": _list(buttons, message.language)}
    return {"type": "interactive", "interactive": interactive}


def _replies(buttons: Sequence[Button]) -> list[Mapping[str, Any]]:
    return [
        {"type": "reply", "reply": {"id": button.value, "title": one_line(button.label, _MAX_BUTTON)}}
        for button in buttons
    ]


def _list(buttons: Sequence[Button], language: str) -> Mapping[str, Any]:
    rows = []
    for button in buttons:
        row = {"id": button.value, "title": one_line(button.label, _MAX_ROW)}
        if units(" ".join(button.label.split())) > _MAX_ROW:
            row["description"] = one_line(button.label, _MAX_DESCRIPTION)
        rows.append(row)
    return {"button": _CHOOSE.get(language, _CHOOSE["en"]), "sections": [{"rows": rows}]}


def _quoting(message: Message, content: Content) -> Content:
    return content | {"context": {"message_id": message.reply_to}} if message.reply_to else content


def _text(text: str) -> Mapping[str, str]:
    return {"type": "text", "text": text}
