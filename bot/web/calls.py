"""``/webhooks/{source}``: a source's platform calls for there is something new, and the feed is read at once."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from aiohttp import web

from adapters.base import Source
from adapters.inbound import Callback, Called, Refused
from bot.clock import Clock, monotonic
from bot.gate import Gate
from bot.usecases import feeds
from bot.web.bodies import read_body
from storage.database import Database, StorageError

MAX_BODY = 256 * 1024
REFUSALS_SECONDS = 10.0  # between two lines of the log about refused calls

log = structlog.get_logger("calls")


class Calls:
    """What the routes stand on."""

    def __init__(self, database: Database, sources: Mapping[str, Source], clock: Clock, gate: Gate) -> None:
        self._database, self._clock, self._gate = database, clock, gate
        self._called = {kind: source for kind, source in sources.items() if isinstance(source, Called)}
        self._told = -REFUSALS_SECONDS

    def routes(self) -> list[web.RouteDef]:
        """To be added before any that takes every path below /webhooks/."""
        paths = [f"/webhooks/{{source:{kind}}}" for kind in self._called]
        challenges = [web.get(path, self._handle, allow_head=False) for path in paths]
        return challenges + [web.post(path, self._handle) for path in paths]

    async def _handle(self, request: web.Request) -> web.Response:
        kind = request.match_info["source"]
        body = await read_body(request, MAX_BODY)
        try:
            callback = Callback(request.method, request.query, request.headers, body, self._clock())
            call = self._called[kind].called(callback)
        except Refused as refused:
            self._tell_refusal(kind, str(refused))
            return web.json_response({"error": HTTPStatus(refused.status).phrase}, status=refused.status)
        if call.keys:
            await self._read_soon(kind, call.keys)
        answer = call.answer
        return web.Response(body=answer.body, status=answer.status, content_type=answer.content_type)

    async def _read_soon(self, kind: str, keys: tuple[str, ...]) -> None:
        try:
            await self._database.write(feeds.read_soon, kind, keys)
        except StorageError as error:
            self._gate.failed(error)
            log.warning("a call could not be heard", source=kind, reason=str(error))
            raise web.HTTPServiceUnavailable from None

    def _tell_refusal(self, kind: str, reason: str) -> None:
        """A line now and then, however many are made up."""
        if monotonic() - self._told >= REFUSALS_SECONDS:
            self._told = monotonic()
            log.warning("a call was refused", source=kind, reason=reason)
