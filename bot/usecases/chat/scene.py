"""Where an event happens: whose conversation it is, who speaks, and where answers go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from adapters.inbound import ChatMessage, Reply
from bot.clock import uuid7
from bot.usecases import destinations, replies
from bot.usecases.chat.who import Chat, Terms
from bot.usecases.inbox import DueEvent
from storage import accounts, conversations, identities
from storage import destinations as stored_destinations
from storage.chat_models import Conversation, Identity
from storage.database import Work
from storage.models import Account, Destination

Managers = Sequence[str] | None
"""Who manages a group, the owner first; None: the platform has no such people; empty: it could not be found out."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What an event came to.  ``uid``: of the reply in the outbox; None: it lies nowhere, the caller has to give it."""

    reply: Reply | None = None
    uid: UUID | None = None
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Scene:
    """One event, in the transaction in which it has its effect.  ``lane``: the channel's."""

    work: Work
    terms: Terms
    due: DueEvent
    lane: str
    managers: Managers = None

    def conversation(self, message: ChatMessage) -> Conversation | None:
        """Under any of the names of the place; a direct chat also by who is known to have it."""
        session, channel = self.work.session, self.due.channel
        found = conversations.find(session, channel, places(message))
        if found is None and message.direct:
            for who in identities.find(session, channel, people(message)):
                if who.conversation_id is not None:
                    return conversations.get(session, who.conversation_id)
        return found

    def may_begin(self, direct: bool, names: Sequence[str], addresses: Sequence[str]) -> bool:
        """Whether a conversation may begin: sign-up is open, the person is known, or somebody sends to them already,
        so that they must be able to answer a code and to say STOP."""
        session, channel = self.work.session, self.due.channel
        if self.terms.signup == "open" or identities.find(session, channel, names):
            return True
        return direct and bool(conversations.destinations_at(session, channel, addresses))

    def begin(self, address: str, direct: bool, title: str, names: Sequence[str]) -> Conversation:
        """A new conversation: of an account that is known, or of a new one; always a new one for a group."""
        account_id = self._account(title, names if direct else ())
        return conversations.add(
            self.work.session,
            Conversation(
                channel=self.due.channel, address=address, account_id=account_id, direct=direct, title=title[:200],
                created_at=self.work.now,
            ),
        )  # fmt: skip

    def own(self, conversation: Conversation, title: str, names: Sequence[str]) -> None:
        """The first word of a person to whom others have sent already: the chat is theirs, not the senders'."""
        conversation.account_id = self._account(title, names)

    def _account(self, title: str, names: Sequence[str]) -> int:
        """Of who is known under these names; else a new one."""
        session = self.work.session
        if known := identities.find(session, self.due.channel, names):
            return known[0].account_id
        terms = self.terms
        fresh = Account(
            name=title[:200], plan=terms.default_plan, credits=terms.default_credits, created_at=self.work.now
        )
        return accounts.add(session, fresh).id

    def is_closed(self, conversation: Conversation) -> bool:
        """Whether an operator has disabled the account that the conversation belongs to."""
        account = accounts.get(self.work.session, conversation.account_id)
        return account is not None and account.disabled_at is not None

    def know(self, conversation: Conversation, names: Sequence[str], name: str, phone: str) -> None:
        """Keep who the person of a direct chat is, under all names, and what is told of them."""
        session, channel = self.work.session, self.due.channel
        known = identities.find(session, channel, names)
        row = {
            "channel": channel, "account_id": conversation.account_id, "conversation_id": conversation.id,
            "name": name[:200], "phone": phone, "created_at": self.work.now,
        }  # fmt: skip
        new = [one for one in dict.fromkeys(names) if one not in {who.person for who in known}]
        identities.learn(session, [row | {"person": one} for one in new])
        now = {"name": name[:200], "phone": phone, "conversation_id": conversation.id}
        stale = [who.person for who in known if _differs(who, now)]
        if stale:
            identities.describe(session, channel, stale, {key: value for key, value in now.items() if value})

    def chat(self, conversation: Conversation, message: ChatMessage, language: str) -> Chat:
        return Chat(
            conversation=conversation,
            destination=self.destination(conversation),
            account_id=conversation.account_id,
            person=message.sender,
            manager=message.direct or self._manages(people(message)),
            language=conversation.language or language or "en",
            trace=self.due.trace,
        )

    def _manages(self, names: Sequence[str]) -> bool:
        if self.terms.group_managers == "all" or self.managers is None:
            return True
        some = self.managers[:1] if self.terms.group_managers == "owner" else self.managers
        return not set(names).isdisjoint(some)

    def destination(self, conversation: Conversation) -> Destination:
        """Where the conversation's posts go: made if there is none, working again if it had been given up, and there
        again if it had been removed."""
        session, now = self.work.session, self.work.now
        found = conversations.destination(session, conversation)
        if found is None:
            fresh = Destination(
                uid=uuid7(now), account_id=conversation.account_id, channel=conversation.channel, lane=self.lane,
                address=conversation.address, name=conversation.title, conversation_id=conversation.id,
                verified_at=now, created_at=now,
            )  # fmt: skip
            return stored_destinations.add(session, fresh)
        if found.disabled_at is not None:
            destinations.enable(self.work, found.id)
            session.refresh(found)
        if found.verified_at is None:  # whoever writes from an address has it
            found.verified_at = now
            session.add(found)
        if found.removed_at is not None:  # what went there stays ended: it begins anew
            found.removed_at, found.name, found.created_at = None, conversation.title, now
            session.add(found)
        return found

    def reply(self, chat: Chat, reply: Reply, to: str, after: timedelta = timedelta(0)) -> Taken:
        """Queue a reply.  ``to``: the platform's id of what it answers."""
        uid = replies.queue(
            self.work, chat.destination, event="reply", lane="reply", text=reply.text,
            extras=replies.Extras(buttons=reply.buttons, reply_to=to, language=chat.language),
            expires_at=self.work.now + self.terms.policy.schedules["reply"].expires, after=after,
        )  # fmt: skip
        return Taken(reply, uid, chat.language)


def places(message: ChatMessage) -> Sequence[str]:
    """All addresses of the chat that a message names, the one to answer to first."""
    return (message.chat, *message.also)


def people(message: ChatMessage) -> Sequence[str]:
    """All names of the person who wrote it, the lasting one first."""
    return (message.sender, *message.sender_also)


def _differs(who: Identity, now: dict[str, object]) -> bool:
    return any(value and getattr(who, name) != value for name, value in now.items())
