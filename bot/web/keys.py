"""Who calls with which API key, and how often they may (reliability page, section 10).

What was found is remembered for five seconds, so most requests ask no database; a key that is deleted here is
forgotten here at once.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import structlog
from aiohttp import web

from bot.clock import Clock, monotonic
from bot.rules import buckets, codes
from bot.rules import keys as rules
from bot.usecases import keys
from bot.web import callers
from storage.database import Database, StorageError

REMEMBER_SECONDS = 5.0
LARGEST = 10_000  # keys, and addresses, that are remembered at once
FAILURES = 100  # of one address in
FAILURES_SECONDS = 60.0
NOTE_SECONDS = 1.0  # in which uses are gathered for one write

log = structlog.get_logger("keys")
K = TypeVar("K")
V = TypeVar("V")


class Unauthorised(Exception):
    """No key, or none that is good, whatever the reason."""


class Forbidden(Exception):
    """The key is good, and its account may not do this."""


class TooManyFailures(Exception):
    """One address has tried too many keys that are none."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a caller is told of a limit in every answer."""

    limit: int
    remaining: int
    reset: int  # Unix seconds

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }


class Door:
    """Lets callers in.  ``tick``: seconds, which only ever grow."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        trusted: callers.Networks = (),
        tick: Callable[[], float] = monotonic,
    ) -> None:
        self._database, self._clock, self._tick, self._trusted = database, clock, tick, trusted
        self._known: Recent[bytes, tuple[keys.KeyHolder, float]] = Recent(LARGEST)
        self._failures = Failures(tick)
        self._full_at: Recent[int, datetime] = Recent(LARGEST)
        self._noted: Recent[int, datetime] = Recent(LARGEST)
        self._used: dict[int, datetime] = {}
        self._noting: asyncio.Task[None] | None = None
        self._started = (clock(), tick())

    def address(self, request: web.Request) -> str:
        return callers.address(request, self._trusted)

    async def holder(self, request: web.Request) -> keys.KeyHolder:
        """Raises Unauthorised, Forbidden, TooManyFailures, StorageError."""
        found = await self._find(given(request))
        if found is None:
            raise self._failed(self.address(request))
        if found.disabled:
            raise Forbidden
        self._note(found.key_id)
        return found

    async def take_turn(self, key_id: int) -> buckets.Rate:
        """Raises Unauthorised, StorageError."""
        if self._database.engine == "postgresql":
            try:
                return await self._database.write(keys.take_turn, key_id)
            except keys.KeyGone:
                self.forget(key_id)
                raise Unauthorised from None
        return self.take_turn_here(key_id)

    def take_turn_here(self, key_id: int) -> buckets.Rate:
        """Counted in this process alone."""
        rate = buckets.take(self._full_at.get(key_id), self._steady_now())
        self._full_at[key_id] = rate.full_at
        return rate

    def forget(self, key_id: int) -> None:
        """The key was deleted."""
        self._forget(lambda holder: holder.key_id == key_id)

    def forget_account(self, account_id: int) -> None:
        """The account was changed: what it may do is looked up again."""
        self._forget(lambda holder: holder.account_id == account_id)

    def _forget(self, which: Callable[[keys.KeyHolder], bool]) -> None:
        for digest in [digest for digest, (holder, _) in self._known.items() if which(holder)]:
            del self._known[digest]

    def standing(self, address: str) -> Standing:
        """How many failures an address has left: what is told where there is no key."""
        count, left = self._failures.standing(address)
        now = self._clock().timestamp()
        return (
            Standing(FAILURES, FAILURES, int(now))
            if left <= 0
            else Standing(FAILURES, max(FAILURES - count, 0), int(now + left) + 1)
        )

    async def close(self) -> None:
        """Write what is known of the last uses."""
        if self._noting:
            self._noting.cancel()
        await self._write_uses()

    # Knowing a key

    async def _find(self, key: str | None) -> keys.KeyHolder | None:
        if key is None or not rules.looks_like_key(key):
            return None
        digest = rules.digest(key)
        if (known := self._known.get(digest)) and self._tick() < known[1]:
            return known[0] if known[0].expires_at > self._clock() else None
        if found := await self._database.read(keys.holder, digest):
            self._known[digest] = (found, self._tick() + REMEMBER_SECONDS)
        return found

    def _failed(self, address: str) -> Exception:
        return TooManyFailures() if self._failures.add(address) else Unauthorised()

    def _steady_now(self) -> datetime:
        """A time for measuring rates: it goes on evenly when the clock is set."""
        began, at = self._started
        return began + timedelta(seconds=self._tick() - at)

    # When a key was last used: worth a write a minute, and not worth any caller's time

    def _note(self, key_id: int) -> None:
        now, last = self._clock(), self._noted.get(key_id)
        if last and abs(now - last) < rules.USED_EVERY:
            return
        self._noted[key_id] = self._used[key_id] = now
        if self._noting is None or self._noting.done():
            self._noting = asyncio.get_running_loop().create_task(self._note_soon())

    async def _note_soon(self) -> None:
        await asyncio.sleep(NOTE_SECONDS)
        await self._write_uses()

    async def _write_uses(self) -> None:
        used, self._used = self._used, {}
        if used:
            try:
                await self._database.write(keys.note_use, used)
            except StorageError as error:
                log.warning("when keys were used was not noted", reason=str(error))


class Failures:
    """How often callers from each network have failed to show who they are, lately."""

    def __init__(self, tick: Callable[[], float] = monotonic) -> None:
        self._tick = tick
        self._counts: Recent[str, tuple[int, float]] = Recent(LARGEST)

    def add(self, address: str) -> bool:
        """Once more; True: too often."""
        network, now = codes.network(address), self._tick()
        count, until = self._counts.get(network) or (0, 0.0)
        if until <= now:
            count, until = 0, now + FAILURES_SECONDS
        self._counts[network] = (count + 1, until)
        return count >= FAILURES

    def standing(self, address: str) -> tuple[int, float]:
        """How often, and the seconds until that is forgotten."""
        count, until = self._counts.get(codes.network(address)) or (0, 0.0)
        return count, until - self._tick()


class Recent(OrderedDict[K, V], Generic[K, V]):
    """A dictionary of the ``largest`` many that were set last."""

    def __init__(self, largest: int) -> None:
        super().__init__()
        self._largest = largest

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        if len(self) > self._largest:
            self.popitem(last=False)


def given(request: web.Request) -> str | None:
    """The key in the headers; None without one, or when they name different ones."""
    found = set(request.headers.getall("x-api-key", []))
    for value in request.headers.getall("Authorization", []):
        scheme, _, key = value.partition(" ")
        found.add(key.strip() if scheme.lower() == "bearer" else "")
    return found.pop() if len(found) == 1 else None
