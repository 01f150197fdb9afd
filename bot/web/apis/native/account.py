"""``/api/v1/account``: the plan, and what of it is used."""

from bot.usecases import keys
from bot.usecases.native import account
from bot.web.apis.native import times, wire
from bot.web.apis.native.desk import Desk
from bot.web.surface import Call, Route


class Account:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        return [Route("GET", "/api/v1/account", self.get_account, "Your plan, and what of it is used", wire.Account)]

    async def get_account(self, call: Call) -> wire.Account:
        desk = self._desk
        found = await desk.database.read(account.overview, desk.plans, call.account_id, desk.phones)
        row, limits = found.row, found.limits
        return wire.Account(
            id=keys.public_id(row.id, row.created_at),
            email=row.email,
            name=row.name or None,
            plan=row.plan,
            credits=row.credits,
            apiKeys=wire.Amount(found.api_keys, limits.api_keys),
            phones=wire.Amount(found.phones, limits.phones),
            subscriptions=wire.Amount(found.subscriptions, limits.subscriptions),
            destinations=wire.Amount(found.destinations, None),
            createdAt=times.shown(row.created_at),
        )
