"""Conversations: who speaks and where, and the one transaction in which what they said has its effect.

A person's first word makes an account where sign-up is open; a group has an account of its own, so that its
subscriptions outlive the member who made them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from adapters.base import Button
from adapters.inbound import AddressMoved, ChatJoined, ChatLeft, ChatMessage, Preference, Reply
from bot.clock import uuid7
from bot.rules import commands as words
from bot.rules.texts import matching, say
from bot.usecases import destinations, feeds, held, inbox, replies
from bot.usecases.chat import commands
from bot.usecases.chat.who import Chat, Looked, Terms
from bot.usecases.inbox import DueEvent
from storage import accounts, conversations, identities
from storage import destinations as stored_destinations
from storage import held as stored_held
from storage.chat_models import Conversation, Identity
from storage.database import Work
from storage.models import Account, Destination, FeedState, Subscription

LATE = timedelta(minutes=10)  # on the way to us; time that it waited with us never counts
WINDOW = timedelta(hours=24) - timedelta(minutes=1)
AFTER_THE_ANSWER = timedelta(seconds=5)  # a reply that is the answer to a request is sent if that answer fails
ALL_LANES = ("chat", "webhook", "code", "reply")
REMOVED = "the bot was removed"
BACK = "back"  # what the button says that brings a group's subscriptions back

Managers = Sequence[str] | None
"""Who manages a group, the owner first; None: the platform has no such people; empty: it could not be found out."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What an event came to.  ``uid``: of the reply in the outbox; None: it lies nowhere, the caller has to give it."""

    reply: Reply | None = None
    uid: UUID | None = None
    language: str = "en"


def take(
    work: Work,
    terms: Terms,
    due: DueEvent,
    *,
    lane: str,
    looked: Looked | None = None,
    managers: Managers = None,
    at_once: bool = False,
) -> Taken:
    """Let an event have its effect, queue the reply, and be done with it, all or nothing.

    ``lane``: the channel's.  ``at_once``: the reply is given as the answer to a request, and is sent only if that
    has not been reported within seconds (``answered``).
    """
    if not inbox.done(work, due):
        return Taken()
    one = _One(work, terms, due, lane, managers)
    match due.event:
        case ChatMessage():
            return one.message(due.event, looked, at_once=at_once)
        case ChatJoined():
            return one.joined(due.event)
        case ChatLeft():
            one.left(due.event)
        case AddressMoved():
            one.moved(due.event)
        case Preference():
            one.preference(due.event)
        case _:
            pass
    return Taken()


def is_late(due: DueEvent) -> bool:
    """Whether it was old when it reached us: then nobody wants its effect any more."""
    return due.event.at is not None and due.received_at - due.event.at > LATE


def wants_back(message: ChatMessage) -> bool:
    """Whether a group asks for the subscriptions that ended when the bot was removed."""
    return not message.direct and BACK in (message.action, message.text.strip().lower())


def concerns_managers(message: ChatMessage) -> bool:
    """Whether it must be known who manages the group."""
    return wants_back(message) or words.may_need_manager(message)


def give_up(work: Work, terms: Terms, due: DueEvent, *, lane: str, error: str) -> Taken:
    """Be done with an event that fails again and again, and tell who wrote it."""
    if not inbox.done(work, due, error[:500]):
        return Taken()
    if not isinstance(due.event, ChatMessage) or not words.for_us(due.event):
        return Taken()
    return _One(work, terms, due, lane, None).failed(due.event)


def answered(work: Work, uids: Sequence[UUID]) -> None:
    """These replies were given as answers to requests, and need not be sent."""
    replies.answered(work, uids)


class _One:
    """One event."""

    def __init__(self, work: Work, terms: Terms, due: DueEvent, lane: str, managers: Managers) -> None:
        self._work, self._terms, self._due, self._lane, self._managers = work, terms, due, lane, managers

    # What is said

    def message(self, message: ChatMessage, looked: Looked | None, *, at_once: bool) -> Taken:
        if not words.for_us(message):
            return Taken()
        language = matching(message.language)
        conversation = self._conversation(message)
        if conversation is None:
            if not self._may_begin(message.direct, _people(message), _places(message)):
                return self._stranger(message, language or "en")
            conversation = self._begin(message.chat, message.direct, message.sender_name, _people(message))
        return self._said(conversation, message, looked, language, at_once=at_once)

    def _said(
        self, conversation: Conversation, message: ChatMessage, looked: Looked | None, language: str, *, at_once: bool
    ) -> Taken:
        self._learn(conversation, message, language)
        chat = self._chat(conversation, message, language)
        reply = self._answer(chat, message, looked)
        if reply is None:
            return Taken(language=chat.language)
        if conversation.account_id != chat.account_id:  # the command has joined it to another account
            chat = self._chat(conversation, message, language)
        uid = self._reply(chat, reply, message.message_id, AFTER_THE_ANSWER if at_once else timedelta(0))
        return Taken(reply, uid, chat.language)

    def _stranger(self, message: ChatMessage, language: str) -> Taken:
        """Nothing is kept of them, but for who brings the code of an account that is known."""
        refused = Taken(commands.refusal(language), language=language)
        if not message.direct or not words.is_code(message.text):
            return refused
        with self._work.session.begin_nested() as attempt:
            conversation = self._begin(message.chat, True, message.sender_name, _people(message))
            account_id = conversation.account_id
            taken = self._said(conversation, message, None, language, at_once=False)
            if conversation.account_id != account_id:
                return taken
            attempt.rollback()
        return refused

    def failed(self, message: ChatMessage) -> Taken:
        """Something of ours is broken; nobody new is taken up for that."""
        language = matching(message.language) or "en"
        conversation = conversations.find(self._work.session, self._due.channel, _places(message))
        reply = commands.broken(language, self._due.trace)
        if conversation is None or not conversations.destination(self._work.session, conversation):
            return Taken(reply, language=language)
        chat = self._chat(conversation, message, language)
        return Taken(reply, self._reply(chat, reply, message.message_id), chat.language)

    def _answer(self, chat: Chat, message: ChatMessage, looked: Looked | None) -> Reply | None:
        if is_late(self._due):
            return commands.late(chat.language)
        if wants_back(message):
            return self._bring_back(chat)
        return commands.answer(self._work, self._terms, chat, message, looked)

    def _reply(self, chat: Chat, reply: Reply, to: str, after: timedelta = timedelta(0)) -> UUID:
        return replies.queue(
            self._work, chat.destination, event="reply", lane="reply", text=reply.text,
            extras=replies.Extras(buttons=reply.buttons, reply_to=to, language=chat.language),
            expires_at=self._work.now + self._terms.policy.schedules["reply"].expires, after=after,
        )  # fmt: skip

    # Who says it, and where

    def _conversation(self, message: ChatMessage) -> Conversation | None:
        """Under any of the names of the place; a direct chat also by who is known to have it."""
        session, channel = self._work.session, self._due.channel
        found = conversations.find(session, channel, _places(message))
        if found is None and message.direct:
            for who in identities.find(session, channel, _people(message)):
                if who.conversation_id is not None:
                    return conversations.get(session, who.conversation_id)
        return found

    def _may_begin(self, direct: bool, people: Sequence[str], places: Sequence[str]) -> bool:
        """Whether a conversation may begin: sign-up is open, the person is known, or somebody sends to them already,
        so that they must be able to answer a code and to say STOP."""
        session, channel = self._work.session, self._due.channel
        if self._terms.signup == "open" or identities.find(session, channel, people):
            return True
        return direct and conversations.is_destination(session, channel, places)

    def _begin(self, address: str, direct: bool, title: str, people: Sequence[str]) -> Conversation:
        work, channel = self._work, self._due.channel
        known = identities.find(work.session, channel, people) if direct else []
        account_id = known[0].account_id if known else self._new_account(title)
        return conversations.add(
            work.session,
            Conversation(
                channel=channel, address=address, account_id=account_id, direct=direct, title=title[:200],
                created_at=work.now,
            ),
        )  # fmt: skip

    def _new_account(self, name: str) -> int:
        fresh = Account(name=name[:200], plan=self._terms.default_plan, created_at=self._work.now)
        return accounts.add(self._work.session, fresh).id

    def _learn(self, conversation: Conversation, message: ChatMessage, language: str) -> None:
        """Everything that a message tells besides its words."""
        work = self._work
        conversation.last_seen_at = work.now
        conversation.left_at = None
        if message.direct:
            conversation.title = message.sender_name[:200] or conversation.title
            conversation.language = conversation.language or language
            self._know(conversation, _people(message), message.sender_name, message.phone)
        work.session.add(conversation)
        work.session.flush()
        conversations.adopt(work.session, conversation, _places(message))
        if message.opens_window:
            self._open_window(conversation)

    def _know(self, conversation: Conversation, people: Sequence[str], name: str, phone: str) -> None:
        session, channel = self._work.session, self._due.channel
        known = identities.find(session, channel, people)
        row = {
            "channel": channel, "account_id": conversation.account_id, "conversation_id": conversation.id,
            "name": name[:200], "phone": phone, "created_at": self._work.now,
        }  # fmt: skip
        new = [one for one in dict.fromkeys(people) if one not in {who.person for who in known}]
        identities.learn(session, [row | {"person": one} for one in new])
        now = {"name": name[:200], "phone": phone, "conversation_id": conversation.id}
        stale = [who.person for who in known if _differs(who, now)]
        if stale:
            identities.describe(session, channel, stale, {key: value for key, value in now.items() if value})

    def _open_window(self, conversation: Conversation) -> None:
        began = min(self._due.event.at or self._due.received_at, self._due.received_at)
        until = began + WINDOW
        if until <= self._work.now:
            return
        conversation.window_until = max(conversation.window_until or until, until)
        held.release(self._work, conversation)

    def _chat(self, conversation: Conversation, message: ChatMessage, language: str) -> Chat:
        return Chat(
            conversation=conversation,
            destination=self._destination(conversation),
            account_id=conversation.account_id,
            person=message.sender,
            manager=message.direct or self._manages(_people(message)),
            language=conversation.language or language or "en",
            trace=self._due.trace,
        )

    def _manages(self, people: Sequence[str]) -> bool:
        if self._terms.group_managers == "all" or self._managers is None:
            return True
        some = self._managers[:1] if self._terms.group_managers == "owner" else self._managers
        return not set(people).isdisjoint(some)

    def _destination(self, conversation: Conversation) -> Destination:
        """Where the conversation's posts go: made if there is none, and working again if it had been given up."""
        session, now = self._work.session, self._work.now
        found = conversations.destination(session, conversation)
        if found is None:
            fresh = Destination(
                uid=uuid7(now), account_id=conversation.account_id, channel=conversation.channel, lane=self._lane,
                address=conversation.address, name=conversation.title, conversation_id=conversation.id,
                verified_at=now, created_at=now,
            )  # fmt: skip
            return stored_destinations.add(session, fresh)
        if found.disabled_at is not None:
            destinations.enable(self._work, found.id)
            session.refresh(found)
        if found.verified_at is None:  # whoever writes from an address has it
            found.verified_at = now
            session.add(found)
        return found

    # What happens to a chat

    def joined(self, event: ChatJoined) -> Taken:
        """Greets once; a group that had removed the bot may have its subscriptions back."""
        work, people = self._work, [event.sender] if event.sender else []
        conversation = conversations.find(work.session, self._due.channel, [event.chat])
        if conversation is None:
            if not self._may_begin(event.direct, people, [event.chat]):
                return Taken(commands.refusal("en")) if event.first else Taken()
            conversation = self._begin(event.chat, event.direct, event.name, people)
        was_removed = conversation.left_at
        greet = conversation.greeted_at is None or was_removed is not None
        conversation.left_at = None
        conversation.title = event.name[:200] or conversation.title
        if greet:
            conversation.greeted_at = work.now
        work.session.add(conversation)
        work.session.flush()
        if event.direct and people:
            self._know(conversation, people, "", "")
        conversations.adopt(work.session, conversation, [event.chat])
        chat = Chat(
            conversation=conversation, destination=self._destination(conversation),
            account_id=conversation.account_id, person=event.sender, manager=event.direct,
            language=conversation.language or "en", trace=self._due.trace,
        )  # fmt: skip
        if not greet or is_late(self._due):
            return Taken()
        reply = self._with_offer(chat, commands.greeting(chat)) if was_removed else commands.greeting(chat)
        return Taken(reply, self._reply(chat, reply, ""), chat.language)

    def left(self, event: ChatLeft) -> None:
        """Nothing goes there any more, and nobody reads for it."""
        work = self._work
        conversation = conversations.find(work.session, self._due.channel, [event.chat])
        if conversation is None or conversation.left_at is not None:
            return
        conversation.left_at = work.now
        work.session.add(conversation)
        where = conversations.destinations(work.session, conversation.id)
        for one in conversations.subscriptions(work.session, where):
            if one.active:
                one.active, one.ended_at = False, work.now
                work.session.add(one)
                work.session.flush()
                feeds.forget_if_unwanted(work, one.feed_id)
        reason = f"destination disabled: {REMOVED}"
        rows = [row.id for row in stored_held.waiting(work.session, where)]
        rows += stored_held.queued(work.session, where, ALL_LANES, 1000)  # the rest of more ends as claims meet it
        stored_held.fail(work.session, rows, "destination_disabled", reason, work.now)
        for destination_id in where:
            stored_destinations.disable(work.session, destination_id, work.now, REMOVED)

    def _with_offer(self, chat: Chat, greeting: Reply) -> Reply:
        count = len(self._lost(chat))
        if not count:
            return greeting
        text = f"{greeting.text}\n\n{say(chat.language, 'back.offer', count)}"
        return Reply(text, (*greeting.buttons, Button(say(chat.language, "back.button"), BACK)))

    def _bring_back(self, chat: Chat) -> Reply:
        if not chat.manager:
            return Reply(say(chat.language, "only.managers"))
        lost = self._lost(chat)
        for one in lost:
            feed = feeds.get(self._work, one.feed_id)
            if feed.state != FeedState.ACTIVE:  # what it brought while nobody read it is no news
                feed.last_success_at = None
            feeds.follow(self._work, feed.source, feed.key, feed.host, feed.uid)
            one.active, one.ended_at = True, None
            self._work.session.add(one)
        self._work.session.flush()
        return Reply(say(chat.language, "back.done", len(lost)))

    def _lost(self, chat: Chat) -> Sequence[Subscription]:
        """What ended when the bot was removed for the last time, and not one by one."""
        ended = [
            one
            for one in conversations.subscriptions(self._work.session, [chat.destination.id])
            if not one.active and one.ended_at is not None
        ]
        last = max((one.ended_at for one in ended if one.ended_at), default=None)
        return [one for one in ended if one.ended_at == last]

    def moved(self, event: AddressMoved) -> None:
        """A person's other name leads to the same account; under the old one nobody is known any more."""
        session, channel = self._work.session, self._due.channel
        old = conversations.find(session, channel, [event.old])
        new = conversations.find(session, channel, [event.new])
        identities.rename(session, channel, event.old, event.new)
        if old is not None and new is None:
            old.address = event.new
            session.add(old)
            session.flush()
        elif old is not None and new is not None:  # they wrote from there before we heard of it
            new.account_id = old.account_id
            session.add(new)
            session.flush()
            identities.hand_over(session, new.id, old.account_id)
            conversations.hand_over(session, old.id, new.id)
        conversations.readdress(session, channel, event.old, event.new)
        self._work.wakes.add("deliveries")

    def preference(self, event: Preference) -> None:
        """A wish told to the platform counts as much as one told to us."""
        work = self._work
        conversation = conversations.find(work.session, self._due.channel, [event.chat])
        if conversation is None:
            if event.wanted or not conversations.is_destination(work.session, self._due.channel, [event.chat]):
                return
            conversation = self._begin(event.chat, True, "", [event.chat])
            conversations.adopt(work.session, conversation, [event.chat])
        if event.wanted:
            held.start(work, conversation)
        else:
            held.stop(work, conversation)


def _places(message: ChatMessage) -> Sequence[str]:
    return (message.chat, *message.also)


def _people(message: ChatMessage) -> Sequence[str]:
    return (message.sender, *message.sender_also)


def _differs(who: Identity, now: dict[str, object]) -> bool:
    return any(value and getattr(who, name) != value for name, value in now.items())
