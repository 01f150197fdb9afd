"""Conversations: the one transaction in which what people say in chats has its effect and is answered.

A person's first word makes an account where sign-up is open; a group has an account of its own, so that its
subscriptions outlive the member who made them.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from adapters.inbound import AddressMoved, ChatJoined, ChatLeft, ChatMessage, Preference, Reply
from bot.rules import commands as words
from bot.rules.texts import matching
from bot.usecases import held, inbox, links, replies
from bot.usecases.chat import changes, commands, questions
from bot.usecases.chat.scene import Managers, Scene, Taken, people, places
from bot.usecases.chat.who import Chat, Looked, Terms
from bot.usecases.inbox import DueEvent
from storage import conversations
from storage.chat_models import Conversation
from storage.database import Work

WINDOW = timedelta(hours=24) - timedelta(minutes=1)
AFTER_THE_ANSWER = timedelta(seconds=5)  # a reply that is the answer to a request is sent if that answer fails


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
    scene = Scene(work, terms, due, lane, managers)
    match due.event:
        case ChatMessage():
            return _message(scene, due.event, looked, AFTER_THE_ANSWER if at_once else timedelta(0))
        case ChatJoined():
            return changes.joined(scene, due.event)
        case ChatLeft():
            changes.left(scene, due.event)
        case AddressMoved():
            changes.moved(scene, due.event)
        case Preference():
            changes.preference(scene, due.event)
        case _:
            pass
    return Taken()


def concerns_managers(message: ChatMessage) -> bool:
    """Whether it must be known who manages the group."""
    return _wants_back(message) or words.may_need_manager(message)


def give_up(work: Work, terms: Terms, due: DueEvent, *, lane: str, error: str) -> Taken:
    """Be done with an event that fails again and again, and tell who wrote it; nobody new is taken up for that."""
    message = due.event
    if not inbox.done(work, due, error[:500]) or not isinstance(message, ChatMessage) or not words.for_us(message):
        return Taken()
    scene, language = Scene(work, terms, due, lane), matching(message.language)
    reply = commands.broken(language or "en", due.trace)
    conversation = scene.conversation(message)
    if conversation is None:
        return Taken(reply, language=language or "en")
    return scene.reply(scene.chat(conversation, message, language), reply, message.message_id)


def answered(work: Work, uids: Sequence[UUID]) -> None:
    """These replies were given as answers to requests, and need not be sent."""
    replies.answered(work, uids)


def _message(scene: Scene, message: ChatMessage, looked: Looked | None, after: timedelta) -> Taken:
    if not words.for_us(message):
        return Taken()
    conversation = scene.conversation(message)
    if conversation is None:
        if not (scene.may_begin(message.direct, people(message), places(message)) or _is_invited(scene, message)):
            return _stranger(scene, message)
        conversation = scene.begin(message.chat, message.direct, message.sender_name, people(message))
    elif message.direct and conversation.last_seen_at is None:
        scene.own(conversation, message.sender_name, people(message))
    if scene.is_closed(conversation):
        language = conversation.language or matching(message.language) or "en"
        return Taken(commands.closed(language), language=language)
    return _said(scene, conversation, message, looked, after)


def _is_invited(scene: Scene, message: ChatMessage) -> bool:
    """Whether a group that nobody has spoken for brings the code of an account that is known."""
    if message.direct or not words.brings_code(message):
        return False
    return links.is_for_group(scene.work, scene.terms, scene.due.channel, words.code_of(message))


def _stranger(scene: Scene, message: ChatMessage) -> Taken:
    """Nothing is kept of them, but for who brings the code of an account that is known."""
    language = matching(message.language) or "en"
    refused = Taken(commands.refusal(language), language=language)
    if not message.direct or not words.brings_code(message):
        return refused
    with scene.work.session.begin_nested() as attempt:
        conversation = scene.begin(message.chat, True, message.sender_name, people(message))
        account_id = conversation.account_id
        taken = _said(scene, conversation, message, None, timedelta(0))
        if conversation.account_id != account_id:
            return taken
        attempt.rollback()
    return refused


def _said(
    scene: Scene, conversation: Conversation, message: ChatMessage, looked: Looked | None, after: timedelta
) -> Taken:
    language = matching(message.language)
    released = _learn(scene, conversation, message, language)
    chat = scene.chat(conversation, message, language)
    if (
        released
        and words.shows_presence(message, chat.language)
        and not questions.is_open(conversation, scene.work.now)
    ):
        return Taken(language=chat.language)  # "write anything, and they come": what comes is the answer
    reply = _answer(scene, chat, message, looked)
    if reply is None:
        return Taken(language=chat.language)
    if conversation.account_id != chat.account_id:  # the command has joined it to another account
        chat = scene.chat(conversation, message, language)
    return scene.reply(chat, reply, message.message_id, after)


def _answer(scene: Scene, chat: Chat, message: ChatMessage, looked: Looked | None) -> Reply | None:
    if scene.due.late:
        return commands.late(chat.language)
    if _wants_back(message):
        return changes.bring_back(scene, chat)
    return commands.answer(scene.work, scene.terms, chat, message, looked)


def _wants_back(message: ChatMessage) -> bool:
    """Whether a group asks for the subscriptions that ended when the bot was removed."""
    return not message.direct and changes.BACK in (message.action, message.text.strip().lower())


def _learn(scene: Scene, conversation: Conversation, message: ChatMessage, language: str) -> int:
    """Everything that a message tells besides its words; answers how much it has let go that was held."""
    session = scene.work.session
    conversation.last_seen_at = scene.work.now
    conversation.left_at = None
    if message.direct:
        conversation.title = message.sender_name[:200] or conversation.title
        conversation.language = conversation.language or language
        scene.know(conversation, people(message), message.sender_name, message.phone)
    session.add(conversation)
    session.flush()
    conversations.adopt(session, conversation, places(message))
    return _open_window(scene, conversation) if message.opens_window else 0


def _open_window(scene: Scene, conversation: Conversation) -> int:
    due = scene.due
    until = min(due.event.at or due.received_at, due.received_at) + WINDOW
    if until <= scene.work.now:
        return 0
    conversation.window_until = max(conversation.window_until or until, until)
    return held.release(scene.work, conversation)
