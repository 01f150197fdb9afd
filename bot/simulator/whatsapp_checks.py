"""What the platform refuses before it sends anything: the shapes and limits of whatsapp.md 8."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]

_TYPES = ("text", "image", "interactive", "template", "reaction")


class Failure(Exception):
    """An error as the platform words it; ``status`` None: whatever it usually is for the code."""

    def __init__(self, code: int, details: str = "", status: int | None = None, subcode: int | None = None) -> None:
        super().__init__(details)
        self.code, self.details, self.status, self.subcode = code, details, status, subcode


@dataclass(frozen=True)
class Template:
    """A template in one language, approved unless ``status`` says otherwise."""

    name: str
    language: str = "en"
    parameters: int = 0  # of the body
    category: str = "MARKETING"
    text: str = ""  # with {{1}}, {{2}}
    buttons: tuple[str, ...] = ()  # quick replies
    status: str = "APPROVED"

    def filled(self, values: list[str]) -> str:
        text = self.text or " ".join(f"{{{{{number}}}}}" for number in range(1, self.parameters + 1))
        for number, value in enumerate(values, 1):
            text = text.replace(f"{{{{{number}}}}}", value)
        return text


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def need(right: object, details: str, code: int = 131009) -> None:
    if not right:
        raise Failure(code, details)


def check(body: Body, templates: Mapping[tuple[str, str], Template]) -> None:
    """Raises Failure for what breaks a rule."""
    need(body.get("messaging_product") == "whatsapp", "messaging_product is required", 131008)
    need(body.get("recipient_type", "individual") == "individual", "recipient_type")
    need("to" in body or "recipient" in body, "a recipient is required", 131008)
    if "to" in body:
        need(re.fullmatch(r"\+[0-9]{7,15}", str(body["to"])), "to: a number with + is expected", 100)
    else:
        need(re.fullmatch(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}", str(body["recipient"])), "recipient", 100)
    need(len(str(body.get("biz_opaque_callback_data", ""))) <= 512, "biz_opaque_callback_data is too long", 100)
    kind = body.get("type")
    need(kind in _TYPES, f"unsupported type {kind}", 131051)
    content = body.get(str(kind))
    need(isinstance(content, dict), f"{kind} is required", 131008)
    assert isinstance(content, dict)
    known = {"messaging_product", "recipient_type", "to", "recipient", "type", str(kind), "context"}
    known |= {"biz_opaque_callback_data", "messaging_account_id"}
    need(body.keys() <= known, f"unknown fields {sorted(body.keys() - known)}", 100)
    if kind == "text":
        _text(content)
    elif kind == "image":
        _image(content)
    elif kind == "interactive":
        _interactive(content)
    elif kind == "template":
        _template(content, templates, by_user_id="to" not in body)


def _text(text: Body) -> None:
    need(isinstance(text.get("body"), str) and text["body"].strip(), "text.body is required", 131008)
    need(units(text["body"]) <= 4096, "text.body is too long", 100)


def _image(image: Body) -> None:
    need(("link" in image) != ("id" in image), "image needs one of link and id", 131008)
    need(units(image.get("caption", "")) <= 1024, "caption is too long", 100)
    path = str(image.get("link", ".png")).split("?")[0].lower()
    need(path.endswith((".jpg", ".jpeg", ".png")), "the image type is not accepted", 131053)


def _interactive(interactive: Body) -> None:
    body = interactive.get("body", {}).get("text", "")
    need(0 < units(body) <= 1024, "interactive.body has 1 to 1024 characters", 131009)
    action = interactive.get("action", {})
    if interactive.get("type") == "button":
        buttons = [one["reply"] for one in action.get("buttons", [])]
        need(1 <= len(buttons) <= 3, "1 to 3 buttons")
        titles, ids = [one["title"] for one in buttons], [one["id"] for one in buttons]
        need(all(0 < units(title) <= 20 for title in titles), "a button's title has 1 to 20 characters")
        need(len(set(titles)) == len(titles) and len(set(ids)) == len(ids), "titles and ids must differ")
        need(all(0 < len(one) <= 256 and one == one.strip() for one in ids), "a button's id")
    elif interactive.get("type") == "list":
        need(0 < units(action.get("button", "")) <= 20, "the list's button has 1 to 20 characters")
        sections = action.get("sections", [])
        rows = [row for section in sections for row in section.get("rows", [])]
        need(1 <= len(rows) <= 10, "1 to 10 rows")
        need(len(sections) == 1 or all(section.get("title") for section in sections), "sections need titles")
        need(all(0 < units(row["title"]) <= 24 for row in rows), "a row's title has 1 to 24 characters")
        need(all(units(row.get("description", "")) <= 72 for row in rows), "a row's description is too long")
        need(all(0 < len(row["id"]) <= 200 for row in rows), "a row's id")
        need(len({row["id"] for row in rows}) == len(rows), "ids must differ")
        need(interactive.get("header", {}).get("type", "text") == "text", "a list's header is text")
    else:
        raise Failure(131009, "interactive.type")


def _template(content: Body, templates: Mapping[tuple[str, str], Template], *, by_user_id: bool) -> None:
    name, language = str(content.get("name")), str(content.get("language", {}).get("code"))
    template = templates.get((name, language))
    if template is None or template.status != "APPROVED":
        raise Failure(132001, f"template name ({name}) does not exist in {language}")
    body, buttons = parameters(content, "body"), parameters(content, "button")
    need(len(body) == template.parameters, f"{len(body)} parameters, {template.parameters} expected", 132000)
    for value in (*body, *buttons):
        need(value, "a parameter is empty", 131008)
        need(not re.search(r"[\n\t]| {5}", value), "a parameter has line breaks, tabs or blanks", 132018)
    need(units(template.filled(body)) <= 1024, "the filled text is too long", 132005)
    if template.category == "AUTHENTICATION":
        need(not by_user_id, "authentication templates go to phone numbers", 131062)
        need(buttons == body, "the code is needed twice", 131008)
        need(len(body[0]) <= 15, "the code is too long", 131009)


def parameters(content: Body, kind: str) -> list[str]:
    """The texts that fill a template's body or buttons."""
    components = [one for one in content.get("components", []) if one.get("type") == kind]
    return [str(value.get("text", "")) for one in components for value in one.get("parameters", [])]
