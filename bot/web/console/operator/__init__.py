"""What only operators see: the installation, its accounts, feeds and channels, and what was done to them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from bot.settings import Settings
from bot.web.apis.native import Desk
from bot.web.checkup import Checkup
from bot.web.console.operator.accounts import Accounts
from bot.web.console.operator.announcements import Announcements
from bot.web.console.operator.audit import Audit
from bot.web.console.operator.channels import Channels
from bot.web.console.operator.feeds import Feeds
from bot.web.console.operator.installation import Installation
from bot.web.console.operator.invitations import Invitations
from bot.web.console.operator.tools import Tools
from bot.web.console.pages import Page
from bot.web.copies import Copies
from bot.web.keys import Door


class Pages(Protocol):
    def pages(self) -> list[Page]: ...


def parts(desk: Desk, settings: Settings, door: Door, checkup: Checkup, copies: Copies) -> Sequence[Pages]:
    database, base_url = desk.database, settings.public_base_url
    invitations = Invitations(database, desk.plans, settings.default_plan, base_url)
    return [
        Installation(database, settings.egress_allow, timedelta(days=settings.retention_days)),
        invitations,
        Accounts(database, desk.plans, door, invitations),
        Feeds(database, desk.sources, desk.clock),
        Channels(database, desk.channels, desk.sources, desk.clock),
        Audit(database),
        Announcements(database),
        Tools(checkup, copies),
    ]
