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
    ),
)
OPERATORS = Group(
    "nav.operator",
    (),
)


def menu(visit: Visit, missing: Collection[Item] = ()) -> Sequence[Group]:
    """What this visitor is shown; ``missing``: pages that this installation has not."""
    groups = [OWN, OPERATORS] if visit.visitor and visit.visitor.operator else [OWN]
    there = [Group(group.title, [item for item in group.entries if item not in missing]) for group in groups]
    return [group for group in there if group.entries]
