"""The simulated platforms' side of chats: who is there, what they got, what became of it.

An account has one person there, who belongs to it from the first moment: whatever they write is its own.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from adapters.base import Post
from bot.errors import Conflict, NotFound
from bot.usecases import posts, pushed
from storage import conversations, feeds, held, identities, owned, simulator
from storage.chat_models import Conversation
from storage.database import Work
from storage.models import FeedState

CHANNELS = {"feishu": "simulator/feishu", "whatsapp": "simulator/whatsapp"}
NEWEST = 2**62  # before this comes everything
SAMPLE = "sample"  # the source of sample feeds
KEEP = 100  # messages of each chat
SHOWN = 40  # of these: a page that shows what happens asks for them again and again
DAY = timedelta(hours=24)
REPEATS = timedelta(hours=1)  # so long a platform knows what it took
STEPS = {"whatsapp": {"accepted": "sent", "sent": "delivered", "delivered": "read"}, "feishu": {"accepted": "read"}}
"""Of what a platform tells, one after the other, while the person's phone is on: Feishu tells of reading alone."""

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none of them looks like another


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A request of ours, as the platform looks at it."""

    platform: str
    address: str  # "oc_…", "ou_…", "+999…"
    request: str  # JSON
    looks: str  # JSON
    dedupe: str = ""
    free: bool = False  # free text, which WhatsApp takes for a day after the person's last word
    needs_approval: bool = False  # a template that exists only where the account wants it so


@dataclass(frozen=True, slots=True)
class Taken:
    """What a platform made of it: "nobody" has that address, the day is over ("closed"), "no_template"."""

    outcome: Literal["taken", "nobody", "closed", "no_template"]
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class ChatView:
    """One chat as the page shows it."""

    person: Any
    messages: Sequence[Any]  # the newest last
    window_until: datetime | None
    waiting: int  # messages that are held
    stopped: bool


# People


def person(work: Work, account_id: int) -> Any:
    """The account's person, made when it has none.

    One whose chats somebody has joined to another account, by a code, is the other account's from then on: nothing of
    them is shown here any more, and there is a new one.
    """
    found = simulator.person(work.session, account_id)
    if found is not None and _is_ours(work, found):
        return found
    if found is not None:
        simulator.forget_account(work.session, account_id)
    simulator.add_person(
        work.session,
        account_id=account_id,
        tail=f"sim_{_word(20)}",
        number=f"+999{secrets.randbelow(10**11):011d}",
        sample=f"sample/{_word(8)}",
        approved=False,
        created_at=work.now,
    )
    found = simulator.person(work.session, account_id)
    assert found is not None
    for platform, name in names(found).items():
        row = {"channel": CHANNELS[platform], "person": name, "account_id": account_id, "created_at": work.now}
        identities.learn(work.session, [row | {"name": "", "phone": "", "conversation_id": None}])
    return found


def names(row: Any) -> dict[str, str]:
    """What a person is called on each platform."""
    return {"feishu": f"ou_{row.tail}", "whatsapp": row.number}


def _is_ours(work: Work, row: Any) -> bool:
    for platform, name in names(row).items():
        known = identities.find(work.session, CHANNELS[platform], [name])
        if not known or known[0].account_id != row.account_id:
            return False
    return True


def _word(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def address(row: Any, platform: str) -> str:
    """Of a person's chat with the bot."""
    return f"oc_{row.tail}" if platform == "feishu" else str(row.number)


def holds_chat(work: Work, feishu_chat: str) -> bool:
    """Whether there is such a chat."""
    return simulator.person_by(work.session, "tail", feishu_chat.removeprefix("oc_")) is not None


# What we send


def take(work: Work, out: Outgoing) -> Taken:
    """Let the platform take a request, or refuse it; what it refuses to do for somebody is kept for a look."""
    who = _receiver(work, out)
    if who is None:
        return Taken("nobody")
    if out.dedupe and (known := _repeated(work, who.account_id, out)):
        return Taken("taken", known)
    if out.free and (who.wrote_at is None or work.now >= who.wrote_at + DAY):
        return Taken("closed")
    if out.needs_approval and not who.approved:
        return Taken("no_template")
    message_id = new_message_id(out.platform)
    _add(work, who.account_id, out, message_id, "accepted")
    return Taken("taken", message_id)


def refused(work: Work, out: Outgoing) -> None:
    """Keep a request that the platform did not take, for people to look at; of several in a row with the same
    ``dedupe`` the last."""
    who = _receiver(work, out)
    if who is None:
        return
    before = simulator.newest(work.session, who.account_id, out.platform, 1)
    if before and before[0].status == "refused" and before[0].dedupe == out.dedupe:
        simulator.change(work.session, [before[0].id], request=out.request, looks=out.looks)
    else:
        _add(work, who.account_id, out, new_message_id(out.platform), "refused")


def _receiver(work: Work, out: Outgoing) -> Any:
    if out.platform == "feishu":
        return simulator.person_by(work.session, "tail", out.address[3:], lock=True)
    return simulator.person_by(work.session, "number", out.address, lock=True)


def _repeated(work: Work, account_id: int, out: Outgoing) -> str:
    return simulator.known_as(work.session, account_id, out.platform, out.dedupe, work.now - REPEATS)


def _add(work: Work, account_id: int, out: Outgoing, message_id: str, status: str, *, own: bool = False) -> None:
    simulator.add(
        work.session,
        account_id=account_id,
        platform=out.platform,
        message_id=message_id,
        own=own,
        status=status,
        dedupe=out.dedupe,
        request=out.request,
        looks=out.looks,
        created_at=work.now,
    )
    simulator.trim(work.session, account_id, out.platform, KEEP)


def chat_of(work: Work, message_id: str) -> str:
    """The chat of a message on Feishu; empty: there is no such message."""
    row = simulator.get(work.session, "feishu", message_id)
    who = simulator.person(work.session, row.account_id) if row else None
    return f"oc_{who.tail}" if who else ""


def seen(work: Work, platform: str, message_id: str) -> bool:
    """The bot has seen what the person wrote; False: there is no such message."""
    row = simulator.get(work.session, platform, message_id)
    if row is None or not row.own:
        return False
    simulator.change(work.session, [row.id], status="read", read_at=work.now)
    return True


def new_message_id(platform: str) -> str:
    return f"om_sim_{secrets.token_hex(16)}" if platform == "feishu" else f"wamid.{secrets.token_urlsafe(24)}"


# What the person does


def write_down(work: Work, account_id: int, message_id: str, wrote: Outgoing) -> None:
    """What the person wrote or pressed stands in their chat; on WhatsApp it opens the day."""
    _add(work, account_id, wrote, message_id, "sent", own=True)
    if wrote.platform == "whatsapp":
        simulator.change_person(work.session, account_id, wrote_at=work.now)


def message(work: Work, account_id: int, platform: str, message_id: str) -> Any:
    """One of the account's.  Raises NotFound."""
    row = simulator.get(work.session, platform, message_id)
    if row is None or row.account_id != account_id:
        raise NotFound("there is no such message")
    return row


def redraw(work: Work, account_id: int, platform: str, message_id: str, looks: str) -> None:
    """A card looks otherwise from now on.  Raises NotFound."""
    simulator.change(work.session, [message(work, account_id, platform, message_id).id], looks=looks)


def told(work: Work, account_id: int, rows: Sequence[Any]) -> None:
    """The platform has told the next step of each of these of the account's messages."""
    by_step: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        by_step.setdefault((row.platform, row.status), []).append(row.id)
    for (platform, before), ids in by_step.items():
        status = STEPS[platform][before]
        read = {"read_at": work.now} if status == "read" else {}
        simulator.step(work.session, account_id, ids, before, status=status, **read)


def let_a_day_pass(work: Work, account_id: int) -> None:
    """On WhatsApp, by the platform's clock and by ours, a day has gone since the person wrote."""
    who = person(work, account_id)
    if who.wrote_at is not None:
        simulator.change_person(work.session, account_id, wrote_at=min(who.wrote_at, work.now) - DAY)
    conversation = conversations.find(work.session, CHANNELS["whatsapp"], [address(who, "whatsapp")])
    if conversation is not None and conversation.window_until is not None:
        conversation.window_until = min(conversation.window_until, work.now)
        work.session.add(conversation)


def approve(work: Work, account_id: int, approved: bool) -> None:
    """Whether the template for posts outside the day exists."""
    person(work, account_id)
    simulator.change_person(work.session, account_id, approved=approved)


def view(work: Work, account_id: int, platform: str) -> ChatView | None:
    """None: there is nobody yet, or no more (``person``)."""
    who = simulator.person(work.session, account_id)
    if who is None or not _is_ours(work, who):
        return None
    messages = simulator.newest(work.session, account_id, platform, SHOWN)
    conversation_id = conversations.at(work.session, CHANNELS[platform], address(who, platform))
    conversation = work.session.get(Conversation, conversation_id) if conversation_id else None
    if conversation is None:
        return ChatView(who, messages, None, 0, stopped=False)
    where = conversations.destinations(work.session, conversation.id)
    waiting = held.count(work.session, where)
    return ChatView(who, messages, conversation.window_until, waiting, stopped=conversation.stopped_at is not None)


# The sample feed


def followed(work: Work, account_id: int) -> set[str]:
    """The platforms on which the account's chats follow its sample feed."""
    who = simulator.person(work.session, account_id)
    feed = feeds.by_key(work.session, SAMPLE, who.sample) if who else None
    if feed is None:
        return set()
    rows = owned.subscriptions(work.session, account_id, NEWEST, KEEP, feed=feed.uid, destination=None)
    channels = {row.Destination.channel for row in rows}
    return {platform for platform, channel in CHANNELS.items() if channel in channels}


def publish(work: Work, account_id: int, post: Post, policy: posts.Policy, default: timedelta) -> pushed.Received:
    """A new post of the account's sample feed.  Raises Conflict: nobody follows it."""
    who = person(work, account_id)
    feed = feeds.by_key(work.session, SAMPLE, who.sample)
    if feed is None or feed.state != FeedState.ACTIVE or not followed(work, account_id):
        raise Conflict("nobody follows the sample feed", code="sample_unfollowed")
    return pushed.receive(work, feed.id, [post], policy, default)


def knows_sample(work: Work, name: str) -> bool:
    """Whether there is a sample feed of that name."""
    return simulator.person_by(work.session, "sample", name) is not None
