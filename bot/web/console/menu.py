"""The menu: which pages there are, for whom, in which order."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.web.console.pages import Visit


@dataclass(frozen=True, slots=True)
class Item:
    path: str
    text: str
    icon: str

    def is_of(self, path: str) -> bool:
        """Whether the page at ``path`` belongs to it."""
        return path == self.path or (self.path != "/console/" and path.startswith(f"{self.path}/"))


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    entries: Sequence[Item]


SIMULATOR = Item("/console/simulator", "simulator.title", "chat")
OWN = Group(
    "",
    (
        Item("/console/", "home.title", "home"),
        SIMULATOR,
        Item("/console/subscriptions", "subscriptions.title", "feed"),
        Item("/console/destinations", "destinations.title", "send"),
        Item("/console/deliveries", "deliveries.title", "inbox"),
        Item("/console/keys", "keys.title", "key"),
        Item("/console/plan", "plan.title", "gauge"),
    ),
)
OPERATORS = Group(
    "nav.operator",
    (
        Item("/console/operator/installation", "operator.title", "gear"),
        Item("/console/operator/accounts", "operator.accounts", "people"),
        Item("/console/operator/feeds", "operator.feeds", "feed"),
        Item("/console/operator/channels", "operator.channels", "chat"),
        Item("/console/channels/set-up", "channels.title", "plug"),
        Item("/console/operator/audit", "operator.audit", "log"),
        Item("/console/operator/announcements", "operator.announcements", "megaphone"),
        Item("/console/operator/backup", "operator.backup", "save"),
        Item("/console/operator/doctor", "operator.doctor", "heart"),
    ),
)


def menu(visit: Visit, missing: Collection[Item] = ()) -> Sequence[Group]:
    """What this visitor is shown; ``missing``: pages that this installation has not."""
    groups = [OWN, OPERATORS] if visit.visitor and visit.visitor.operator else [OWN]
    there = [Group(group.title, [item for item in group.entries if item not in missing]) for group in groups]
    return [group for group in there if group.entries]
