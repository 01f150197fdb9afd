"""The simulated Feishu: one app, with which one person of each account has a private chat (feishu.md 2 to 6)."""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from yarl import URL

from adapters.http import Answer
from bot.simulator import looks
from bot.simulator.feishu_checks import ApiError, check, parsed
from bot.usecases import simulator
from bot.usecases.simulator import Outgoing
from storage.database import Database

BASE: Final = "/open-apis"
BOT: Final = "ou_simulated_bot"
APP: Final = "cli_simulator"
IMAGE: Final = "img_v3_simulator"
TOKEN: Final = "t-simulator"  # noqa: S105 (it opens nothing: whoever has it is inside already)
LONGEST_UUID: Final = 50


class Feishu:
    """Answers the requests of the channel ``simulator/feishu``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, method: str, url: URL, body: bytes) -> Answer:
        try:
            data = await self._answer(method, url, body)
        except ApiError as error:
            return _json({"code": error.code, "msg": error.msg}, error.status)
        return _json({"code": 0, "msg": "success", **data})

    async def _answer(self, method: str, url: URL, body: bytes) -> dict[str, Any]:
        path = tuple(url.path.removeprefix(BASE).strip("/").split("/"))
        match method, path:
            case "POST", ("auth", "v3", "tenant_access_token", "internal"):
                return {"tenant_access_token": TOKEN, "expire": 7200}
            case "GET", ("bot", "v3", "info"):
                return {"bot": {"open_id": BOT, "app_name": "Postbell", "activate_status": 2}}
            case "GET", ("im", "v1", "chats", chat):
                return {"data": await self._chat(chat)}
            case "POST", ("im", "v1", "images"):
                return {"data": {"image_key": IMAGE}}
            case "POST", ("im", "v1", "messages"):
                given = msgspec.json.decode(body)
                return {"data": await self._take(url, body, given, str(given.get("receive_id", "")))}
            case "POST", ("im", "v1", "messages", parent, "reply"):
                chat = await self._database.read(simulator.chat_of, parent)
                if not chat:
                    raise ApiError(230011, "The message was recalled.")
                return {"data": await self._take(url, body, msgspec.json.decode(body), chat, parent)}
        raise ApiError(404, "the simulator has no such call", 404)

    async def _chat(self, chat: str) -> dict[str, Any]:
        if not await self._database.read(simulator.holds_chat, chat):
            raise ApiError(232011, "Operator can NOT be out of the chat.")
        return {"name": "", "chat_mode": "p2p", "user_manager_id_list": []}

    async def _take(self, url: URL, body: bytes, given: Any, address: str, parent: str = "") -> dict[str, Any]:
        content, kind = parsed(given.get("content")), str(given.get("msg_type", ""))
        request = written("POST", url, given)
        out = Outgoing(platform="feishu", address=address, request=request, looks="", dedupe=str(given.get("uuid", "")))
        try:
            if len(out.dedupe) > LONGEST_UUID:
                raise ApiError(99992402, "uuid is too long")
            check(kind, content, len(body), {IMAGE})
        except ApiError as error:
            await self._database.write(simulator.refused, _refused(out, error))
            raise
        shown = looks.write(looks.of_feishu(kind, content, parent))
        taken = await self._database.write(simulator.take, msgspec.structs.replace(out, looks=shown))
        if taken.outcome == "nobody":
            raise ApiError(230013, "Bot has NO availability to this user.")
        return {"message_id": taken.message_id, "msg_type": kind, "body": {"content": given["content"]}}


def _refused(out: Outgoing, error: ApiError) -> Outgoing:
    return msgspec.structs.replace(out, looks=looks.refusal(error.code, error.msg), dedupe=str(error.code))


def written(method: str, url: URL, body: Mapping[str, Any]) -> str:
    """A request as it is kept: its tokens stand in no part of this."""
    return json.dumps({"method": method, "path": url.raw_path_qs, "body": body}, ensure_ascii=False)


def _json(document: Any, status: int = 200) -> Answer:
    return Answer(status, {}, msgspec.json.encode(document))
