"""What an operator has clicked together in the developer console, as the platform tells it to the app."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.simulator.feishu_checks import ApiError

if TYPE_CHECKING:
    from tests.fakes.feishu.openapi import OpenApi

GRANTED, ASKED_FOR = 1, 2


@dataclass
class Console:
    """By default all that the bot needs."""

    activate_status: int = 2
    has_bot: bool = True
    installed: bool = True
    scopes: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            (
                "im:message:send_as_bot",
                "im:message.p2p_msg:readonly",
                "im:message.group_at_msg:readonly",
                "im:chat:readonly",
                "im:resource",
                "application:application:self_manage",
            ),
            GRANTED,
        )
    )
    online_version_id: str = "oav_1"
    unaudit_version_id: str = ""
    events: list[str] | None = field(
        default_factory=lambda: [
            "im.message.receive_v1",
            "im.chat.member.bot.added_v1",
            "im.chat.member.bot.deleted_v1",
            "im.chat.disbanded_v1",
            "im.chat.access_event.bot_p2p_chat_entered_v1",
            "im.message.message_read_v1",
        ]
    )
    callbacks: list[str] = field(default_factory=lambda: ["card.action.trigger"])
    request_url: str = ""
    bot_id: str = "ou_the_bot"

    def add_routes(self, app: web.Application, api: "OpenApi") -> None:
        for path, handler in (
            ("/bot/v3/info", self._bot),
            ("/application/v6/scopes", self._scopes),
            ("/application/v6/applications/me", self._app),
        ):
            app.router.add_get(f"/open-apis{path}", api.guarded(handler))

    async def _bot(self, request: web.Request) -> dict[str, Any]:
        if not self.has_bot:
            raise ApiError(11205, "app do not have bot")
        return {"": {"bot": {"open_id": self.bot_id, "app_name": "Bell", "activate_status": self.activate_status}}}

    async def _scopes(self, request: web.Request) -> dict[str, Any]:
        if not self.installed:
            raise ApiError(212100, "app not install")
        return {"scopes": [{"scope_name": name, "grant_status": status} for name, status in self.scopes.items()]}

    async def _app(self, request: web.Request) -> dict[str, Any]:
        if self.scopes.get("application:application:self_manage") != GRANTED:
            raise ApiError(99991672, "Access denied. One of the following scopes is required")
        assert request.query["lang"]
        told: dict[str, Any] = {"online_version_id": self.online_version_id}
        told["unaudit_version_id"] = self.unaudit_version_id
        if self.events is not None:
            told["event"] = {"request_url": self.request_url, "subscribed_events": self.events}
        told["callback_info"] = {"request_url": self.request_url, "subscribed_callbacks": self.callbacks}
        return {"app": told}
