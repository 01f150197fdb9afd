"""How an account's set-up looks from the platform's side, step by step, and what to do about what is missing."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from adapters.base import Finding, SendError
from adapters.channels.feishu.api import JSON, OpenApi
from adapters.channels.feishu.longconn import LongConnection, Refusal
from adapters.channels.feishu.settings import Config, setting
from adapters.http import NoAnswer, NotSent, Outbound

NEEDED_SCOPES: Final = (
    (("im:message:send_as_bot", "im:message"), "nothing can be sent"),
    (("im:message.p2p_msg:readonly", "im:message.p2p_msg"), "what people write in private does not arrive"),
)
USEFUL_SCOPES: Final = (
    (
        ("im:message.group_at_msg:readonly", "im:message.group_at_msg", "im:message.group_msg"),
        "what is written in groups does not arrive",
    ),
    (("im:chat:readonly", "im:chat:read", "im:chat"), "who manages a group cannot be asked"),
    (("im:resource",), "pictures and files stay behind"),
)
"""Each is held if one of its names is (feishu.md 3.4); and what is missed without it."""

NEEDED_EVENTS: Final = ("im.message.receive_v1",)
USEFUL_EVENTS: Final = (
    "im.chat.member.bot.added_v1",
    "im.chat.member.bot.deleted_v1",
    "im.chat.disbanded_v1",
    "im.chat.access_event.bot_p2p_chat_entered_v1",
    "im.message.message_read_v1",
)
CALLBACK: Final = "card.action.trigger"
OWN_SCOPE: Final = "application:application:self_manage"  # to be told which events are subscribed

ENABLED: Final = 2
ACTIVATION: Final = {
    0: "the app is not installed yet",
    1: "the organisation has disabled the app",
    3: "the app is installed and not enabled",
    4: "the app was upgraded and not enabled since",
    5: "the app's licence has expired",
    6: "the organisation's plan has expired or was reduced",
}
NOT_INSTALLED: Final = "feishu_212100"
WRONG_SECRET: Final = frozenset({"feishu_10003", "feishu_10014", "feishu_99991543"})
RELEASE: Final = "then release a new version of the app and have it approved"
HANDSHAKE_SECONDS: Final = 5.0


class Examination:
    """Of one account."""

    def __init__(self, outbound: Outbound, api: OpenApi, long: LongConnection, name: str, config: Config) -> None:
        self._outbound, self._api, self._long, self._name, self._config = outbound, api, long, name, config

    async def findings(self, callback_url: str) -> Sequence[Finding]:
        """In the order in which they are mended."""
        if not self._config.app_id:
            return [Finding(True, "no app is set up; custom group bots can be written to without one")]
        token = await self._token()
        found = [token]
        if token.ok:
            found += [*await self._bot(), *await self._permissions(), *await self._app(callback_url)]
        found += await (self._connection() if self._config.mode == "websocket" else self._callback(callback_url))
        return [replace(one, what=self._harmless(one.what)) for one in found]

    def _harmless(self, text: str) -> str:
        """What platforms and proxies say might repeat what they were told."""
        config = self._config
        for secret in filter(None, (config.app_secret, config.verification_token, config.encrypt_key)):
            text = text.replace(secret, "…")
        return text

    def _variable(self, field: str) -> str:
        return setting(self._name, field)

    # The app

    async def _token(self) -> Finding:
        try:
            await self._api.authorization()
        except SendError as error:
            mend = f"can this machine reach {self._config.base_url}?"
            if error.code == "not_set_up":
                mend = "copy it from the developer console, Credentials & Basic Info"
            elif error.code in WRONG_SECRET:
                mend = (
                    f"copy {self._variable('app_id')} and {self._variable('app_secret')} from the developer console; "
                    f"an app of Lark also needs {self._variable('base_url')}=https://open.larksuite.com"
                )
            return Finding(False, f"no access token: {error}", mend)
        return Finding(True, f"{self._config.base_url} takes App ID and App Secret")

    async def _bot(self) -> Sequence[Finding]:
        try:
            said = await self._api.call("GET", "/open-apis/bot/v3/info")
        except SendError as error:
            mend = f"developer console, Add Features: switch the bot on, {RELEASE}"
            return [Finding(False, f"no bot: {error}", mend if error.code.startswith("feishu_") else "try again")]
        bot = _mapping(said.document.get("bot"))  # not in ``data`` (feishu.md 3.3)
        status = bot.get("activate_status")
        if status in ACTIVATION:
            mend = "release a version of the app, and have it approved and enabled in the admin console"
            return [Finding(False, ACTIVATION[status], mend)]
        name = str(bot.get("app_name", ""))[:60]
        return [Finding(True, f"the bot {name!r} is enabled" if status == ENABLED else f"there is a bot, {name!r}")]

    async def _permissions(self) -> Sequence[Finding]:
        try:
            said = await self._api.call("GET", "/open-apis/application/v6/scopes")
        except SendError as error:
            mend = "release a version of the app and have it approved" if error.code == NOT_INSTALLED else "try again"
            return [Finding(False, f"the app's permissions cannot be asked: {error}", mend)]
        told = {one.get("scope_name"): one.get("grant_status") for one in _mappings(said.data.get("scopes"))}
        found = [
            Finding(not needed, f"no permission {names[0]}: {missed}", _scope_mend(names, told))
            for needed, scopes in ((True, NEEDED_SCOPES), (False, USEFUL_SCOPES))
            for names, missed in scopes
            if not any(told.get(name) == 1 for name in names)
        ]
        return found or [Finding(True, "all permissions are granted")]

    async def _app(self, callback_url: str) -> Sequence[Finding]:
        """Version, events and callbacks, as far as the platform tells them to the app itself."""
        events = ", ".join((*NEEDED_EVENTS, *USEFUL_EVENTS))
        try:
            said = await self._api.call("GET", "/open-apis/application/v6/applications/me", query={"lang": "en_us"})
        except SendError as error:
            mend = f"to have this checked add {OWN_SCOPE}, {RELEASE}; else see for yourself that {events} are there"
            return [Finding(True, f"which events are subscribed cannot be asked: {error}", mend)]
        app = _mapping(said.data.get("app"))
        found = list(_versions(app))
        event = _mapping(app.get("event"))
        if not isinstance(event.get("subscribed_events"), list):
            found.append(Finding(True, "the platform does not tell which events are subscribed", f"look for {events}"))
        else:
            found += _events(event["subscribed_events"])
        called = _mapping(app.get("callback_info")) or _mapping(app.get("callback"))
        if isinstance(names := called.get("subscribed_callbacks"), list) and CALLBACK not in names:
            mend = f"developer console, Events & Callbacks, Callbacks: add {CALLBACK}, {RELEASE}"
            found.append(Finding(False, f"no callback {CALLBACK}: buttons do nothing", mend))
        if self._config.mode == "callback" and callback_url:
            found += _addresses(event, called, callback_url)
        return found

    # The way in

    async def _connection(self) -> Sequence[Finding]:
        try:
            await self._long.endpoint()
        except Refusal as refusal:
            mend = "developer console, Events & Callbacks: choose the long connection while `postbell serve` runs"
            return [Finding(False, f"no long connection: {refusal}", mend)]
        return [Finding(True, "a long connection may be opened")]

    async def _callback(self, url: str) -> Sequence[Finding]:
        token, key = self._variable("verification_token"), self._variable("encrypt_key")
        where = "copy it from the developer console, Events & Callbacks, Encryption Strategy"
        if not self._config.verification_token and not self._config.encrypt_key:
            return [Finding(False, f"{token} and {key} are not set: every callback is refused", where)]
        found = []
        if not self._config.encrypt_key:
            found.append(Finding(True, f"{key} is not set: callbacks are neither encrypted nor signed", where))
        if not url:
            mend = "set it to the https:// address under which the platform reaches this machine"
            return [*found, Finding(False, "WORKER_PUBLIC_BASE_URL is not set: the platform cannot call us", mend)]
        if not url.startswith("https://") and self._config.base_url.startswith("https://"):
            mend = "put a reverse proxy or a tunnel with HTTPS in front"
            return [*found, Finding(False, f"{url} is not https: the platform will not call it", mend)]
        if not self._config.verification_token:
            return [*found, Finding(True, f"{token} is not set, so {url} was not tried", where)]
        return [*found, await self._handshake(url)]

    async def _handshake(self, url: str) -> Finding:
        """As the developer console does it when the address is saved (feishu.md 9.1)."""
        challenge = secrets.token_hex(8)
        asked = {"challenge": challenge, "token": self._config.verification_token, "type": "url_verification"}
        try:
            answer = await self._outbound.call(
                "POST", url, {"Content-Type": JSON}, msgspec.json.encode(asked), timeout_seconds=HANDSHAKE_SECONDS
            )
        except (NotSent, NoAnswer) as error:
            return Finding(False, f"{url} does not answer: {error}", "does `postbell serve` run, and the proxy?")
        if answer.status == 200 and msgspec.json.encode({"challenge": challenge}) == answer.body:
            return Finding(True, f"{url} answers the platform's handshake")
        if answer.status in (401, 403):
            mend = f"restart the server; does it have this {self._variable('verification_token')}?"
            return Finding(False, f"{url} refuses the platform's handshake", mend)
        mend = "does the proxy hand the path /webhooks/… on to `postbell serve`?"
        return Finding(False, f"{url} does not answer as ours (HTTP {answer.status})", mend)


def _scope_mend(names: Sequence[str], told: Mapping[Any, Any]) -> str:
    if any(name in told for name in names):
        return "it is asked for and not granted: release the version that has it, and have it approved"
    return f"developer console, Permissions & Scopes: add {names[0]}, {RELEASE}"


def _versions(app: Mapping[str, Any]) -> Sequence[Finding]:
    if "online_version_id" in app and not app["online_version_id"]:
        return [
            Finding(False, "no version of the app is released", "developer console, Version Management: release one")
        ]
    if app.get("unaudit_version_id"):
        return [Finding(True, "a version of the app waits for approval", "have it approved: it is not in force yet")]
    return []


def _events(subscribed: Sequence[Any]) -> Sequence[Finding]:
    found = [
        Finding(not needed, f"no event {name}", f"developer console, Events & Callbacks: add it, {RELEASE}")
        for needed, names in ((True, NEEDED_EVENTS), (False, USEFUL_EVENTS))
        for name in names
        if name not in subscribed
    ]
    return found or [Finding(True, "all events are subscribed")]


def _addresses(event: Mapping[str, Any], called: Mapping[str, Any], ours: str) -> Sequence[Finding]:
    """The console has two, one for events and one for callbacks."""
    told = {"events": event.get("request_url"), "callbacks": called.get("request_url")}
    return [
        Finding(False, f"the console sends {what} to {url[:200]}", f"enter {ours} there, {RELEASE}")
        for what, url in told.items()
        if isinstance(url, str) and url and url != ours
    ]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> Sequence[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
