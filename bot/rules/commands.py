"""What people say, understood: words in any of the languages, or the value of a button, become a command."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from urllib.parse import quote, unquote

from adapters.inbound import ChatMessage
from bot.rules.codes import read_digits, read_link
from bot.rules.command_words import ALL_WORDS, LANGUAGES, WORDS, Verb
from bot.rules.plain_text import drop_unseen, one_line

LONGEST_VALUE = 200  # of a button (adapters.base.Button)
_VERSION = "1"  # of the values of buttons


@dataclass(frozen=True, slots=True)
class Command:
    """A message, understood."""

    verb: Verb
    argument: str = ""  # as it was written, without what stood around it; may have lines
    language: str = ""  # whose word it was; empty for English ones, buttons and bare values
    answer: Literal["", "yes", "no"] = ""  # of a button below a question


def parse(text: str, action: str, direct: bool) -> Command | None:
    """What a message wants; None when it says nothing.

    ``action``: the value of a pressed button, which counts alone.  In a direct chat a bare address is a subscription.
    A bare code is one anywhere: in a group it is to be void.
    """
    if action:
        return _pressed(action)
    said = _bared(text)
    if not said:
        return None
    bare = _code(said) or (_bare(said) if direct else None) or _number(said)
    return _worded(said) or bare or Command(Verb.UNKNOWN, said)


def of(message: ChatMessage) -> Command | None:
    """The command in a message; None when there is none for us: forwarded, silent, or said to others.

    A caption counts only as a command that it names.
    """
    if message.forwarded or not for_us(message):
        return None
    command = parse(message.text, message.action, message.direct)
    if command and message.kind != "text" and not message.action and command.verb in _VAGUE:
        return None
    return command


_VAGUE = frozenset((Verb.UNKNOWN, Verb.NUMBER))


def for_us(message: ChatMessage) -> bool:
    """Whether it is said to the bot.  In a group that takes a mention, a button or a command behind a slash.

    What may be a code is looked at, too: one that everybody has read is void.
    """
    if message.direct or message.addressed or message.action:
        return True
    text = _bared(message.text)
    return is_code(text) or (text[:1] in _SLASHES and _worded(text) is not None)


def needs(message: ChatMessage) -> str | None:
    """The name that a source must look up before the command can be carried out."""
    command = of(message)
    if command and command.verb is Verb.SUBSCRIBE and command.argument:
        return feed_name(command.argument)
    return None


def wants_file(message: ChatMessage) -> bool:
    """Whether what is attached may be a list of subscriptions to import, and must be fetched first."""
    if not message.file or message.forwarded or message.kind not in ("document", "file") or not for_us(message):
        return False
    command = of(message)
    return command is None or command.verb is Verb.IMPORT


def needs_manager(command: Command) -> bool:
    """Whether in a group only its managers may do this."""
    return command.verb in _OF_MANAGERS


def may_need_manager(message: ChatMessage) -> bool:
    """Whether it must be known who manages the group before this can be answered: also to say what one may do here,
    which is the answer to a mention and nothing else."""
    command = of(message)
    if command is None:
        return wants_file(message) or for_us(message)
    return needs_manager(command) or command.verb in _DEPENDING or (not message.direct and brings_code(message))


def shows_presence(message: ChatMessage, language: str) -> bool:
    """Whether it says that somebody is there, and nothing that could be carried out: "ok", a sticker, a yes."""
    command = of(message)
    if command is None:
        return not wants_file(message)
    if command.verb is Verb.UNKNOWN:
        return nearest(command.argument, language) is None
    return command.verb in (Verb.YES, Verb.STALE)


def brings_code(message: ChatMessage) -> bool:
    """Whether it is a link code, alone or behind its command: for that somebody whom we do not know is heard."""
    command = of(message)
    return command is not None and command.verb is Verb.LINK and read_link(command.argument) is not None


def code_of(message: ChatMessage) -> str:
    """The link code of a message that ``brings_code``."""
    command = of(message)
    return command.argument if command else ""


_DEPENDING = frozenset((Verb.YES, Verb.NUMBER, Verb.HELP, Verb.WHOAMI, Verb.UNKNOWN))
_OF_MANAGERS = frozenset(
    (
        Verb.SUBSCRIBE,
        Verb.UNSUBSCRIBE,
        Verb.PAUSE,
        Verb.RESUME,
        Verb.IMPORT,
        Verb.EXPORT,
        Verb.STOP,
        Verb.START,
    )
)

# Words


_SLASHES = ("/", "／")
_PUNCTUATION = ".,;:!?…。，；：！？、．｡~～"
_QUOTES = tuple(zip("\"'“‘«「『《〈`<[［【（(", "\"'”’»」』》〉`>]］】）)", strict=True))
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>\"“”「」『』《》【】]+", re.IGNORECASE)
_MOST_WORDS = 3  # of a command's name


def _bared(text: str) -> str:
    """Without what is unseen, quoted lines above, quotes around and blanks at the ends; all blanks are plain."""
    lines = [" ".join(line.split()) for line in drop_unseen(unicodedata.normalize("NFC", text)).splitlines()]
    own = [line for line in lines if not line.startswith((">", "＞"))]
    return _unquoted("\n".join(own or lines).strip())


def _unquoted(text: str) -> str:
    for opening, closing in _QUOTES:
        inside = text[1:-1]
        if inside and text[0] == opening and text[-1] == closing and opening not in inside:
            return inside.strip()
    return text


def _folded(word: str) -> str:
    """The form in which words are compared: full width, case and accents do not count."""
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", word).casefold())
    return unicodedata.normalize("NFC", "".join(c for c in plain if unicodedata.category(c) != "Mn"))


def _table() -> dict[str, tuple[Verb, str]]:
    """Each word's verb, and the first language that has it."""
    table: dict[str, tuple[Verb, str]] = {}
    for language in LANGUAGES:
        for verb, words in WORDS.items():
            for word in words[language]:
                table.setdefault(_folded(word), (verb, "" if language == "en" else language))
    return table


_TABLE = _table()
_POLITE = re.compile(r"(?:(?:please|pls|por favor)\b|请|請)[\s,，]*", re.IGNORECASE)
_ALONE = frozenset((Verb.YES, Verb.NO))  # nothing may follow these words
_LOOSE_STOPS = frozenset(_folded(word) for words in WORDS[Verb.STOP].values() for word in words[1:])
"""Stop only when alone ("alto", "quit"): sentences begin with them, too.  One that begins with "stop" is honoured."""
_WITH_ARGUMENT = frozenset(
    (
        Verb.SUBSCRIBE, Verb.UNSUBSCRIBE, Verb.LIST, Verb.LATEST, Verb.PAUSE, Verb.RESUME, Verb.CODE, Verb.PHONE,
        Verb.LINK, Verb.WHY, Verb.LANG, Verb.HELP,
    )
)  # fmt: skip
_GLUED = sorted(
    (
        word
        for word, (verb, language) in _TABLE.items()
        if language in ("zh-CN", "zh-TW", "ko") and len(word) > 1 and (verb in _WITH_ARGUMENT or word == "停止")
    ),
    key=len,
    reverse=True,
)
"""Words that are written without a blank before what follows, the longest first."""


def _worded(text: str) -> Command | None:
    text = text[polite.end() :] if (polite := _POLITE.match(text)) else text
    words = text.split(" ")
    if text.startswith(("@", "＠")) and len(words) > 1 and (command := _beginning(words[1:])):
        return command  # a mention that the platform has left in
    return _beginning(words) or _glued(text) or _ending(words)


def _beginning(words: list[str]) -> Command | None:
    """The longest name that the first words make."""
    first, newline, below = words[0].partition("\n")
    if newline:
        words = [first, below, *words[1:]]
    for count in range(min(_MOST_WORDS, len(words)), 0, -1):
        name, argument = _name(words[:count]), " ".join(words[count:])
        if found := _TABLE.get(name):
            return None if argument and name in _LOOSE_STOPS else _command(*found, argument)
    return None


def _name(words: list[str]) -> str:
    """As it stands in the table: without a slash, what bots are called, and punctuation."""
    text = " ".join(words).lstrip("/／").replace("＠", "@")
    if mention := _OWN_NAME.search(text):
        text = text[: mention.start()]
    return _folded(text.rstrip(_PUNCTUATION) or text[:1])


_OWN_NAME = re.compile(r"(?<=\w)@\w+$")  # "/list@postbell_bot"


def _glued(text: str) -> Command | None:
    folded = _folded(text.lstrip("/／"))
    for word in _GLUED:
        if folded.startswith(word):
            return _command(*_TABLE[word], text.lstrip("/／")[len(word) :].lstrip(_PUNCTUATION + " "))
    return None


def _ending(words: list[str]) -> Command | None:
    """Korean puts the verb last: "https://… 구독"."""
    for count in range(min(_MOST_WORDS, len(words) - 1), 0, -1):
        found = _TABLE.get(_name(words[-count:]))
        if found and found[1] == "ko" and found[0] in _WITH_ARGUMENT:
            return _command(*found, " ".join(words[:-count]))
    return None


def _command(verb: Verb, language: str, argument: str) -> Command | None:
    argument = _argument(argument)
    if verb in _ALONE and argument:
        return None
    if verb is Verb.STOP and argument[:1].isdecimal():
        verb = Verb.UNSUBSCRIBE
    if verb in (Verb.VERIFY, Verb.CODE) and (digits := read_digits(argument)):
        return Command(Verb.CODE, digits, language)
    return Command(verb, argument, language)


def _argument(text: str) -> str:
    text = _unquoted(text.strip())
    if "<" in text or "\n" in text:
        return text  # a document
    if "://" not in text:
        text = unicodedata.normalize("NFKC", text)
    return text.rstrip(_PUNCTUATION.replace("?", "") if "://" in text else _PUNCTUATION)


# Without words


_HANDLE = re.compile(r"@[A-Za-z0-9_]{1,30}")


def _code(text: str) -> Command | None:
    code = text.rstrip(_PUNCTUATION)
    if not is_code(code):
        return None
    return Command(Verb.CODE, digits) if (digits := read_digits(code)) else Command(Verb.LINK, code)


def _bare(text: str) -> Command | None:
    """An address or a name that says by itself what it is for."""
    plain = unicodedata.normalize("NFKC", text)
    address = _argument(text)
    if _ADDRESS.fullmatch(address) or _HANDLE.fullmatch(plain):
        return Command(Verb.SUBSCRIBE, address if "://" in address else plain)
    return None


def is_code(text: str) -> bool:
    """Whether a text is nothing but six digits or a link code as it is shown; words of eight letters are neither."""
    text = text.strip().rstrip(_PUNCTUATION)
    return bool(read_digits(text) or (read_link(text) and (text.isupper() or "-" in text)))


def _number(text: str) -> Command | None:
    return Command(Verb.NUMBER, str(n)) if (n := number(text)) is not None else None


def number(text: str) -> int | None:
    """A subscription's number as people write it: "3", "#3", "第3个", "3번"."""
    match = _NUMBER.fullmatch(unicodedata.normalize("NFKC", text.strip()))
    return int(match[1]) if match else None


_NUMBER = re.compile(r"(?:#|no\.? ?|nº ?|第)?\s?(\d{1,6})(?:个|個|条|條|号|號|项|項|번|\.)?", re.IGNORECASE)


def is_all(text: str) -> bool:
    """Whether it stands for every subscription of the chat."""
    return _folded(text) in ALL_WORDS


def feed_name(argument: str) -> str:
    """What a source is asked for: the first address in what was written, else all of it on one line."""
    if found := _ADDRESS.search(argument):
        return found[0].rstrip(_PUNCTUATION.replace("?", "") + "'’)）]")
    return one_line(argument)[:500]


_UNITS = {
    "m": ("m", "min", "mins", "minute", "minutes", "分钟", "分鐘", "분", "minuto", "minutos"),
    "h": ("h", "hr", "hour", "hours", "小时", "小時", "시간", "hora", "horas"),
    "d": ("d", "day", "days", "天", "日", "일", "dia", "dias"),
    "w": ("w", "week", "weeks", "周", "週", "星期", "주", "semana", "semanas"),
}
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
_UNIT = {word: _SECONDS[unit] for unit, words in _UNITS.items() for word in words}
_DURATION = re.compile(r"(\d{1,4}) ?([^\W\d_]+)")


def duration(text: str) -> tuple[timedelta, str, str]:
    """The duration at the end of a text ("3 7d", "all 2 weeks", "7天"), how it is written, and what stands before.

    Zero when there is none.
    """
    folded = _folded(text)
    for match in _DURATION.finditer(folded):
        if match.end() == len(folded) and (seconds := _UNIT.get(match[2])):
            return timedelta(seconds=int(match[1]) * seconds), match[0], folded[: match.start()].strip()
    return timedelta(0), "", text.strip()


# Buttons


def button(verb: Verb, argument: str = "", answer: Literal["", "yes", "no"] = "") -> str:
    """What a button carries; empty when it would be longer than buttons may."""
    value = ":".join(filter(None, (_VERSION, verb, quote(argument, safe="/?=,@+ "), answer)))
    if answer and not argument:
        value = f"{_VERSION}:{verb}::{answer}"
    return value if len(value) <= LONGEST_VALUE else ""


def _pressed(action: str) -> Command:
    version, _, rest = action.partition(":")
    if version != _VERSION or not rest:  # the quick replies of a template carry words
        return _worded(_bared(action)) or Command(Verb.STALE)
    verb, argument, answer = [*rest.split(":"), "", ""][:3]
    if verb not in _ON_BUTTONS or answer not in ("", "yes", "no"):
        return Command(Verb.STALE)
    said: Literal["", "yes", "no"] = "yes" if answer == "yes" else "no" if answer == "no" else ""
    return Command(Verb(verb), unquote(argument), "", said)


_ON_BUTTONS = frozenset(Verb) - {Verb.STALE, Verb.UNKNOWN, Verb.NUMBER}

# What may have been meant


def nearest(text: str, language: str) -> Verb | None:
    """The command whose name is most like the beginning of a text; None when none is near."""
    first = _name(text.split()[:1])
    if not 2 < len(first) < 20:
        return None
    typed = unicodedata.normalize("NFD", first)  # Korean syllables in their letters
    bound = len(typed) // 3
    near = min(_near(typed, language), key=lambda found: (found[0], found[1]), default=(bound + 1, True, None))
    return near[2] if near[0] <= bound else None


def _near(typed: str, language: str) -> Iterator[tuple[int, bool, Verb | None]]:
    """Distance, whether the word is of another language, and the verb."""
    for word, (verb, own) in _TABLE.items():
        spelled = unicodedata.normalize("NFD", word)
        if len(word) > 2 and abs(len(spelled) - len(typed)) <= len(typed) // 3:
            yield _distance(typed, spelled), (own or "en") != language, verb


def _distance(a: str, b: str) -> int:
    """Letters inserted, left out, exchanged or swapped with their neighbour (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        last, before, row = before, row, [i + 1]
        for j, y in enumerate(b):
            cost = min(before[j] + (x != y), before[j + 1] + 1, row[j] + 1)
            if i and j and x == b[j - 1] and a[i - 1] == y:
                cost = min(cost, last[j - 1] + 1)
            row.append(cost)
    return row[-1]
