"""The administration API, ``/admin/v1``: what operators do from elsewhere, under the same rules as every API."""

from collections.abc import Mapping
from datetime import timedelta

from adapters.base import Channel, Source
from bot.clock import Clock
from bot.rules.plans import Plans
from bot.rules.vault import Vault
from bot.web.apis.admin.accounts import Accounts
from bot.web.apis.admin.channels import Channels
from bot.web.apis.admin.deliveries import Deliveries
from bot.web.apis.admin.destinations import Destinations
from bot.web.apis.admin.door import AdminDoor as AdminDoor
from bot.web.apis.admin.feeds import Feeds
from bot.web.apis.admin.house import House
from bot.web.apis.admin.people import People
from bot.web.apis.admin.reading import STATUSES as STATUSES
from bot.web.apis.admin.reading import Wording as Wording
from bot.web.apis.admin.sending import Sending
from bot.web.checkup import Checkup
from bot.web.copies import Copies
from bot.web.keys import Door
from bot.web.surface import Route
from storage.database import Database

SECURITY = {
    "operator": {
        "type": "http",
        "scheme": "bearer",
        "description": "ADMIN_TOKEN, or a key of an operator's account",
    },
    "operator_key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "the same in a header"},
}


def routes(
    database: Database,
    vault: Vault,
    door: Door,
    channels: Mapping[str, Channel],
    sources: Mapping[str, Source],
    clock: Clock,
    known: Plans,
    plan: str,
    base_url: str,
    checkup: Checkup,
    copies: Copies,
    keep: timedelta,
) -> list[Route]:
    """``known``: the plans; ``plan``: of a new account unless it says another; ``keep``: RETENTION_DAYS."""
    return [
        *Accounts(database, vault, door, known, plan).routes(),
        *Destinations(database).routes(),
        *Feeds(database, sources, clock).routes(),
        *Deliveries(database, vault).routes(),
        *Channels(database, channels, clock).routes(),
        *Sending(database).routes(),
        *People(database, vault, known, base_url).routes(),
        *House(database, checkup, copies, keep).routes(),
    ]
