"""The menu: which pages there are, for whom, in which order."""

from collections.abc import Sequence
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


OWN = Group(
    "",
    (Item("/console/", "home.title", "home"),),
)
OPERATORS = Group(
    "nav.operator",
    (
        Item("/console/operator/installation", "operator.title", "gear"),
        Item("/console/operator/accounts", "operator.accounts", "people"),
        Item("/console/operator/feeds", "operator.feeds", "feed"),
        Item("/console/operator/channels", "operator.channels", "plug"),
        Item("/console/operator/audit", "operator.audit", "log"),
        Item("/console/operator/announcements", "operator.announcements", "megaphone"),
        Item("/console/operator/backup", "operator.backup", "save"),
        Item("/console/operator/doctor", "operator.doctor", "heart"),
    ),
)


def menu(visit: Visit) -> Sequence[Group]:
    """What this visitor is shown."""
    groups = [OWN, OPERATORS] if visit.visitor and visit.visitor.operator else [OWN]
    return [group for group in groups if group.entries]
