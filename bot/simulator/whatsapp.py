"""The simulated WhatsApp: one number, to which one person of each account writes (whatsapp.md 8 to 13)."""

import re
from typing import Any, Final

import msgspec
from yarl import URL

from adapters.http import Answer
from bot.simulator import looks, templates
from bot.simulator.feishu import written
from bot.simulator.whatsapp_checks import Failure, check, parameters
from bot.usecases import simulator
from bot.usecases.simulator import Outgoing, Taken
from storage.database import Database

NUMBER_ID: Final = "100000000000001"
VERSION: Final = "v26.0"
REFUSALS: Final = {
    "nobody": Failure(131026, "Message undeliverable"),
    "closed": Failure(131047, "Re-engagement message: more than 24 hours have passed since the customer last replied"),
    "no_template": Failure(132001, f"template name ({templates.ALERT}) does not exist: it is not approved"),
}


class WhatsApp:
    """Answers the requests of the channel ``simulator/whatsapp``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, method: str, url: URL, body: bytes) -> Answer:
        try:
            if (method, url.path) != ("POST", f"/{VERSION}/{NUMBER_ID}/messages"):
                raise Failure(100, "Unsupported post request. Object does not exist", 400, subcode=33)
            given = msgspec.json.decode(body)
            return _json(await (self._mark(given) if "status" in given else self._take(url, given)))
        except Failure as failure:
            return _error(failure)

    async def _mark(self, given: Any) -> Any:
        """The bot has read what the person wrote."""
        if not await self._database.write(simulator.seen, "whatsapp", str(given.get("message_id", ""))):
            raise Failure(131009, "no such message")
        return {"success": True}

    async def _take(self, url: URL, given: Any) -> Any:
        to = re.sub(r"\D", "", str(given.get("to", "")))
        out = Outgoing(platform="whatsapp", address=f"+{to}", request=written("POST", url, given), looks="")
        try:
            check(given, templates.TEMPLATES)
            taken = await self._database.write(simulator.take, _outgoing(out, given))
            if refusal := REFUSALS.get(taken.outcome):
                raise refusal
        except Failure as failure:
            shown, code = looks.refusal(failure.code, failure.details), str(failure.code)
            await self._database.write(simulator.refused, msgspec.structs.replace(out, looks=shown, dedupe=code))
            raise
        return _success(given, to, taken)


def _outgoing(out: Outgoing, given: Any) -> Outgoing:
    is_template, text, name = given["type"] == "template", "", ""
    if is_template:
        template = given["template"]
        name = template["name"]
        text = templates.TEMPLATES[name, template["language"]["code"]].filled(parameters(template, "body"))
    return msgspec.structs.replace(
        out,
        looks=looks.write(looks.of_whatsapp(given, text)),
        free=not is_template,
        needs_approval=name == templates.ALERT,
    )


def _success(given: Any, to: str, taken: Taken) -> Any:
    accepted = {"message_status": "accepted"} if given["type"] == "template" else {}
    return {
        "messaging_product": "whatsapp",
        "contacts": [{"input": given["to"], "wa_id": to}],
        "messages": [{"id": taken.message_id, **accepted}],
    }


def _error(failure: Failure) -> Answer:
    error: dict[str, Any] = {
        "message": f"(#{failure.code}) Refused",
        "type": "OAuthException",
        "code": failure.code,
        "error_data": {"messaging_product": "whatsapp", "details": failure.details},
        "fbtrace_id": "ASimulatedOne",
    }
    if failure.subcode:
        error["error_subcode"] = failure.subcode
    return _json({"error": error}, failure.status or 400)


def _json(document: Any, status: int = 200) -> Answer:
    return Answer(status, {}, msgspec.json.encode(document))
