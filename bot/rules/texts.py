"""What people are told, in their language: the catalogues in ``bot/locales``, read when a language is first used.

A text's name is its msgid.  Places for values are named, "{title}"; "{/list}" is what that command is called in the
text's own language, so no text can name a word that is not understood.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from gettext import GNUTranslations
from importlib.resources import files
from io import BytesIO

from bot.rules.command_words import LANGUAGES, WORDS, word
from bot.rules.plain_text import one_line

DOMAIN, CONSOLE = "postbell", "console"
_FOLDERS = {"en": "en", "zh-CN": "zh_CN", "zh-TW": "zh_TW", "ko": "ko", "es": "es"}
_CLDR = {"en": "en", "zh-CN": "zh_Hans_CN", "zh-TW": "zh_Hant_TW", "ko": "ko", "es": "es"}
NAMES: Mapping[str, str] = {"en": "English", "zh-CN": "简体中文", "zh-TW": "繁體中文", "ko": "한국어", "es": "Español"}
"""Of the languages, in themselves."""


def say(language: str, text: str, n: int | None = None, /, **values: str | int) -> str:
    """A text with its values; ``n`` chooses the plural and is there as "{n}".

    Values are made harmless and put on one line each.  Raises KeyError: there is no such text.
    """
    return _said(DOMAIN, language, text, n, values)


def console(language: str, text: str, n: int | None = None, /, **values: str | int) -> str:
    """As ``say``, of the texts that stand on pages."""
    return _said(CONSOLE, language, text, n, values)


def has_console(text: str) -> bool:
    """Whether pages have words for it."""
    return _catalogue("en", CONSOLE).gettext(text) != text


def _said(domain: str, language: str, text: str, n: int | None, values: Mapping[str, str | int]) -> str:
    catalogue = _catalogue(language, domain)
    template = catalogue.gettext(text) if n is None else catalogue.ngettext(text, text, n)
    if template == text:
        raise KeyError(text)
    harmless = {name: one_line(value) if isinstance(value, str) else value for name, value in values.items()}
    return template.format_map({**_words(language), **harmless, "n": n})


@cache
def _catalogue(language: str, domain: str = DOMAIN) -> GNUTranslations:
    from babel.messages.mofile import write_mo  # these take long to load, and most processes never speak
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with files("bot.locales").joinpath(_FOLDERS[language], "LC_MESSAGES", f"{domain}.po").open("rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return GNUTranslations(compiled)


@cache
def _words(language: str) -> dict[str, str]:
    return {f"/{verb}": word(verb, language) for verb in WORDS}


def ago(language: str, at: datetime, now: datetime) -> str:
    """ "3 minutes ago", "in 2 hours", "just now"; in English and Spanish the middle of a sentence."""
    if abs(at - now) < timedelta(seconds=1):
        return say(language, "just_now")
    return _relative(language, at - now, direction=True)


def span(language: str, length: timedelta) -> str:
    """ "7 days", "15 minutes"."""
    return _relative(language, length, direction=False)


def _relative(language: str, length: timedelta, *, direction: bool) -> str:
    from babel.dates import format_timedelta

    return format_timedelta(length, add_direction=direction, threshold=1.2, locale=_CLDR[language])


def moment(at: datetime) -> str:
    """A time to the second, as logs write it: nobody has told us a chat's time zone."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def matching(tag: str) -> str:
    """Ours for a platform's or a person's word for a language ("zh_cn", "zh-Hant-HK", "한국어"); empty: none."""
    parts = tag.strip().replace("_", "-").casefold().split("-")
    if parts[0] in ("zh", "cmn", "yue"):
        return "zh-TW" if not {"hant", "tw", "hk", "mo"}.isdisjoint(parts) and "hans" not in parts else "zh-CN"
    if parts[0] in LANGUAGES:
        return parts[0]
    return _BY_NAME.get(tag.strip().casefold(), "")


_BY_NAME = {name.casefold(): language for language, name in NAMES.items()} | {
    "chinese": "zh-CN", "simplified chinese": "zh-CN", "traditional chinese": "zh-TW", "korean": "ko", "spanish": "es",
    "中文": "zh-CN", "简体": "zh-CN", "簡體": "zh-CN", "簡體中文": "zh-CN", "繁体": "zh-TW", "繁體": "zh-TW",
    "繁体中文": "zh-TW", "正體中文": "zh-TW", "英文": "en", "英语": "en", "英語": "en", "韩语": "ko", "韓語": "ko",
    "西班牙语": "es", "西班牙語": "es", "영어": "en", "중국어": "zh-CN", "스페인어": "es", "한글": "ko",
    "inglés": "en", "ingles": "en", "espanol": "es", "castellano": "es", "chino": "zh-CN", "coreano": "ko",
}  # fmt: skip
