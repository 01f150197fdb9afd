"""``/admin/v1/invitations`` and ``announcements``: who may come, and what everybody is told."""

from typing import Any

from bot.rules import plans, tokens
from bot.rules.vault import Vault
from bot.usecases.administration import announcements
from bot.usecases.console import invitations
from bot.usecases.idempotency import Answer
from bot.web.apis.admin import wire
from bot.web.apis.admin.door import actor
from bot.web.apis.admin.reading import moment, number, place
from bot.web.once import once
from bot.web.surface import Call, Route, as_json
from storage.database import Database


class People:
    """``base_url``: where invitations lead to."""

    def __init__(self, database: Database, vault: Vault, known: plans.Plans, base_url: str) -> None:
        self._database, self._vault, self._plans, self._base = database, vault, known, base_url

    def routes(self) -> list[Route]:
        inviting, telling = "/admin/v1/invitations", "/admin/v1/announcements"
        return [
            Route("GET", inviting, self.list_invitations, "Links that can still be used", wire.InvitationList),
            Route(
                *("POST", inviting, self.invite, "Make a link for a new account, or for a new password"),
                wire.InvitationOnce,
                status=201,
                once=True,
                body=wire.InvitationWish,
                description="The link is shown this once, works once, and holds for a week. Postbell sends no mail: "
                "hand it over yourself.",
                errors={
                    400: ["there is no plan 'gold'"],
                    404: ["there is no such account"],
                    409: ["there is an account for ada@example.org already"],
                },
            ),
            Route(
                *("DELETE", f"{inviting}/{{invitation}}", self.withdraw_invitation, "The link works no more"),
                wire.Changed,
                parameters={"invitation": "its id"},
                errors={404: ["there is no such invitation, or it was used"]},
            ),
            Route(
                *("GET", telling, self.list_announcements, "Announcements, the latest first", wire.AnnouncementList),
                query=wire.Paging,
                errors={400: ["limit must be from 1 to 200"]},
            ),
            Route(
                *("POST", telling, self.announce, "Tell everybody, at the head of their pages"),
                wire.AnnouncementRecord,
                status=201,
                once=True,
                body=wire.AnnouncementWish,
                errors={400: [f"level must be one of {', '.join(announcements.LEVELS)}"]},
            ),
            Route(
                *("DELETE", f"{telling}/{{announcement}}", self.withdraw_announcement, "It stands nowhere any more"),
                wire.AnnouncementRecord,
                parameters={"announcement": "its id"},
                errors={404: ["there is no announcement 7, or it has ended"]},
            ),
        ]

    async def list_invitations(self, _call: Call) -> wire.InvitationList:
        rows = await self._database.read(invitations.waiting)
        return wire.InvitationList([wire.InvitationRecord(**_of_invitation(row)) for row in rows])

    async def invite(self, call: Call) -> Answer:
        wish: wire.InvitationWish = call.body
        token = tokens.new()
        url = f"{self._base}/console/invitations/{token}"
        asked = invitations.Wish(wish.email or "", wish.plan or "", bool(wish.operator), wish.account)

        def show(row: Any) -> Answer:
            return Answer(201, as_json(wire.InvitationOnce(**_of_invitation(row), url=url)))

        by = actor(call)
        return await once(self._database, self._vault, call, show, invitations.invite, by, self._plans, token, asked)

    async def withdraw_invitation(self, call: Call) -> wire.Changed:
        await self._database.write(invitations.withdraw, actor(call), number(call, "invitation"))
        return wire.Changed()

    async def list_announcements(self, call: Call) -> wire.AnnouncementList:
        found = await self._database.read(announcements.page, *place(call.query))
        return wire.AnnouncementList([_announced(row) for row in found.rows], found.before)

    async def announce(self, call: Call) -> Answer:
        wish: wire.AnnouncementWish = call.body
        asked = announcements.Wish(
            wish.text, wish.level or "info", moment("begins_at", wish.begins_at), moment("ends_at", wish.ends_at)
        )

        def show(row: Any) -> Answer:
            return Answer(201, as_json(_announced(row)))

        return await once(self._database, self._vault, call, show, announcements.make, actor(call), asked)

    async def withdraw_announcement(self, call: Call) -> wire.AnnouncementRecord:
        row = await self._database.write(announcements.withdraw, actor(call), number(call, "announcement"))
        return _announced(row)


def _of_invitation(row: Any) -> dict[str, Any]:
    names = ("id", "account_id", "email", "plan", "operator", "invited_by", "created_at", "expires_at")
    return {name: getattr(row, name) for name in names}


def _announced(row: Any) -> wire.AnnouncementRecord:
    names = ("id", "level", "text", "begins_at", "ends_at", "made_by", "created_at", "withdrawn_at")
    return wire.AnnouncementRecord(**{name: getattr(row, name) for name in names})
