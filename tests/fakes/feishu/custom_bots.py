"""Custom group bots: one address each; failures come with HTTP 200 (feishu.md, (d))."""

import base64
import hashlib
import hmac
import json
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from bot.clock import Clock
from bot.simulator import feishu_checks as contents
from bot.simulator.feishu_checks import ApiError


@dataclass
class CustomBot:
    token: str
    secret: str = ""
    keyword: str = ""
    allowed_ip: str = ""
    limits: bool = False
    old_spelling: bool = False  # success as ``StatusCode`` alone
    removed: bool = False
    scripts: deque[tuple[int, bytes]] = field(default_factory=deque)  # (status, body) to answer, each once
    cards_refused: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)


class CustomBots:
    def __init__(self, clock: Clock, images: dict[str, bytes]) -> None:
        self.bots: dict[str, CustomBot] = {}
        self._clock, self._images = clock, images

    def add_routes(self, app: web.Application) -> None:
        app.router.add_post("/open-apis/bot/v2/hook/{token}", self._receive)

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        bot = self.bots.get(request.match_info["token"])
        if bot and bot.scripts:
            status, answer = bot.scripts.popleft()
            return web.Response(status=status, body=answer, content_type="application/json")
        try:
            if bot is None or bot.removed:
                raise ApiError(19001, "param invalid: incoming webhook access token invalid")
            self._take(bot, request, body)
        except ApiError as error:
            return web.json_response({"code": error.code, "msg": error.msg, "data": {}}, status=error.status)
        success: dict[str, Any] = {"StatusCode": 0, "StatusMessage": "success"}
        return web.json_response(success if bot.old_spelling else success | {"code": 0, "data": {}, "msg": "success"})

    def _take(self, bot: CustomBot, request: web.Request, body: bytes) -> None:
        message, now = json.loads(body), self._clock()
        if len(body) > 20 * 1024:
            raise ApiError(9499, "Bad Request: too large", 200)
        if bot.allowed_ip and request.remote != bot.allowed_ip:
            raise ApiError(19022, "Ip Not Allowed", 200)
        if bot.secret:
            self._check_sign(bot, message, now)
        if bot.keyword and bot.keyword not in body.decode():
            raise ApiError(19024, "Key Words Not Found", 200)
        if bot.limits:
            bot.times = [at for at in bot.times if now - at < timedelta(minutes=1)]
            if len(bot.times) >= 100 or sum(now - at < timedelta(seconds=1) for at in bot.times) >= 5:
                raise ApiError(11232, "create message trigger frequency limit", 200)
            bot.times.append(now)
        self._check(bot, message)
        bot.messages.append(message)

    def _check(self, bot: CustomBot, message: dict[str, Any]) -> None:
        match message.get("msg_type"):
            case "text":
                if not isinstance(message["content"], dict):
                    raise ApiError(9499, "Bad Request: content is no object", 200)
            case "interactive":
                contents.check_card(message["card"], set(self._images))
                if bot.cards_refused or "callback" in json.dumps(message["card"]):
                    raise ApiError(9499, "Bad Request", 400)
            case _:
                raise ApiError(19002, "params error, msg_type need", 200)

    def _check_sign(self, bot: CustomBot, message: dict[str, Any], now: datetime) -> None:
        timestamp = message.get("timestamp", "0")
        key = f"{timestamp}\n{bot.secret}".encode()
        expected = base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
        if message.get("sign") != expected or abs(now.timestamp() - int(timestamp)) > 3600:
            raise ApiError(19021, "sign match fail or timestamp is not within one hour from current time", 200)
