"""The native API, ``/api/v1``: any source to any channel, by ids that do not change; a file for each noun."""

from bot.web.apis.native.account import Account
from bot.web.apis.native.deliveries import Deliveries
from bot.web.apis.native.desk import Desk
from bot.web.apis.native.destinations import Destinations
from bot.web.apis.native.feeds import Feeds
from bot.web.apis.native.posts import Posts
from bot.web.apis.native.subscriptions import Subscriptions
from bot.web.apis.native.wording import STATUSES, Wording
from bot.web.surface import Route

PREFIX = "/api/v1"

__all__ = ["PREFIX", "STATUSES", "Desk", "Wording", "routes"]


def routes(desk: Desk) -> list[Route]:
    nouns = (Account, Destinations, Feeds, Subscriptions, Posts, Deliveries)
    return [route for noun in nouns for route in noun(desk).routes()]
