"""The Open API's routes: tokens, messages, images, chats, the bot (feishu.md, (a))."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.simulator import feishu_checks as contents
from bot.simulator.feishu_checks import ApiError
from tests.fakes.feishu.model import Chat, Script, Shown

if TYPE_CHECKING:
    from tests.fakes.feishu.server import FakeFeishu

Handler = Callable[[web.Request], Awaitable[dict[str, Any]]]


class OpenApi:
    """Answers for one FakeFeishu."""

    def __init__(self, owner: "FakeFeishu") -> None:
        self._owner = owner
        self.tokens: dict[str, Any] = {}  # token → when it ends
        self.token_calls = 0
        self.token_asked = asyncio.Event()
        self.images: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.by_uuid: dict[str, tuple[Any, Shown]] = {}
        self.press_tokens: dict[str, tuple[Shown, datetime, int]] = {}  # token → card, since when, uses
        self.calls: list[tuple[str, str]] = []  # method and path, in order
        self._sent: list[tuple[Any, str]] = []  # (when, chat)

    def add_routes(self, app: web.Application) -> None:
        base = "/open-apis"
        app.router.add_post(f"{base}/auth/v3/tenant_access_token/internal", self._token)
        for method, path, handler in (
            ("POST", "/im/v1/messages", self._create),
            ("POST", "/im/v1/messages/{id}/reply", self._reply),
            ("PATCH", "/im/v1/messages/{id}", self._patch),
            ("DELETE", "/im/v1/messages/{id}", self._delete),
            ("GET", "/im/v1/messages/{id}", self._get),
            ("PUT", "/im/v1/messages/{id}", self._edit),
            ("POST", "/interactive/v1/card/update", self._late_card),
            ("POST", "/im/v1/images", self._image),
            ("GET", "/im/v1/chats/{id}", self._chat),
        ):
            app.router.add_route(method, base + path, self.guarded(handler))
        app.router.add_get(f"{base}/im/v1/messages/{{id}}/resources/{{key}}", self._resource)
        self._owner.console.add_routes(app, self)

    def revoke(self) -> None:
        """Every token is refused from now on."""
        self.tokens.clear()

    # --- Tokens

    async def _token(self, request: web.Request) -> web.Response:
        self.token_calls += 1
        self.token_asked.set()
        self.calls.append((request.method, request.path))
        if self._owner.token_gate:
            await self._owner.token_gate.wait()
        if self._owner.token_broken:
            return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
        given, now = await request.json(), self._owner.clock()
        if (given["app_id"], given["app_secret"]) != (self._owner.app_id, self._owner.app_secret):
            return self._answer({"code": 10014, "msg": "app secret invalid"}, 400)
        lasting = [token for token, ends in self.tokens.items() if ends - now >= timedelta(minutes=30)]
        token = lasting[0] if lasting else f"t-g{self.token_calls}"
        ends = self.tokens.setdefault(token, now + timedelta(hours=2))
        expire = int((ends - now).total_seconds())
        return self._answer({"code": 0, "msg": "ok", "tenant_access_token": token, "expire": expire})

    def _check_token(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "")
        if not given.startswith("Bearer "):
            raise ApiError(99991661, "Missing access token for authorization")
        ends = self.tokens.get(given.removeprefix("Bearer "))
        if ends is None or ends <= self._owner.clock():
            raise ApiError(99991663, "Invalid access token for authorization")

    # --- Messages

    async def _create(self, request: web.Request) -> dict[str, Any]:
        given = await request.json()
        kind, receiver = request.query.get("receive_id_type", ""), given.get("receive_id", "")
        return self._send(self._receiver(kind, receiver), given, len(await request.read()))

    async def _reply(self, request: web.Request) -> dict[str, Any]:
        parent = self._message(request)
        given = await request.json()
        return self._send(parent.chat, given, len(await request.read()), parent=parent)

    def _send(self, chat: Chat, given: dict[str, Any], size: int, parent: Shown | None = None) -> dict[str, Any]:
        owner = self._owner
        uuid = given.get("uuid", "")
        if len(uuid) > 50:
            raise ApiError(99992402, "uuid is too long")
        content = contents.parsed(given.get("content"))
        contents.check(given.get("msg_type", ""), content, size, set(self.images))
        if not chat.bot_in:
            raise ApiError(230002, "Bot/User can NOT be out of the chat.")
        if chat.direct and not chat.members[0].in_range:
            raise ApiError(230013, "Bot has NO availability to this user.")
        now = owner.clock()
        known = self.by_uuid.get(uuid)
        if uuid and known and now - known[0] < timedelta(hours=1):
            return self._shown(known[1])
        self._limit(chat)
        shown = owner.show(
            chat,
            given["msg_type"],
            content,
            owner.app_id,
            parent_id=parent.id if parent else "",
            thread_id=parent.thread_id if parent else "",
            uuid=uuid,
        )
        if uuid:
            self.by_uuid[uuid] = (now, shown)
        return self._shown(shown)

    def _limit(self, chat: Chat) -> None:
        if not self._owner.limits:
            return
        now = self._owner.clock()
        second = [one for one in self._sent if now - one[0] < timedelta(seconds=1)]
        if sum(one[1] == chat.id for one in second) >= 5:
            raise ApiError(230020, "This operation triggers the frequency limit.")
        if len(second) >= 50:
            headers = {"x-ogw-ratelimit-limit": "50", "x-ogw-ratelimit-reset": "1"}
            raise ApiError(99991400, "request trigger frequency limit", 429, headers)
        self._sent = [*second, (now, chat.id)]

    async def _patch(self, request: web.Request) -> dict[str, Any]:
        message, card = self._message(request), contents.parsed((await request.json())["content"])
        contents.check_card(card, set(self.images))
        if not message.content.get("config", {}).get("update_multi") or not card["config"].get("update_multi"):
            raise ApiError(230001, "NOT a shared card")
        message.edits.append(message.content)
        message.content = card
        return {}

    async def _edit(self, request: web.Request) -> dict[str, Any]:
        message, given = self._message(request), await request.json()
        if message.msg_type not in ("text", "post") or given["msg_type"] not in ("text", "post"):
            raise ApiError(230054, "This operation is not supported for this message type.")
        message.edits.append(message.content)
        message.msg_type, message.content = given["msg_type"], contents.parsed(given["content"])
        return self._shown(message)

    async def _late_card(self, request: web.Request) -> dict[str, Any]:
        """By the token of a press: after its answer, three times, for half an hour."""
        given = await request.json()
        message, since, uses = self.press_tokens.get(given["token"], (None, None, 3))
        if message is None or since is None or uses >= 3 or self._owner.clock() - since > timedelta(minutes=30):
            raise ApiError(300090, "token is not valid")
        contents.check_card(given["card"], set(self.images))
        self.press_tokens[given["token"]] = (message, since, uses + 1)
        message.edits.append(message.content)
        message.content = given["card"]
        return {}

    async def _delete(self, request: web.Request) -> dict[str, Any]:
        message = self._message(request)
        message.chat.messages.remove(message)
        return {}

    async def _get(self, request: web.Request) -> dict[str, Any]:
        return {"items": [self._shown(self._message(request))]}

    def _receiver(self, kind: str, receiver: str) -> Chat:
        owner = self._owner
        if kind == "chat_id":
            if receiver in owner.chats:
                return owner.chats[receiver]
            raise ApiError(230002, "Bot/User can NOT be out of the chat.")
        if kind in ("open_id", "union_id"):
            for person in owner.people.values():
                if receiver in (person.open_id, person.union_id):
                    return owner.private(person)
            raise ApiError(230013, "Bot has NO availability to this user.")
        raise ApiError(99992402, "receive_id_type is not valid")

    def _message(self, request: web.Request) -> Shown:
        for chat in self._owner.chats.values():
            for message in chat.messages:
                if message.id == request.match_info["id"]:
                    return message
        raise ApiError(230011, "The message was recalled.")

    def _shown(self, message: Shown) -> dict[str, Any]:
        return {
            "message_id": message.id,
            "root_id": message.parent_id,
            "parent_id": message.parent_id,
            "thread_id": message.thread_id,
            "msg_type": message.msg_type,
            "chat_id": message.chat.id,
            "create_time": str(int(self._owner.clock().timestamp() * 1000)),
            "sender": {"id": self._owner.app_id, "id_type": "app_id", "sender_type": "app"},
            "body": {"content": json.dumps(message.content)},
        }

    # --- All else

    async def _image(self, request: web.Request) -> dict[str, Any]:
        if self._owner.images_refused:
            raise ApiError(234010, "File's size can't be 0.")
        form = await request.post()
        image = form["image"]
        if form["image_type"] != "message" or not isinstance(image, web.FileField):
            raise ApiError(234001, "Invalid request param.")
        key = f"img_v3_{len(self.images) + 1}"
        self.images[key] = image.file.read()
        return {"image_key": key}

    async def _chat(self, request: web.Request) -> dict[str, Any]:
        chat = self._owner.chats.get(request.match_info["id"])
        if chat is None or not chat.bot_in:
            raise ApiError(232011, "Operator can NOT be out of the chat.")
        assert request.query["user_id_type"] == "open_id"
        owner = {"owner_id": chat.owner.open_id, "owner_id_type": "open_id"} if chat.owner else {}
        return {
            "name": chat.name,
            "chat_mode": "p2p" if chat.direct else "group",
            "user_manager_id_list": [one.open_id for one in chat.managers],
            **owner,
        }

    async def _resource(self, request: web.Request) -> web.Response:
        self.calls.append((request.method, request.path))
        try:
            self._check_token(request)
            self._message(request)
        except ApiError as error:
            return self._refusal(error)
        file = self.files.get(request.match_info["key"])
        if file is None or request.query["type"] != "file":
            return self._refusal(ApiError(234003, "File not in message."))
        return web.Response(body=file, content_type="application/octet-stream")

    # --- Answers

    def guarded(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """As a route that wants a token, and may be told to answer otherwise."""

        async def answer(request: web.Request) -> web.StreamResponse:
            self.calls.append((request.method, request.path))
            script = self._scripted(request)
            if script:
                return await self._follow(script, handler, request)
            try:
                self._check_token(request)
                data = await handler(request)
            except ApiError as error:
                return self._refusal(error)
            top = data.pop("", {})
            return self._answer({"code": 0, "msg": "success", **({"data": data} if data else {}), **top})

        return answer

    def _scripted(self, request: web.Request) -> Script | None:
        scripts = self._owner.scripts
        return scripts.popleft() if scripts and request.method == "POST" and "/messages" in request.path else None

    async def _follow(self, script: Script, handler: Handler, request: web.Request) -> web.StreamResponse:
        if script.stores:
            await handler(request)
        if script.delay_seconds:
            await asyncio.sleep(script.delay_seconds)
        if script.cut:
            assert request.transport is not None
            request.transport.abort()
        if script.html:
            return web.Response(status=script.status, text="<html>Bad Gateway</html>", content_type="text/html")
        return self._refusal(ApiError(script.code, script.msg, script.status, script.headers))

    def _refusal(self, error: ApiError) -> web.Response:
        log_id = f"2026{len(self.calls):08}"
        body = {"code": error.code, "msg": error.msg, "error": {"log_id": log_id}}
        return self._answer(body, error.status, dict(error.headers))

    def _answer(self, body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
        log_id = f"2026{len(self.calls):08}"
        return web.json_response(body, status=status, headers={"X-Tt-Logid": log_id, **(headers or {})})
