"""``help``, ``lang``, ``whoami`` and ``quota``; and what is said to what is no command."""

from adapters.base import Button
from adapters.inbound import Reply
from bot.rules import commands, texts
from bot.rules.command_words import LANGUAGES, WORDS, Verb, word
from bot.rules.commands import Command, button
from bot.rules.plain_text import cut
from bot.usecases import accounts, spending, subscriptions
from bot.usecases.chat import questions, undoing
from bot.usecases.chat.turn import Turn, lines, with_buttons

ABOUT = {
    Verb.SUBSCRIBE: "help.subscribe",
    Verb.UNSUBSCRIBE: "help.unsubscribe",
    Verb.LIST: "help.list",
    Verb.LATEST: "help.latest",
    Verb.PAUSE: "help.pause",
    Verb.RESUME: "help.resume",
    Verb.WHY: "help.why",
    Verb.STATUS: "help.status",
    Verb.UNDO: "help.undo",
    Verb.IMPORT: "help.import",
    Verb.EXPORT: "help.export",
    Verb.VERIFY: "help.verify",
    Verb.PHONE: "help.phone",
    Verb.CODE: "help.code",
    Verb.LINK: "help.link",
    Verb.QUOTA: "help.quota",
    Verb.WHOAMI: "help.whoami",
    Verb.LANG: "help.lang",
    Verb.STOP: "help.stop",
    Verb.START: "help.start",
    Verb.HELP: "help.help",
}
PERSONAL = frozenset((Verb.VERIFY, Verb.PHONE, Verb.CODE, Verb.LINK))  # never where others read


def help_(turn: Turn) -> Reply:
    """Only what this person may do here; or all about one command."""
    asked = commands.parse(turn.command.argument, "", False) if turn.command.argument else None
    if asked and asked.verb in ABOUT:
        others = [other for language in ("en", turn.language) for other in WORDS[asked.verb][language]]
        also = ", ".join(dict.fromkeys(others))
        return lines(turn.say(ABOUT[asked.verb]), turn.say("help.also", words=also), *_not_here(turn, asked.verb))
    shown = [turn.say(text) for verb, text in ABOUT.items() if _allowed(turn, verb)]
    intro = turn.say("help.intro_direct" if turn.chat.conversation.direct else "help.intro_group")
    return lines(intro, *(f"• {line}" for line in shown))


def _allowed(turn: Turn, verb: Verb) -> bool:
    if turn.chat.conversation.direct:
        return True
    return verb not in PERSONAL and (turn.chat.manager or not commands.needs_manager(Command(verb)))


def _not_here(turn: Turn, verb: Verb) -> list[str]:
    if _allowed(turn, verb):
        return []
    return [turn.say("only.direct" if verb in PERSONAL else "only.managers")]


def unknown(turn: Turn) -> Reply:
    """Short, and with what may have been meant."""
    said = turn.command.argument
    if (verb := commands.nearest(said, turn.language)) and verb in ABOUT and _allowed(turn, verb):
        meant = word(verb, turn.language)
        value = button(verb, said.partition(" ")[2].strip())
        return with_buttons(turn.reply("unknown.near", command=meant), [Button(meant, value)])
    if turn.chat.conversation.direct:
        return turn.reply("unknown.direct", said=cut(said, 40))
    return turn.reply("unknown.group")


def lang(turn: Turn) -> Reply:
    conversation, argument = turn.chat.conversation, turn.command.argument
    offered = [Button(name, button(Verb.LANG, language)) for language, name in texts.NAMES.items()]
    if not argument:
        return with_buttons(turn.reply("lang.now", name=texts.NAMES[turn.language], names=_names()), offered)
    chosen = texts.matching(argument)
    if not chosen:
        return with_buttons(turn.failed("lang.unknown", said=cut(argument, 40), names=_names()), offered)
    undo = undoing.remember(turn, undoing.Change(language=conversation.language))
    conversation.language = chosen
    turn.work.session.add(conversation)
    label = texts.say(chosen, "button.undo")
    return Reply(texts.say(chosen, "lang.done", name=texts.NAMES[chosen]), (Button(label, undo.value),))


def _names() -> str:
    return " · ".join(texts.NAMES[language] for language in LANGUAGES)


def whoami(turn: Turn) -> Reply:
    conversation, chat = turn.chat.conversation, turn.chat
    role = "role.self" if conversation.direct else "role.manager" if chat.manager else "role.member"
    return lines(
        turn.say("whoami.you", person=chat.person, role=turn.say(role)),
        turn.say("whoami.chat", channel=conversation.channel, address=conversation.address),
        turn.say("whoami.account", account=chat.account_id),
        turn.say("whoami.language", name=texts.NAMES[turn.language]),
    )


def quota(turn: Turn) -> Reply:
    account = accounts.get(turn.work, str(turn.chat.account_id))
    used = subscriptions.count_of_account(turn.work, account.id)
    return lines(
        turn.say("quota.plan", plan=account.plan),
        turn.say("quota.used", used),
        turn.say("quota.here", len(turn.followed())),
        turn.say("quota.unlimited"),
        *_bills(turn),
    )


def _bills(turn: Turn) -> list[str]:
    """What sources that bill or count were read this month, for all who use this server together."""
    bills = [bill for bill in spending.bills(turn.work, turn.terms.policy.paces) if bill.reads or bill.budget]
    return [
        turn.say("quota.reads", source=bill.source, reads=bill.reads, forecast=bill.forecast)
        + (turn.say("quota.budget", budget=bill.budget) if bill.budget else "")
        for bill in bills
    ]


def completed(turn: Turn) -> Command | Reply:
    """What a yes, a no, a bare number or a button below a question comes to."""
    if turn.command.answer:
        return questions.pressed(turn)
    if turn.command.verb is Verb.NUMBER and not questions.picking(turn):
        return unknown(turn)
    return questions.answered(turn)
