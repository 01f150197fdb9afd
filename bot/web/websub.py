"""``/webhooks/websub/{token}``: where hubs ask whether we meant it, and push what is new (feeds.md 11.3 and 11.4)."""

import re
from dataclasses import dataclass

import structlog
from aiohttp import web

from adapters.signatures import verify_hub
from bot.gate import Gate
from bot.rules.plain_text import one_line
from bot.rules.vault import Vault
from bot.usecases import hub_pushes, hubs
from bot.web.bodies import read_body
from storage.database import Database, StorageError

MAX_BODY = 5 * 1024 * 1024  # as of a poll
MAX_CHALLENGE = 4096  # characters

_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)

log = structlog.get_logger("websub")


@dataclass(frozen=True, slots=True)
class WebSub:
    """What the routes stand on."""

    database: Database
    vault: Vault
    gate: Gate

    def routes(self) -> list[web.RouteDef]:
        """To be added before any that takes every path below /webhooks/."""
        path = "/webhooks/websub/{token}"
        return [web.get(path, self._ask, allow_head=False), web.post(path, self._push)]

    async def _ask(self, request: web.Request) -> web.Response:
        """Answered as plain text that nothing takes for a page: who asks may be anybody."""
        try:
            answer = await self._answer(request)
        except StorageError as error:
            self.gate.failed(error)
            raise web.HTTPServiceUnavailable from None
        if answer is None:
            raise web.HTTPNotFound
        return web.Response(text=answer, headers={"X-Content-Type-Options": "nosniff"})

    async def _answer(self, request: web.Request) -> str | None:
        token, query = request.match_info["token"], request.query
        mode, topic = query.get("hub.mode", ""), query.get("hub.topic", "")
        if mode == "denied":
            reason = one_line(query.get("hub.reason", ""))
            return "" if await self.database.write(hubs.deny, token, topic, reason) else None
        challenge, seconds = query.get("hub.challenge", ""), query.get("hub.lease_seconds", "")
        if not challenge or len(challenge) > MAX_CHALLENGE:
            return None
        lease = int(seconds) if _SECONDS.fullmatch(seconds) else None
        return challenge if await self.database.write(hubs.verify, token, mode, topic, lease) else None

    async def _push(self, request: web.Request) -> web.Response:
        """Whether a signature is right, nobody learns; that the address is no more, a hub should."""
        try:
            callback = await self.database.read(hubs.callback, self.vault, request.match_info["token"])
            if callback is None:
                raise web.HTTPGone
            body = await read_body(request, MAX_BODY)
            signature = request.headers.get("X-Hub-Signature", "")
            if callback.secret is not None and verify_hub(callback.secret, signature, body):
                content_type = request.headers.get("Content-Type", "")
                await self.database.write(hub_pushes.store, callback.hub_id, content_type, body)
            else:
                log.info("a push was not the hub's, and is passed over", hub=callback.hub_id)
        except StorageError as error:
            self.gate.failed(error)
            log.warning("a push could not be stored", reason=str(error))
            raise web.HTTPServiceUnavailable from None
        return web.Response(status=202)
