"""Held messages: what waits until a person wants or may get it."""

from storage.chat_models import Conversation
from storage.database import Work


def stop(work: Work, conversation: Conversation) -> None:
    """Nothing goes to this conversation any more, whoever wants it to."""
    conversation.stopped_at = work.now
    work.session.add(conversation)


def start(work: Work, conversation: Conversation) -> None:
    """What comes goes there again."""
    conversation.stopped_at = None
    work.session.add(conversation)
