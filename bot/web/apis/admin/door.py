"""Who may administer: the bearer of ADMIN_TOKEN, and keys of operators' accounts."""

import hashlib
import hmac
from datetime import UTC, datetime

from aiohttp import web

from bot.rules import buckets
from bot.usecases.audit import Actor
from bot.usecases.keys import KeyHolder
from bot.web.keys import Door, Forbidden, Standing, given
from bot.web.surface import Call

TOKEN = KeyHolder(0, 0, "", datetime.max.replace(tzinfo=UTC), operator=True)


class AdminDoor:
    """Stands before the common door.  ``token``: empty when there is none."""

    def __init__(self, door: Door, token: str) -> None:
        self._door, self._digest = door, _digest(token) if token else None

    async def holder(self, request: web.Request) -> KeyHolder:
        """Raises Unauthorised, Forbidden, TooManyFailures, StorageError.

        An address with too many failures behind it learns no more whether a token is right.
        """
        said = given(request)
        may_try = self._door.standing(self.address(request)).remaining > 0
        if said and self._digest and may_try and hmac.compare_digest(_digest(said), self._digest):
            return TOKEN
        holder = await self._door.holder(request)
        if not holder.operator:
            raise Forbidden
        return holder

    async def take_turn(self, key_id: int) -> buckets.Rate:
        """Raises Unauthorised, StorageError.  The token's rate is each process's own."""
        if key_id == TOKEN.key_id:
            return self._door.take_turn_here(key_id)
        return await self._door.take_turn(key_id)

    def standing(self, address: str) -> Standing:
        return self._door.standing(address)

    def address(self, request: web.Request) -> str:
        return self._door.address(request)


def actor(call: Call) -> Actor:
    """Whom the audit log names."""
    if call.key_id == TOKEN.key_id:
        return Actor("admin token", address=call.address)
    return Actor("operator", call.account_id, call.key_prefix, call.address)


def _digest(text: str) -> bytes:
    """Of equal length whatever was said, so that comparing tells nothing."""
    return hashlib.sha256(text.encode(errors="replace")).digest()
