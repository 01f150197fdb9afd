"""Asks WebSub hubs for what feeds offer, renews it, and leaves: claim, ask, settle (feeds.md 11.2 and 11.5)."""

from collections.abc import Sequence
from urllib.parse import urlencode, urljoin

import structlog

from adapters.http import Answer, NoAnswer, NotSent, Outbound
from bot.gate import Gate
from bot.jobs.handing_back import hand_back
from bot.jobs.pump import Pump
from bot.rules.hubs import LEASE_WISHED
from bot.rules.plain_text import one_line
from bot.rules.vault import Vault
from bot.usecases import hubs
from bot.usecases.hubs import Ask
from storage.database import Database, StorageError

SLOTS = 4
SECONDS = 20.0
REDIRECTS = frozenset({307, 308})  # to another hub, which is asked the same
MAX_REDIRECTS = 3
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

log = structlog.get_logger("hubs")


class Hubs:
    """Keeps a few requests going.  ``base_url``: under which hubs reach us, without a slash at its end."""

    def __init__(self, database: Database, outbound: Outbound, vault: Vault, gate: Gate, base_url: str) -> None:
        self._database, self._outbound, self._vault, self._gate = database, outbound, vault, gate
        self._base_url = base_url
        self.pump: Pump[Ask] = Pump(self._claim, self._work, SLOTS, ahead=SLOTS)

    async def tick(self) -> None:
        await self.pump.tick()

    async def drain(self, seconds: float) -> None:
        """Claim no more and let requests end; what was not asked is due again at once."""
        self.pump.stop()
        await hand_back(self._database, hubs.hand_back, await self.pump.drain(seconds))

    async def _claim(self, room: int) -> tuple[Sequence[Ask], bool]:
        if not self._gate.writable:
            return (), False
        try:
            return await self._database.write(hubs.take_due, self._vault, room)
        except StorageError as error:
            self._gate.failed(error)
            log.warning("hubs not claimed", reason=str(error))
            return (), False

    async def _work(self, ask: Ask) -> None:
        reason = await self._ask(ask)
        if reason:
            log.info("a hub did not take it", hub=ask.hub, mode=ask.mode, reason=reason)
        try:
            if reason:
                await self._database.write(hubs.failed, ask, reason)
            else:
                await self._database.write(hubs.accepted, ask)
        except StorageError as error:  # the lease runs out, and it is asked again
            self._gate.failed(error)

    async def _ask(self, ask: Ask) -> str:
        """Empty when the hub has taken it, else why not."""
        form = {
            "hub.callback": f"{self._base_url}/webhooks/websub/{ask.token}",
            "hub.mode": ask.mode,
            "hub.topic": ask.topic,
        }
        if ask.mode == "subscribe":
            form |= {"hub.lease_seconds": str(int(LEASE_WISHED.total_seconds())), "hub.secret": ask.secret}
        try:
            answer = await self._post(ask.hub, urlencode(form).encode())
        except (NotSent, NoAnswer) as error:
            return str(error)
        if 200 <= answer.status < 300:
            return ""
        return f"the hub answered {answer.status}: {one_line(answer.body[:300].decode(errors='replace'))}"

    async def _post(self, url: str, body: bytes) -> Answer:
        answer = await self._send(url, body)
        for _ in range(MAX_REDIRECTS):
            if answer.status not in REDIRECTS:
                break
            try:
                url = urljoin(url, answer.headers.get("Location", ""))
            except ValueError:
                break
            answer = await self._send(url, body)
        return answer

    async def _send(self, url: str, body: bytes) -> Answer:
        return await self._outbound.send("POST", self._secure(url), FORM, body, timeout_seconds=SECONDS)

    def _secure(self, url: str) -> str:
        """The secret goes along, so a hub that is named by http: is asked over https:; ``EGRESS_ALLOW`` may differ."""
        try:
            return self._outbound.egress.check_url(url, "webhook")
        except ValueError:
            return f"https:{url[5:]}" if url.startswith("http:") else url
