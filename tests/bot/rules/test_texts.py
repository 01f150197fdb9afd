"""Every text exists in every language, names the same places, fits the platforms' limits, and is used."""

import ast
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from bot.rules import texts
from bot.rules.command_words import LANGUAGES, WORDS
from bot.rules.plain_text import clean, length

ROOT = Path(__file__).parents[3]
BUTTON, BODY = 20, 1024  # whatsapp.md 8.3: a label; the text of a message that has buttons
NOTICE, ASIDES = 100, ("question.others", "undo.others")  # what a Feishu card shows in passing
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@cache
def catalogue(language: str) -> Catalog:
    path = ROOT / "bot" / "locales" / language.replace("-", "_") / "LC_MESSAGES" / "postbell.po"
    with path.open("rb") as file:
        return read_po(file, abort_invalid=True)


def forms(language: str) -> dict[str, tuple[str, ...]]:
    """Every form of every text, by name."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in catalogue(language):
        if entry.id:
            name = entry.id if isinstance(entry.id, str) else entry.id[0]
            found[name] = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ())
    return found


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_exists_and_names_the_same_places(language: str) -> None:
    english = forms("en")
    assert forms(language).keys() == english.keys()
    for name, some in forms(language).items():
        wanted = set().union(*(places(form) for form in english[name]))
        for form in some:
            assert form, name
            assert clean(form) == form, name
            # A form for one may say "only" instead of the number.
            assert places(form) | {"n"} == wanted | {"n"}, (name, form)
        assert set().union(*(places(form) for form in some)) == wanted, name
        assert len(some) in (1, catalogue(language).num_plurals), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_plurals_are_plural_in_every_language(language: str) -> None:
    def plural(of: str) -> set[str]:
        return {entry.id[0] for entry in catalogue(of) if isinstance(entry.id, tuple)}

    assert plural(language) == plural("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_left_untranslated(language: str) -> None:
    if language != "en":
        same = {name for name, some in forms(language).items() if some == forms("en")[name]}
        assert same <= {"button.no", "whoami.chat", "quota.plan"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_commands_that_a_text_names_exist(language: str) -> None:
    for some in forms(language).values():
        for form in some:
            for place in places(form):
                assert not place.startswith("/") or place[1:] in set(WORDS), form


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_fit_their_platforms(language: str) -> None:
    for name, some in forms(language).items():
        for form in some:
            if (name.startswith("button.") and name != "button.stale") or name == "back.button":
                assert length(form) <= BUTTON, name
            assert name not in ASIDES or length(form) <= NOTICE, name
            assert length(form) <= 300, name  # with names, addresses and a list of ten it stays below BODY
    for name in texts.NAMES.values():
        assert length(name) <= BUTTON


@pytest.mark.parametrize("language", LANGUAGES)
def test_quotation_marks_are_the_language_s_own(language: str) -> None:
    allowed = {"en": "“”", "zh-CN": "“”", "zh-TW": "「」", "ko": "“”‘’", "es": "“”"}[language]
    for name, some in forms(language).items():
        for form in some:
            assert set(re.findall(r"[\"“”‘’「」『』«»]", form)) <= set(allowed), name


def test_texts_that_are_used_exist_and_others_do_not() -> None:
    known, used = set(forms("en")), set()
    for path in [*(ROOT / "bot" / "usecases").rglob("*.py"), ROOT / "bot" / "rules" / "texts.py"]:
        tree = ast.parse(path.read_text())
        used |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value in known}
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _SPEAKING:
                first = call.args[1 if _is_texts_say(call.func) else 0]
                if isinstance(first, ast.Constant):
                    assert first.value in known, (path.name, first.value)
    assert known - used == set()


_SPEAKING = ("say", "reply", "failed", "button")


def _is_texts_say(function: ast.Attribute) -> bool:
    return isinstance(function.value, ast.Name) and function.value.id == "texts"


# Saying


def test_values_are_made_harmless() -> None:
    said = texts.say("en", "subscribe.done", number=1, feed="{number}\u202e\n\x1b[31mevil {0} {/list}")
    assert said == "You follow {number} [31mevil {0} {/list} now, as number 1."


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_choose_the_plural(language: str) -> None:
    some = {texts.say(language, "list.head", n).replace(str(n), "#") for n in (0, 1, 2, 5, 21)}
    assert len(some) == catalogue(language).num_plurals


def test_a_text_that_does_not_exist_is_a_fault() -> None:
    with pytest.raises(KeyError):
        texts.say("en", "no.such.text")


TAGS = {
    "zh_cn": "zh-CN", "zh-Hans-SG": "zh-CN", "zh": "zh-CN", "zh-Hant-HK": "zh-TW", "zh_tw": "zh-TW", "zh-MO": "zh-TW",
    "zh-Hans-HK": "zh-CN", "en-US": "en", "EN": "en", "ko_KR": "ko", "es-419": "es", "pt-BR": "", "": "", "x": "",
    "한국어": "ko", "中文": "zh-CN", "Español": "es", "english": "en", "繁體中文": "zh-TW",
}  # fmt: skip


@pytest.mark.parametrize(("tag", "language"), TAGS.items())
def test_platforms_words_for_languages_become_ours(tag: str, language: str) -> None:
    assert texts.matching(tag) == language


AGES = [
    (timedelta(0), "just now", "刚刚", "ahora mismo"),
    (timedelta(seconds=-40), "40 seconds ago", "40秒钟前", "hace 40 segundos"),
    (timedelta(hours=-3), "3 hours ago", "3小时前", "hace 3 horas"),
    (timedelta(minutes=10), "in 10 minutes", "10分钟后", "dentro de 10 minutos"),
]


@pytest.mark.parametrize(("distance", "english", "chinese", "spanish"), AGES)
def test_times_are_told_as_people_do(distance: timedelta, english: str, chinese: str, spanish: str) -> None:
    said = [texts.ago(language, NOW + distance, NOW) for language in ("en", "zh-CN", "es")]
    assert said == [english, chinese, spanish]
