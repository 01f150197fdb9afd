"""The shapes in which the platform answers, and in which phones show what it took (whatsapp.md 8.8 and 8.9)."""

import secrets
from typing import Any

from aiohttp import web

from bot.simulator.whatsapp_checks import Body, Failure, Template, parameters
from tests.fakes.whatsapp.callbacks import Update
from tests.fakes.whatsapp.people import Person, Shown


def wamid() -> str:
    return f"wamid.{secrets.token_urlsafe(24)}=="


def shown(body: Body, templates: dict[tuple[str, str], Template]) -> Shown:
    kind, content = body["type"], body[body["type"]]
    about: dict[str, Any] = {
        "id": wamid(),
        "kind": kind,
        "text": content.get("body") or content.get("caption") or "",
        "quoted": body.get("context", {}).get("message_id", ""),
        "data": body.get("biz_opaque_callback_data", ""),
        "body": dict(body),
        "picture": content.get("link", ""),
    }
    if kind == "interactive":
        about |= _interactive(content)
    elif kind == "template":
        template = templates[content["name"], content["language"]["code"]]
        values = parameters(content, "body")
        buttons = tuple((label, label) for label in template.buttons)
        about |= {"text": template.filled(values), "template": template.name, "parameters": tuple(values)}
        about |= {"buttons": buttons, "quoted": ""}
    return Shown(**about)


def _interactive(content: Body) -> dict[str, Any]:
    action = content["action"]
    rows = [row for section in action.get("sections", []) for row in section["rows"]]
    pressed = [one["reply"] for one in action.get("buttons", [])] or rows
    return {
        "text": content["body"]["text"],
        "buttons": tuple((one["title"], one["id"]) for one in pressed),
        "picture": content.get("header", {}).get("image", {}).get("link", ""),
    }


def pressed(shown: Shown, label: str, value: str) -> tuple[str, Update]:
    if shown.kind == "template":
        return "button", {"payload": value, "text": label}
    kind = "button_reply" if shown.body["interactive"]["type"] == "button" else "list_reply"
    return "interactive", {"type": kind, kind: {"id": value, "title": label}}


def success(body: Body, person: Person, shown: Shown) -> Update:
    by_number = "to" in body
    contact = {"input": body["to"], "wa_id": person.number} if by_number else {"user_id": person.user_id}
    message = {"id": shown.id} | ({"message_status": "accepted"} if shown.kind == "template" else {})
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}


def error(failure: Failure, throttle_status: int) -> web.Response:
    if not failure.code and failure.status == 502:
        return web.Response(status=502, text=failure.details, content_type="text/html")
    error: Update = {
        "message": f"(#{failure.code}) {failure.details if failure.code == 190 else 'Refused'}",
        "type": "OAuthException",
        "code": failure.code,
        "error_data": {"messaging_product": "whatsapp", "details": failure.details},
        "fbtrace_id": "AbCdEfGhIjK",
    }
    if failure.subcode:
        error["error_subcode"] = failure.subcode
    throttled = failure.code in (4, 80007, 130429, 131048, 131056)
    status = failure.status or (throttle_status if throttled else 400)
    return web.json_response({"error": error}, status=status)
