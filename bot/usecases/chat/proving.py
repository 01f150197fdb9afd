"""``phone``, ``verify``, ``code`` and ``link``: proving who one is, in words."""

from datetime import timedelta

from adapters.base import BadAddress
from adapters.inbound import Reply
from bot.rules.codes import read_link
from bot.rules.plain_text import cut
from bot.usecases import codes, links
from bot.usecases.chat.turn import Turn, lines
from bot.usecases.chat.who import Phones


def phone(turn: Turn) -> Reply:
    """A code goes to the number; its digits are typed here or there."""
    phones, written = turn.terms.phones, turn.command.argument
    if phones is None:
        return turn.failed("phone.off")
    if not written:
        return turn.reply("phone.which")
    if not (address := _address(phones, written)):
        return turn.failed("phone.bad", said=cut(written, 40))
    chat = turn.chat
    try:
        asked = codes.ask(
            turn.work,
            turn.terms,
            account_id=chat.account_id,
            channel=phones.channel,
            address=address,
            asked_in=chat.conversation.id,
        )
    except codes.TooManyCodes as error:
        return turn.failed("code.too_many", time=turn.span(error.after))
    if asked.sent:
        return turn.reply("phone.sent", address=address)
    if asked.wait:
        return turn.reply("phone.wait", address=address, time=turn.span(asked.wait))
    return turn.reply("phone.known", address=address)


def verify(turn: Turn) -> Reply:
    """A code is shown, for the number's owner to send from it."""
    phones, written = turn.terms.phones, turn.command.argument
    if phones is None:
        return turn.failed("phone.off")
    if not written:
        return turn.reply("verify.how")
    if not (address := _address(phones, written)):
        return turn.failed("phone.bad", said=cut(written, 40))
    try:
        shown = codes.prove(
            turn.work,
            turn.terms,
            account_id=turn.chat.account_id,
            channel=phones.channel,
            address=address,
            number=phones.number,
        )
    except codes.TooManyCodes as error:
        return turn.failed("code.too_many", time=turn.span(error.after))
    time = turn.span(shown.expires_at - turn.now)
    return lines(turn.say("verify.send", address=address, code=shown.text, time=time), shown.link)


def _address(phones: Phones, written: str) -> str:
    """The number in the channel's form; empty when it is none."""
    try:
        return phones.normal_address(written)
    except BadAddress:
        return ""


def code(turn: Turn) -> Reply:
    """Digits that a person typed, against every code that may be answered from here."""
    digits = turn.command.argument
    if not digits:
        return turn.reply("code.which")
    message, conversation = turn.message, turn.chat.conversation
    addresses = dict.fromkeys((conversation.address, message.sender, *message.sender_also, message.phone))
    entered = codes.enter(
        turn.work,
        turn.terms,
        channel=conversation.channel,
        addresses=[address for address in addresses if address],
        digits=digits,
        conversation_id=conversation.id,
    )
    match entered.outcome:
        case "verified":
            return turn.reply("code.verified", addresses=", ".join(entered.verified))
        case "wrong":
            return turn.failed("code.wrong")
        case "expired":
            return turn.failed("code.expired")
        case "none":
            return turn.reply("code.none")


def link(turn: Turn) -> Reply:
    """Without an argument a code to type in another chat; with one, that code."""
    if turn.command.argument:
        return _join(turn, turn.command.argument)
    chat = turn.chat
    try:
        shown = links.link(turn.work, turn.terms, account_id=chat.account_id, conversation_id=chat.conversation.id)
    except codes.TooManyCodes as error:
        return turn.failed("code.too_many", time=turn.span(error.after))
    return turn.reply("link.shown", code=shown.text, time=turn.span(shown.expires_at - turn.now))


def _join(turn: Turn, text: str) -> Reply:
    conversation, message = turn.chat.conversation, turn.message
    if not read_link(text):
        return turn.failed("link.wrong")
    joined = links.join(
        turn.work,
        turn.terms,
        conversation_id=conversation.id,
        channel=conversation.channel,
        person=turn.chat.person,
        text=text,
        also=message.sender_also,
    )
    match joined.outcome:
        case "joined":
            return turn.reply("link.joined", account=joined.account_id or 0)
        case "same":
            return turn.reply("link.same")
        case "wrong":
            return turn.failed("link.wrong")
        case "refused":
            return turn.failed("code.too_many", time=turn.span(joined.after or timedelta(hours=1)))


def shown_to_all(turn: Turn, text: str) -> Reply | None:
    """A code for groups makes the group a destination.  Any other that was typed in a group is void, which is said;
    None when it is no code of ours."""
    message, conversation = turn.message, turn.chat.conversation
    match links.bring_group(turn.work, turn.terms, turn.chat, text, turn.chat.destination.lane):
        case "brought":
            return turn.reply("group.brought")
        case "refused":
            return turn.reply("only.managers")
        case "none":
            pass
    void = codes.void(
        turn.work,
        turn.terms,
        channel=conversation.channel,
        person=turn.chat.person,
        text=text,
        conversation_id=conversation.id,
        addresses=[name for name in (message.phone, *message.sender_also) if name],
    )
    return turn.reply("code.void") if void else None
