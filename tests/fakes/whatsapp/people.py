"""People with phones, and what their phones show."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Shown:
    """One message of the business on a phone."""

    id: str  # wamid
    kind: str  # "text", "image", "interactive", "template"
    text: str
    buttons: tuple[tuple[str, str], ...] = ()  # label and value; of a template: label twice
    picture: str = ""
    template: str = ""
    parameters: tuple[str, ...] = ()
    quoted: str = ""  # the id of the message it replies to
    data: str = ""  # biz_opaque_callback_data
    body: dict[str, Any] = field(default_factory=dict, repr=False)  # as it was posted


@dataclass
class Person:
    """``number``: digits as the platform has them; ``dialled``: other spellings that reach the same phone."""

    number: str
    name: str = "Test Person"
    user_id: str = ""
    username: str = ""
    hidden: bool = False  # the platform tells their number to nobody
    dialled: tuple[str, ...] = ()
    screen: list[Shown] = field(default_factory=list)
    wrote_at: datetime | None = None  # last

    def contact(self) -> dict[str, Any]:
        """As callbacks introduce them."""
        profile = {"name": self.name} | ({"username": self.username} if self.username else {})
        contact: dict[str, Any] = {"profile": profile, "user_id": self.user_id}
        return contact if self.hidden else contact | {"wa_id": self.number}

    def sender(self) -> dict[str, str]:
        """As messages name them."""
        named = {"from_user_id": self.user_id}
        return named if self.hidden else named | {"from": self.number}

    def recipient(self) -> dict[str, str]:
        """As statuses name them."""
        named = {"recipient_user_id": self.user_id}
        return named if self.hidden else named | {"recipient_id": self.number}
