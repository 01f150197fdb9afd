"""Who and what there is: people, chats, messages, and answers that a test has written beforehand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Person:
    open_id: str
    name: str
    in_range: bool = True  # the app is available to them

    @property
    def union_id(self) -> str:
        return self.open_id.replace("ou_", "on_")

    @property
    def ids(self) -> dict[str, str]:
        return {"open_id": self.open_id, "union_id": self.union_id, "user_id": ""}


@dataclass(eq=False)
class Shown:
    """A message as a chat shows it."""

    id: str
    chat: "Chat"
    msg_type: str
    content: Any
    sender: str  # an open id; the app's id for what the bot wrote
    parent_id: str = ""
    thread_id: str = ""
    uuid: str = ""
    edits: list[Any] = field(default_factory=list)  # former contents

    @property
    def text(self) -> str:
        """All words in it, a line for each piece, as markup writes them."""
        return "\n".join(_words(self.content))

    @property
    def buttons(self) -> dict[str, Any]:
        """What each button does, by what is on it."""
        return _buttons(self.content)

    @property
    def offered(self) -> dict[str, Any]:
        """Those of earlier contents too, which a slow client may still show."""
        return {label: does for content in (*self.edits, self.content) for label, does in _buttons(content).items()}

    @property
    def image_keys(self) -> list[str]:
        return [one["img_key"] for one in _elements(self.content) if one.get("tag") == "img"]


@dataclass(eq=False)
class Chat:
    id: str
    name: str
    direct: bool
    members: list[Person]
    owner: Person | None = None
    managers: list[Person] = field(default_factory=list)
    bot_in: bool = True
    messages: list[Shown] = field(default_factory=list)


@dataclass(frozen=True)
class Script:
    """An answer to give to a message instead of the right one."""

    status: int = 400
    code: int = 0
    msg: str = "scripted"
    headers: Mapping[str, str] = field(default_factory=dict)
    html: bool = False
    stores: bool = False  # the message is stored all the same
    cut: bool = False  # the connection ends without an answer
    delay_seconds: float = 0.0


def _buttons(content: Any) -> dict[str, Any]:
    return {one["text"]["content"]: one["behaviors"][0] for one in _elements(content) if one.get("tag") == "button"}


def _elements(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _elements(value)
    elif isinstance(node, list):
        for value in node:
            yield from _elements(value)


def _words(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for value in node:
            yield from _words(value)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in ("text", "content", "title", "href", "default_url") and isinstance(value, str):
                yield value
            elif name not in ("config", "value"):
                yield from _words(value)
