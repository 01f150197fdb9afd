"""``/admin/v1/accounts``: who there is, on which plan, with which limits and credits."""

from collections.abc import Callable
from typing import Any

import msgspec

from bot.errors import Invalid
from bot.rules import plans
from bot.rules.vault import Vault
from bot.usecases.administration import accounts, keys
from bot.usecases.idempotency import Answer
from bot.usecases.keys import NewKey, public_id
from bot.web.apis.admin import wire
from bot.web.apis.admin.door import actor
from bot.web.apis.admin.reading import number, place
from bot.web.keys import Door
from bot.web.once import once
from bot.web.surface import Call, Route, as_json
from storage.database import Database

SLICES_AT_ONCE = 20  # of a deleted account's things, before the answer; the janitor does the rest
ABSENT = ["there is no account 7"]
ID = {"account": "its id"}


class Accounts:
    """``known``: the plans; ``plan``: of a new account unless it says another."""

    def __init__(self, database: Database, vault: Vault, door: Door, known: plans.Plans, plan: str) -> None:
        self._database, self._vault, self._door, self._plans, self._plan = database, vault, door, known, plan

    def routes(self) -> list[Route]:
        one = "/admin/v1/accounts/{account}"
        changed: dict[str, Any] = {"parameters": ID, "errors": {404: ABSENT}}
        conflicting: dict[str, Any] = {"parameters": ID, "errors": {404: ABSENT, 409: ["the account is disabled"]}}
        return [
            Route(
                *("GET", "/admin/v1/accounts", self.list_accounts, "Accounts, the latest first", wire.AccountList),
                query=wire.AccountSearch,
                errors={400: ["limit must be from 1 to 200"]},
            ),
            Route(
                *("POST", "/admin/v1/accounts", self.create_account, "Make an account", wire.AccountDetail),
                status=201,
                once=True,
                body=wire.AccountWish,
                errors={400: ["there is no plan 'gold'"], 409: ["there is an account for ada@example.org already"]},
            ),
            Route("GET", one, self.show_account, "One account, and what it has", wire.AccountDetail, **changed),
            Route(
                *("PUT", f"{one}/plan", self.change_plan, "Put it on a plan", wire.AccountDetail),
                body=wire.PlanWish,
                **changed,
            ),
            Route(
                *("PUT", f"{one}/operator", self.change_operator, "Let it do everything, or no more than others"),
                wire.AccountDetail,
                body=wire.OperatorWish,
                **changed,
            ),
            Route(
                *("PUT", f"{one}/limits", self.change_limits, "Give it limits of its own", wire.AccountDetail),
                body=wire.LimitsWish,
                **changed,
            ),
            Route(
                *("POST", f"{one}/credits", self.change_credits, "Set or add credits", wire.AccountDetail),
                once=True,
                body=wire.CreditsWish,
                **changed,
            ),
            Route(
                *("POST", f"{one}/disable", self.disable_account, "It may do nothing, and gets nothing"),
                wire.AccountDetail,
                body=wire.WhyWish,
                **conflicting,
            ),
            Route(
                *("POST", f"{one}/enable", self.enable_account, "Let it in again"), wire.AccountDetail, **conflicting
            ),
            Route(
                *("DELETE", one, self.delete_account, "Delete it with everything that it has"), wire.Erased, **changed
            ),
            Route("GET", f"{one}/keys", self.list_keys, "Its API keys", wire.KeyList, **changed),
            Route(
                *("POST", f"{one}/keys", self.create_any_key, "Make a key; it is shown this once", wire.KeyOnce),
                status=201,
                once=True,
                body=wire.NewKeyWish,
                **conflicting,
            ),
            Route(
                *("DELETE", f"{one}/keys/{{prefix}}", self.delete_any_key, "Delete a key", wire.Changed),
                parameters=ID | {"prefix": "the key's first 12 characters"},
                errors={404: [*ABSENT, "api key not found"]},
            ),
        ]

    async def list_accounts(self, call: Call) -> wire.AccountList:
        query: wire.AccountSearch = call.query
        found = await self._database.read(accounts.page, query.search or "", *place(query))
        return wire.AccountList([self._record(row) for row in found.rows], found.before)

    async def create_account(self, call: Call) -> Answer:
        wish: wire.AccountWish = call.body
        _check_length("name", wish.name)
        return await self._once(
            call,
            lambda made: Answer(201, as_json(self._detail(made))),
            accounts.create,
            actor(call),
            self._plans,
            email=wish.email,
            name=wish.name or "",
            plan=wish.plan or self._plan,
            operator=bool(wish.operator),
        )

    async def show_account(self, call: Call) -> wire.AccountDetail:
        return self._detail(await self._database.read(accounts.get, number(call, "account")))

    async def change_plan(self, call: Call) -> wire.AccountDetail:
        wish: wire.PlanWish = call.body
        return await self._changed(call, accounts.set_plan, self._plans, number(call, "account"), wish.plan)

    async def change_operator(self, call: Call) -> wire.AccountDetail:
        wish: wire.OperatorWish = call.body
        return await self._changed(call, accounts.set_operator, number(call, "account"), wish.operator)

    async def change_limits(self, call: Call) -> wire.AccountDetail:
        wish: wire.LimitsWish = call.body
        return await self._changed(call, accounts.set_overrides, number(call, "account"), wish.limits)

    async def change_credits(self, call: Call) -> Answer:
        wish: wire.CreditsWish = call.body
        if [wish.set is None, wish.add is None, not wish.uncounted].count(False) != 1:
            raise Invalid("say one of set, add and uncounted")
        change: Any = accounts.set_credits if wish.add is None else accounts.add_credits
        credits = wish.set if wish.add is None else wish.add
        account_id = number(call, "account")
        answer = await self._once(call, self._detail, change, actor(call), account_id, credits)
        self._door.forget_account(account_id)
        return answer

    async def disable_account(self, call: Call) -> wire.AccountDetail:
        wish: wire.WhyWish = call.body
        return await self._changed(call, accounts.disable, number(call, "account"), wish.reason or "")

    async def enable_account(self, call: Call) -> wire.AccountDetail:
        return await self._changed(call, accounts.enable, number(call, "account"))

    async def delete_account(self, call: Call) -> wire.Erased:
        account_id = number(call, "account")
        await self._database.write(accounts.delete, actor(call), account_id)
        self._door.forget_account(account_id)
        for _ in range(SLICES_AT_ONCE):
            if not await self._database.write(accounts.erase):
                return wire.Erased(done=True)
        return wire.Erased(done=False)

    # Keys

    async def list_keys(self, call: Call) -> wire.KeyList:
        rows = await self._database.read(keys.of_account, number(call, "account"))
        return wire.KeyList(
            [wire.KeyRecord(row.prefix, row.name, row.created_at, row.last_used_at, row.expires_at) for row in rows]
        )

    async def create_any_key(self, call: Call) -> Answer:
        wish: wire.NewKeyWish = call.body
        _check_length("name", wish.name)
        account_id, name = number(call, "account"), wish.name or "Default"
        return await self._once(call, _key_once, keys.create, actor(call), account_id, name)

    async def delete_any_key(self, call: Call) -> wire.Changed:
        account_id, prefix = number(call, "account"), call.path["prefix"]
        key_id = await self._database.write(keys.remove, actor(call), account_id, prefix)
        self._door.forget(key_id)
        return wire.Changed()

    # What is answered

    async def _changed(self, call: Call, change: Callable[..., accounts.Shown], *args: Any) -> wire.AccountDetail:
        """After a change, the account as it is now; what it may do is looked up again."""
        found = await self._database.write(change, actor(call), *args)
        self._door.forget_account(number(call, "account"))
        return self._detail(found)

    async def _once(self, call: Call, show: Callable[[Any], Any], use_case: Any, *args: Any, **kwargs: Any) -> Answer:
        return await once(self._database, self._vault, call, show, use_case, *args, **kwargs)

    def _detail(self, found: accounts.Shown) -> wire.AccountDetail:
        row, usage = found
        return wire.AccountDetail(
            self._record(row), wire.UsageRecord(usage.api_keys, usage.phones, usage.subscriptions)
        )

    def _record(self, row: Any) -> wire.AccountRecord:
        limits = plans.limits(self._plans, row.plan, row.overrides)
        return wire.AccountRecord(
            id=row.id,
            user_id=public_id(row.id, row.created_at),
            email=row.email,
            name=row.name,
            plan=row.plan,
            operator=row.operator,
            credits=row.credits,
            limits=wire.LimitsRecord(limits.api_keys, limits.phones, limits.subscriptions),
            own_limits=msgspec.json.decode(row.overrides) if row.overrides else {},
            disabled_at=row.disabled_at,
            disabled_reason=row.disabled_reason,
            created_at=row.created_at,
        )


def _key_once(made: NewKey) -> Answer:
    shown = wire.KeyOnce(made.key, made.prefix, made.name, made.created_at, made.expires_at)
    return Answer(201, as_json(shown))


def _check_length(field: str, text: str | None) -> None:
    if text and len(text) > 100:
        raise Invalid(f"{field} is too long")
