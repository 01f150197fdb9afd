"""The quick start of the alerts API's document, step by step, against the real server between stand-ins.

``python -m tests.quick_start [--by stream|polling] [--accounts N] [--posts N] [--interval SECONDS]`` makes a key,
starts ``./dev serve``, registers a phone, enters the code that the phone was sent, follows X accounts and waits for
their posts.  It says how long they took from X to the phones.  More accounts than one belong to phones of their own,
for WhatsApp takes one message for a person in six seconds.
"""

import argparse
import asyncio
import os
import random
import re
import signal
import sys
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any, Literal

from aiohttp import ClientError, ClientSession

from bot import ground
from bot.clock import monotonic, utc_now
from bot.settings import load
from bot.usecases import accounts, destinations, keys
from storage.database import Database, Work
from tests.crash.server import free_port
from tests.fakes.whatsapp import FakeWhatsApp, Person, Shown, Template
from tests.fakes.whatsapp.platform import APP_SECRET, PHONE_NUMBER_ID, TOKEN, VERIFY_TOKEN
from tests.fakes.x import BEARER, FakeX

ROOT = Path(__file__).parents[1]
PATIENCE = 60.0  # seconds in which whatever must happen has happened, on a busy machine too
FIRST = 34_612_345_678  # number of the phone that the document registers
KEYS = 10  # each may ask 20 times a second
WORDS = "It flies, and it lands again"

By = Literal["stream", "polling"]


@dataclass
class Told:
    """What was seen, in seconds from X to the phone."""

    waits: list[float] = field(default_factory=list)
    posted: dict[str, float] = field(default_factory=dict)  # by what the post says
    seen: dict[str, float] = field(default_factory=dict)
    status: str = ""  # of the first alert, as the API has it

    @property
    def p50(self) -> float:
        return quantiles(self.waits, n=100)[49] if len(self.waits) > 1 else self.waits[0]

    @property
    def p99(self) -> float:
        return quantiles(self.waits, n=100)[98] if len(self.waits) > 1 else self.waits[0]


SERVE = ("sh", str(ROOT / "dev"), "serve")


async def play(
    folder: Path,
    *,
    by: By,
    accounts: int = 1,
    posts: int = 1,
    interval: float = 5.0,
    serve: Sequence[str] = SERVE,
) -> Told:
    """All of the quick start; ``interval``: X_POLL_SECONDS.  Fails where the document promises something else."""
    async with FakeX() as x, FakeWhatsApp() as whatsapp:
        whatsapp.add(
            Template("code", parameters=1, category="AUTHENTICATION"),
            Template("alert", parameters=3, category="UTILITY"),
        )
        x.rules.limits.update(users=100_000, timeline=100_000, search=100_000)  # the plan's, not ours
        people = [whatsapp.person(f"+{FIRST + n}") for n in range(accounts)]
        x.user("elonmusk", "Elon Musk")
        for n in range(1, accounts):
            x.user(f"account{n}", f"Account {n}")
        settings = environment(folder, x, whatsapp, by, interval)
        made = prepare(folder, settings, accounts)
        async with serving(serve, settings) as base, ClientSession() as session:
            await whatsapp.connect(f"{base}/webhooks/whatsapp")
            return await Walk(session, base, made, x, whatsapp, people, by).go(posts)


def environment(folder: Path, x: FakeX, whatsapp: FakeWhatsApp, by: By, interval: float) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATA_DIR": str(folder / "data"),
        "MASTER_KEY": b64encode(b"k" * 32).decode(),
        "METRICS_PORT": "0",
        "LOG_LEVEL": "warning",
        "EGRESS_ALLOW": "127.0.0.1/32",
        "WHATSAPP_BASE_URL": whatsapp.url,
        "WHATSAPP_TOKEN": TOKEN,
        "WHATSAPP_PHONE_NUMBER_ID": PHONE_NUMBER_ID,
        "WHATSAPP_APP_SECRET": APP_SECRET,
        "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
        "WHATSAPP_CODE_TEMPLATE": "code",
        "WHATSAPP_ALERT_TEMPLATE": "alert",
        "X_BASE_URL": x.url,
        "X_BEARER_TOKEN": BEARER,
        "X_STREAM": "on" if by == "stream" else "off",
        "X_POLL_SECONDS": f"{interval:g}",
    }


def prepare(folder: Path, environment: dict[str, str], phones: int) -> list[str]:
    """What an operator does: an account, its keys, and phones that were verified before; answers the keys."""
    settings = load(data_dir=folder / "data", master_key=environment["MASTER_KEY"])
    ground.make_folder(settings)
    ground.migrate_now(settings)
    vault = ground.open_vault(settings)
    database = Database(settings.database, utc_now)

    def add(work: Work) -> list[str]:
        accounts.check_master_key(work, vault.fingerprint, vault.older_fingerprints)
        mine = accounts.add(work, "reader@postbell.example", plan="unlimited").id
        for n in range(1, phones):
            destinations.add(
                work, vault, account_id=mine, channel="whatsapp", lane="chat", address=f"+{FIRST + n}", secret=None,
                verified=True,
            )  # fmt: skip
        return [keys.create(work, None, account_id=mine, name=f"Key {n}").key for n in range(KEYS)]

    try:
        return database.run(add)
    finally:
        database.close()


@asynccontextmanager
async def serving(serve: Sequence[str], environment: dict[str, str]) -> AsyncIterator[str]:
    """The server as a process of its own; answers its address when it is ready."""
    port = free_port()
    program = [*serve, "--port", str(port)]
    process = await asyncio.create_subprocess_exec(
        *program, env=environment, cwd=environment["DATA_DIR"], start_new_session=True
    )
    base = f"http://127.0.0.1:{port}"
    try:
        async with ClientSession() as session:
            await until(lambda: answers(session, f"{base}/readyz"), "the server is ready")
        yield base
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), PATIENCE)


async def answers(session: ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except (ClientError, OSError):
        return False


class Walk:
    """The document's steps, in its order."""

    def __init__(
        self,
        session: ClientSession,
        base: str,
        keys: list[str],
        x: FakeX,
        whatsapp: FakeWhatsApp,
        people: list[Person],
        by: By,
    ) -> None:
        self._session, self._base, self._keys, self._by = session, base, keys, by
        self._x, self._whatsapp, self._people = x, whatsapp, people
        self._told = Told()
        whatsapp.seen = self._seen

    async def go(self, posts: int) -> Told:
        phone = f"+{FIRST}"
        state = await self._call("POST", "/phones", {"phoneNumber": phone, "displayName": "Mobile"})
        assert state["status"] == "pending_verification", state
        await until(lambda: self._whatsapp.screen(phone), "the phone is sent a code")
        code = re.search(r"\b\d{6}\b", self._whatsapp.screen(phone)[0].text)
        assert code, self._whatsapp.screen(phone)
        state = await self._call("POST", "/phones/verify", {"phoneNumber": phone, "code": code[0]})
        assert state["status"] == "verified", state
        await self._subscribe_all()
        await self._publish(posts)
        await until(lambda: len(self._told.seen) == posts, "every post is on its phone")
        self._told.waits = [self._told.seen[text] - at for text, at in self._told.posted.items()]
        await until(self._is_delivered, "the first alert is delivered")
        return self._told

    async def _subscribe_all(self) -> None:
        wish = {"xUsername": "elonmusk", "phoneNumber": f"+{FIRST}"}
        made = await self._call("POST", "/subscriptions", wish)
        assert (made["xUsername"], made["isActive"]) == ("elonmusk", True), made
        rest = iter(range(1, len(self._people)))

        async def follow(key: str) -> None:
            for n in rest:
                await self._call(
                    "POST", "/subscriptions", {"xUsername": f"account{n}", "phoneNumber": f"+{FIRST + n}"}, key
                )

        await asyncio.gather(*(follow(key) for key in self._keys))
        if self._by == "stream":
            await until(self._is_heard, "X tells of every account")

    def _is_heard(self) -> bool:
        """A rule of the stream names each account, and somebody listens."""
        named = sum(rule.value.count("from:") for rule in self._x.streaming.rules.values())
        return named >= len(self._people) and bool(self._x.streaming.connections)

    async def _publish(self, posts: int) -> None:
        """Of the first account, then of others at random, ten a second."""
        chance = random.Random(1)
        names = ["elonmusk", *(f"account{n}" for n in range(1, len(self._people)))]
        order = [names[0], *chance.sample(names[1:], k=min(posts - 1, len(names) - 1))]
        order += [names[0]] * (posts - len(order))
        for n, name in enumerate(order):
            text = f"{WORDS} {n:06}."
            self._told.posted[text] = monotonic()
            self._x.post(name, text)
            await asyncio.sleep(0.1)

    def _seen(self, person: Person, shown: Shown) -> None:
        said = " ".join((shown.text, *shown.parameters))
        if found := re.search(rf"{WORDS} \d{{6}}\.", said):
            assert found[0] not in self._told.seen, f"twice: {found[0]}"
            self._told.seen[found[0]] = monotonic()

    async def _is_delivered(self) -> bool:
        path = "/notifications"
        while True:
            page = await self._call("GET", path)
            for one in page["notifications"]:
                if one["tweetText"] == f"{WORDS} {0:06}.":
                    self._told.status = one["status"]
                    return self._told.status == "delivered"
            if "lastKey" not in page:
                return False
            path = f"/notifications?lastKey={page['lastKey']}"

    async def _call(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        headers = {"x-api-key": key or self._keys[0]}
        while True:
            async with self._session.request(method, self._base + path, json=body, headers=headers) as answer:
                if answer.status == 429 and "Retry-After" in answer.headers:
                    await asyncio.sleep(float(answer.headers["Retry-After"]))
                    continue
                assert answer.status in (200, 201), (method, path, answer.status, await answer.text())
                return await answer.json()


async def until(true: Any, what: str) -> None:
    """Return when ``true()`` is; it may be awaitable.  Fails after ``PATIENCE``."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not (await found if asyncio.iscoroutine(found := true()) else found):  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # it looks at other processes
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE:.0f} s: {what}") from None


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.quick_start", description=__doc__)
    options.add_argument("--by", choices=["stream", "polling"], default="stream")
    options.add_argument("--accounts", type=int, default=1)
    options.add_argument("--posts", type=int, default=1)
    options.add_argument("--interval", type=float, default=5.0, help="X_POLL_SECONDS")
    wanted = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="postbell-quick-") as folder:
        told = asyncio.run(play(Path(folder), **vars(wanted)))
    print(
        f"{len(told.waits)} posts of {wanted.accounts} accounts, by {wanted.by}: {told.p50:.2f} s (p50), "
        f"{told.p99:.2f} s (p99), {max(told.waits):.2f} s (longest) from X to the phone; the first is {told.status}"
    )
    sys.exit(0 if told.p99 <= 10 else 1)


if __name__ == "__main__":
    main()
