"""What the platform takes as a message: the checks of the Open API and of custom bots, strict as for cards 2.0."""

import json
from collections.abc import Mapping
from typing import Any

_TEXT = {"tag", "content", "element_id", "text_size", "text_align", "text_color"}
_KEYS = {
    "card": {"schema", "config", "header", "body", "card_link"},
    "config": {"update_multi", "summary", "streaming_mode", "width_mode", "enable_forward", "style"},
    "header": {"title", "subtitle", "template", "icon", "text_tag_list", "padding"},
    "body": {"direction", "elements", "padding", "vertical_spacing", "horizontal_spacing"},
    "plain_text": _TEXT,
    "lark_md": _TEXT,
    "markdown": _TEXT,
    "hr": {"tag", "element_id"},
    "img": {"tag", "img_key", "alt", "element_id", "title"},
    "column_set": {"tag", "columns", "element_id", "flex_mode"},
    "column": {"tag", "elements", "element_id", "width"},
    "button": {"tag", "text", "type", "behaviors", "element_id", "name", "size", "width", "icon"},
    "div": {"tag", "text", "element_id"},
}
_TEMPLATES = frozenset(
    "blue wathet turquoise green yellow orange red carmine violet purple indigo grey default".split()  # noqa: SIM905
)
_POST_TAGS = {"text", "a", "at", "img", "media", "emotion", "hr", "code_block", "md"}


class ApiError(Exception):
    """What the platform answers instead."""

    def __init__(self, code: int, msg: str = "", status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(msg)
        self.code, self.msg, self.status, self.headers = code, msg or "refused", status, headers or {}


def parsed(content: Any) -> Any:
    """``content`` of the Open API is JSON within JSON."""
    if not isinstance(content, str):
        raise ApiError(99992402, "field validation failed")
    try:
        return json.loads(content)
    except ValueError:
        raise ApiError(230001, "invalid content") from None


def check(msg_type: str, content: Any, size: int, images: set[str]) -> None:
    """Raises ApiError.  ``size``: bytes of the whole request."""
    if not isinstance(content, dict):
        raise ApiError(230001, "invalid content")
    if size > (150 if msg_type == "text" else 30) * 1024:
        raise ApiError(230025, "the length of the message content reaches its limit")
    match msg_type:
        case "text":
            if not isinstance(content.get("text"), str) or not content["text"]:
                raise ApiError(230001, "text is empty")
        case "post":
            _check_post(content)
        case "interactive":
            check_card(content, images)
        case _:
            raise ApiError(230001, "invalid msg_type")


def check_card(card: dict[str, Any], images: set[str]) -> None:
    if card.get("schema") != "2.0":
        raise _refused(200621, "only cards 2.0 are expected here")
    _known("card", card)
    config = card.get("config", {})
    _known("config", config)
    if config.get("update_multi", True) is not True:
        raise _refused(200621, "update_multi can only be true")
    if header := card.get("header"):
        _known("header", header)
        _check_element(header["title"], images)
        if "subtitle" in header:
            _check_element(header["subtitle"], images)
        if header.get("template", "default") not in _TEMPLATES:
            raise _refused(200732, "template")
    _known("body", card["body"])
    for element in card["body"]["elements"]:
        _check_element(element, images)


def _check_element(element: dict[str, Any], images: set[str]) -> None:
    tag = element.get("tag", "")
    if tag not in _KEYS or tag in ("card", "config", "header", "body"):
        raise _refused(200861, f"cards of schema V2 no longer support this capability; unsupported tag {tag}")
    _known(tag, element)
    if tag == "img" and element["img_key"] not in images:
        raise _refused(200570, "image key")
    for inner in element.get("columns", []) + element.get("elements", []):
        _check_element(inner, images)
    if tag == "button":
        if element["type"] not in ("default", "primary", "danger"):
            raise _refused(200732, "type")
        for behavior in element["behaviors"]:
            if behavior["type"] == "callback" and not isinstance(behavior["value"], dict):
                raise _refused(200732, "value")
            if behavior["type"] == "open_url" and not behavior["default_url"].startswith("http"):
                raise _refused(200732, "default_url")


def _check_post(content: dict[str, Any]) -> None:
    for locale, inner in content.items():
        if locale not in ("zh_cn", "en_us", "ja_jp") or not isinstance(inner.get("content"), list):
            raise ApiError(230001, "invalid post content")
        for paragraph in inner["content"]:
            for tag in paragraph:
                if tag["tag"] not in _POST_TAGS:
                    raise ApiError(230001, "invalid post tag")


def _known(kind: str, node: dict[str, Any]) -> None:
    if unknown := node.keys() - _KEYS[kind]:
        raise _refused(200861, f"unknown property {sorted(unknown)}")


def _refused(inner: int, why: str) -> ApiError:
    return ApiError(230099, f"Failed to create card content, ext=ErrCode: {inner}; ErrMsg: {why};")
