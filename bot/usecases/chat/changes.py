"""What happens to chats besides words: the bot comes and goes, people move, and say what they want elsewhere."""

from collections.abc import Sequence

from adapters.base import Button
from adapters.inbound import AddressMoved, ChatJoined, ChatLeft, Preference, Reply
from bot.rules.texts import say
from bot.usecases import feeds, held
from bot.usecases.chat import commands
from bot.usecases.chat.scene import Scene, Taken
from bot.usecases.chat.who import Chat
from storage import conversations, identities
from storage import destinations as stored_destinations
from storage import held as stored_held
from storage.models import FeedState, Subscription

ALL_LANES = ("chat", "webhook", "code", "reply")
REMOVED = "the bot was removed"
BACK = "back"  # what the button says that brings a group's subscriptions back


def joined(scene: Scene, event: ChatJoined) -> Taken:
    """Greets once; a group that had removed the bot may have its subscriptions back."""
    work, names = scene.work, [event.sender] if event.sender else []
    conversation = conversations.find(work.session, scene.due.channel, [event.chat])
    if conversation is None:
        if not scene.may_begin(event.direct, names, [event.chat]):
            return Taken(commands.refusal("en")) if event.first else Taken()
        conversation = scene.begin(event.chat, event.direct, event.name, names)
    elif event.direct and conversation.last_seen_at is None:
        scene.own(conversation, event.name, names)
    was_removed = conversation.left_at
    greet = conversation.greeted_at is None or was_removed is not None
    conversation.left_at = None
    conversation.title = event.name[:200] or conversation.title
    if greet:
        conversation.greeted_at = work.now
    work.session.add(conversation)
    work.session.flush()
    if event.direct and names:
        scene.know(conversation, names, "", "")
    conversations.adopt(work.session, conversation, [event.chat])
    chat = Chat(
        conversation=conversation, destination=scene.destination(conversation),
        account_id=conversation.account_id, person=event.sender, manager=event.direct,
        language=conversation.language or "en", trace=scene.due.trace,
    )  # fmt: skip
    if not greet or scene.due.late:
        return Taken()
    reply = _with_offer(scene, chat, commands.greeting(chat)) if was_removed else commands.greeting(chat)
    return scene.reply(chat, reply, "")


def left(scene: Scene, event: ChatLeft) -> None:
    """Nothing goes there any more, and nobody reads for it."""
    work = scene.work
    conversation = conversations.find(work.session, scene.due.channel, [event.chat])
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


def _with_offer(scene: Scene, chat: Chat, greeting: Reply) -> Reply:
    count = len(_lost(scene, chat))
    if not count:
        return greeting
    text = f"{greeting.text}\n\n{say(chat.language, 'back.offer', count)}"
    return Reply(text, (*greeting.buttons, Button(say(chat.language, "back.button"), BACK)))


def bring_back(scene: Scene, chat: Chat) -> Reply:
    """Subscribe the group again to what ended when the bot was removed."""
    if not chat.manager:
        return Reply(say(chat.language, "only.managers"))
    lost = _lost(scene, chat)
    for one in lost:
        feed = feeds.get(scene.work, one.feed_id)
        if feed.state != FeedState.ACTIVE:  # what it brought while nobody read it is no news
            feed.last_success_at = None
        feeds.follow(scene.work, feed.source, feed.key, feed.host, feed.uid)
        one.active, one.ended_at = True, None
        scene.work.session.add(one)
        scene.work.session.flush()
        if one.wants:
            feeds.want(scene.work, one.feed_id)
    return Reply(say(chat.language, "back.done", len(lost)))


def _lost(scene: Scene, chat: Chat) -> Sequence[Subscription]:
    """What ended when the bot was removed for the last time, and not one by one."""
    ended = [
        one
        for one in conversations.subscriptions(scene.work.session, [chat.destination.id])
        if not one.active and one.ended_at is not None
    ]
    last = max((one.ended_at for one in ended if one.ended_at), default=None)
    return [one for one in ended if one.ended_at == last]


def moved(scene: Scene, event: AddressMoved) -> None:
    """A person's other name leads to the same account; under the old one nobody is known any more."""
    session, channel = scene.work.session, scene.due.channel
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
    scene.work.wakes.add("deliveries")


def preference(scene: Scene, event: Preference) -> None:
    """A wish told to the platform counts as much as one told to us."""
    work = scene.work
    conversation = conversations.find(work.session, scene.due.channel, [event.chat])
    if conversation is None:
        held.meet(work, conversations.destinations_at(work.session, scene.due.channel, [event.chat]))
        conversation = conversations.find(work.session, scene.due.channel, [event.chat])
    if conversation is None:
        return
    if event.wanted:
        held.start(work, conversation)
    else:
        held.stop(work, conversation)
