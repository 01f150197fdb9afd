"""``import`` and ``export``: the subscriptions of a chat as OPML."""

from adapters.inbound import Reply
from bot.rules import opml
from bot.rules.plain_text import cut
from bot.usecases.chat import undoing
from bot.usecases.chat.turn import Turn, lines, with_buttons
from bot.usecases.opml import AT_ONCE, export_opml, import_opml

ROOM = 3000  # characters of an exported list in one message; below what any chat platform takes
NAMED = 5  # of the feeds that could not be taken over


def import_(turn: Turn) -> Reply:
    document = _document(turn)
    if not document:
        return turn.reply("import.how")
    if turn.terms.naming is None:
        return turn.failed("import.off")
    try:
        outlines = opml.read(document)
    except opml.NotOpml as error:
        return turn.failed("import.unreadable", line=error.line) if error.line else turn.failed("import.empty")
    chat = turn.chat
    done = import_opml(
        turn.work,
        account_id=chat.account_id,
        destination_id=chat.destination.id,
        outlines=outlines[:AT_ONCE],
        naming=turn.terms.naming,
    )
    left = len(outlines[AT_ONCE:])
    refused = [f"• {cut(one.url, 80)}" for one in done.refused[:NAMED]]
    reply = lines(
        turn.say("import.done", len(done.made)),
        turn.say("import.known", done.known) if done.known else "",
        turn.say("import.refused", len(done.refused)) if refused else "",
        *refused,
        turn.say("import.left", left, most=AT_ONCE) if left else "",
        turn.say("import.then") if done.made else "",
    )
    if not done.made:
        return reply
    return with_buttons(reply, [undoing.remember(turn, undoing.Change(made=done.made))])


def _document(turn: Turn) -> bytes:
    if turn.looked and turn.looked.file is not None:
        return turn.looked.file
    return turn.command.argument.encode() if "<" in turn.command.argument else b""


def export(turn: Turn) -> Reply:
    """As text; what is too long for one message in parts, each of which is a whole list."""
    outlines = export_opml(turn.work, destination_id=turn.chat.destination.id)
    if not outlines:
        return turn.reply("list.none")
    parts = _parts(outlines)
    argument = turn.command.argument
    part = min(max(int(argument[:4]), 1), len(parts)) if argument.isdecimal() else 1
    document = opml.write(parts[part - 1], "Postbell").strip()
    if len(parts) == 1:
        return Reply(document)
    note = turn.say("export.part", part=part, parts=len(parts), next=part % len(parts) + 1)
    return Reply(f"{document}\n\n{note}")


def _parts(outlines: list[opml.Outline]) -> list[list[opml.Outline]]:
    parts: list[list[opml.Outline]] = [[]]
    used = 0
    for outline in outlines:
        size = len(opml.write([outline], ""))
        if parts[-1] and used + size > ROOM:
            parts.append([])
            used = 0
        parts[-1].append(outline)
        used += size
    return parts
