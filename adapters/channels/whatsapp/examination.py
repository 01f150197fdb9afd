"""How a number's set-up looks from the platform's side, step by step, and what to do about what is missing."""

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from adapters.base import Finding
from adapters.channels.whatsapp import codes
from adapters.channels.whatsapp.messages import languages
from adapters.channels.whatsapp.settings import Config
from adapters.http import Answer, NoAnswer, NotSent, Outbound

Call = Callable[[str], Awaitable[Answer]]
"""GET of what stands after the version.  Raises NotSent, NoAnswer."""

TOKEN_REFUSED: Final = 190
FORBIDDEN: Final = (3, 10, *range(200, 300))
PERMISSIONS: Final = "whatsapp_business_messaging and whatsapp_business_management"
FIELDS: Final = "display_phone_number,verified_name,quality_rating,code_verification_status"
TEMPLATE_FIELDS: Final = "name,language,status,category"
PROOF: Final = "appsecret_proof"
HANDSHAKE_SECONDS: Final = 5.0
TEMPLATES: Final = (
    ("code_template", "AUTHENTICATION", "no codes are sent"),
    ("alert_template", "", "posts wait while the person has not written for 24 hours"),
    ("nudge_template", "", "nobody is told that posts wait"),
)
"""Setting, the category that it must have, and what is missed without it."""


class Refused(Exception):
    """The platform did not tell.  ``code``: its own, -1 where it has said none."""

    def __init__(self, reason: str, code: int = -1) -> None:
        super().__init__(reason)
        self.code = code


class Examination:
    """Of one number."""

    def __init__(self, outbound: Outbound, call: Call, variable: Callable[[str], str], config: Config) -> None:
        """``variable``: from a field of the settings to the name people set it by."""
        self._outbound, self._call, self._variable, self._config = outbound, call, variable, config

    async def findings(self, callback_url: str) -> Sequence[Finding]:
        """In the order in which they are mended."""
        config = self._config
        if not (config.token or config.phone_number_id or config.app_secret or config.verify_token):
            return [Finding(True, "not set up")]
        found = self._unset()
        if config.token and config.phone_number_id:
            number = await self._number()
            found += [*number, *(await self._account() if number[0].ok else ())]
        found += await self._callback(callback_url)
        return [replace(one, what=self._harmless(one.what)) for one in found]

    def _harmless(self, text: str) -> str:
        """What platforms and proxies say might repeat what they were told."""
        config = self._config
        for secret in filter(None, (config.token, config.app_secret, config.verify_token)):
            text = text.replace(secret, "…")
        return text

    def _unset(self) -> list[Finding]:
        missing = (
            ("token", "nothing can be sent", f"make a permanent token of a system user with {PERMISSIONS}"),
            ("phone_number_id", "nothing can be sent", "copy it from WhatsApp > API Setup; it is not the number"),
            ("app_secret", "every callback is refused", "copy it from App settings > Basic"),
            ("verify_token", "the callback cannot be saved", "make one up, and enter it beside the callback's address"),
        )
        return [
            Finding(False, f"{self._variable(field)} is not set: {missed}", mend)
            for field, missed, mend in missing
            if not getattr(self._config, field)
        ]

    # The number

    async def _number(self) -> Sequence[Finding]:
        config = self._config
        try:
            number = await self._ask(config.phone_number_id, fields=FIELDS)
        except Refused as refused:
            return [Finding(False, f"no access to the number: {refused}", self._number_mend(refused))]
        name = str(number.get("verified_name", ""))[:60]
        told = str(number.get("display_phone_number", ""))[:40]
        found = [Finding(True, f"the token reaches {told}, {name!r}"), *self._display(told)]
        if number.get("quality_rating") == "RED":
            found.append(Finding(True, "the number's quality is red", "send less, or Meta will limit the number"))
        if number.get("code_verification_status") == "NOT_VERIFIED":
            mend = "WhatsApp Manager > Phone numbers: verify it by the code that Meta sends, and register it"
            found.append(Finding(False, "the number is not verified", mend))
        return [*found, *await self._app_secret()]

    def _number_mend(self, refused: Refused) -> str:
        token, number, code = self._variable("token"), self._variable("phone_number_id"), refused.code
        if PROOF in str(refused):
            return "App settings > Advanced: switch “Require app secret” off"
        if code == TOKEN_REFUSED:
            return f"make a new permanent token of a system user for {token}; one of the console lasts a day"
        if code in FORBIDDEN:
            return f"give the system user the account and a token with {PERMISSIONS}"
        if code in (codes.NO_SUCH_ID, 100):
            return f"{number} is the id beside the number, not the number; the system user must have the account"
        if code == -1:
            return f"can this machine reach {self._config.base_url}?"
        return f"is {self._variable('api_version')}={self._config.api_version} still served?"

    def _display(self, told: str) -> Sequence[Finding]:
        """Ours for links is the number's own."""
        ours, theirs = (re.sub(r"\D", "", text) for text in (self._config.display_number, told))
        if not theirs or ours == theirs:
            return []
        what = f"{self._variable('display_number')} is {'another number' if ours else 'not set: no links to a chat'}"
        return [Finding(True, what, f"set it to +{theirs}")]

    async def _app_secret(self) -> Sequence[Finding]:
        """The platform checks a proof made with it against the token's app."""
        config = self._config
        if not config.app_secret:
            return []
        proof = hmac.new(config.app_secret.encode(), config.token.encode(), sha256).hexdigest()
        try:
            await self._ask(config.phone_number_id, fields="id", **{PROOF: proof})
        except Refused as refused:
            if PROOF not in str(refused):
                return []
            what = f"{self._variable('app_secret')} is not the secret of the token's app: callbacks will be refused"
            return [Finding(False, what, "copy it from App settings > Basic of that app")]
        return [Finding(True, "the app's secret fits the token")]

    # The business account

    async def _account(self) -> Sequence[Finding]:
        account = self._config.business_account_id
        unset = [
            Finding(True, f"{self._variable(field)} is not set: {missed}", "have a template approved, and set its name")
            for field, _, missed in TEMPLATES
            if not getattr(self._config, field)
        ]
        if not account:
            what = f"{self._variable('business_account_id')} is not set: subscription and templates were not looked at"
            return [*unset, Finding(True, what, "copy it from WhatsApp > API Setup")]
        found = [await self._subscription(account)]
        for field, category, missed in TEMPLATES:
            if setting := getattr(self._config, field):
                found.append(await self._template(account, field, setting, category, missed))
        return [*found, *unset]

    async def _subscription(self, account: str) -> Finding:
        try:
            apps = await self._ask(f"{account}/subscribed_apps")
        except Refused as refused:
            mend = f"is {self._variable('business_account_id')} right, and has the token {PERMISSIONS}?"
            return Finding(False, f"no access to the business account: {refused}", mend)
        if not apps.get("data"):
            mend = f"POST /{account}/subscribed_apps with the token, or WhatsApp > Configuration"
            return Finding(False, "no app is subscribed to the business account: nothing people write arrives", mend)
        return Finding(True, "an app is subscribed to the business account")

    async def _template(self, account: str, field: str, setting: str, category: str, missed: str) -> Finding:
        name, tried = languages(setting, "en")
        named = f"{self._variable(field)}, the template {name},"
        try:
            told = await self._ask(f"{account}/message_templates", name=name, fields=TEMPLATE_FIELDS, limit="100")
        except Refused as refused:
            mend = f"has the token {PERMISSIONS}?"
            return Finding(False, f"{named} cannot be looked at: {refused}", mend)
        found = [one for one in _rows(told.get("data")) if one.get("name") == name]  # the filter finds parts of names
        approved = [one for one in found if one.get("status") == "APPROVED"]
        if not found:
            return Finding(
                False, f"{named} does not exist: {missed}", "WhatsApp Manager > Message templates: create it"
            )
        if not approved:
            status = ", ".join(sorted({str(one.get("status"))[:40] for one in found}))
            return Finding(False, f"{named} is not approved ({status}): {missed}", "wait, or put right what Meta says")
        if category and not any(one.get("category") == category for one in approved):
            return Finding(False, f"{named} is not of the category {category}", "create one that is")
        spoken = sorted(str(one.get("language"))[:20] for one in approved)
        if not set(tried) & set(spoken):
            mend = f"set it as {name}:{spoken[0]}" if ":" in setting or len(spoken) == 1 else "add one in English"
            return Finding(":" not in setting, f"{named} is there in {', '.join(spoken)}, not in {tried[0]}", mend)
        return Finding(True, f"{named} is approved ({', '.join(spoken)})")

    # The way in

    async def _callback(self, url: str) -> Sequence[Finding]:
        if not self._config.verify_token:
            return []
        if not url:
            mend = "set it to the https:// address under which the platform reaches this machine"
            return [Finding(False, "WORKER_PUBLIC_BASE_URL is not set: the platform cannot call us", mend)]
        if not url.startswith("https://") and self._config.base_url.startswith("https://"):
            mend = "put a reverse proxy or a tunnel with HTTPS in front"
            return [Finding(False, f"{url} is not https: the platform will not call it", mend)]
        return [await self._handshake(url)]

    async def _handshake(self, url: str) -> Finding:
        """As the console does it when the address is saved (whatsapp.md 2)."""
        challenge = str(secrets.randbelow(10**9))
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": self._config.verify_token}
        try:
            answer = await self._outbound.call(
                "GET", f"{url}?{urlencode(query)}", {}, b"", timeout_seconds=HANDSHAKE_SECONDS
            )
        except (NotSent, NoAnswer) as error:
            return Finding(False, f"{url} does not answer: {error}", "does `postbell serve` run, and the proxy?")
        if answer.status == 200 and answer.body == challenge.encode():
            return Finding(True, f"{url} answers the platform's handshake")
        if answer.status in (401, 403):
            mend = f"restart the server; does it have this {self._variable('verify_token')}?"
            return Finding(False, f"{url} refuses the platform's handshake", mend)
        mend = "does the proxy hand the path /webhooks/… on to `postbell serve`?"
        return Finding(False, f"{url} does not answer as ours (HTTP {answer.status})", mend)

    async def _ask(self, path: str, **query: str) -> Mapping[str, Any]:
        """What the platform tells.  Raises Refused."""
        try:
            answer = await self._call(f"{path}?{urlencode(query)}" if query else path)
        except (NotSent, NoAnswer) as error:
            raise Refused(str(error)) from None
        if refusal := codes.read(answer.status, answer.body, self._config.token):
            raise Refused(refusal.reason, refusal.code)
        try:
            document = msgspec.json.decode(answer.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            document = None
        if answer.status != 200 or not isinstance(document, dict):
            raise Refused(f"the answer {answer.status} is not the platform's")
        return document


def _rows(value: Any) -> Sequence[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
