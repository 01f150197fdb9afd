"""Every text of the console exists in every language, names the same places, and is used."""

import re
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from bot.rules import texts
from bot.rules.command_words import LANGUAGES

BOT = Path(__file__).parents[3] / "bot"
SAME = {
    "keys.title", "operator.lane.webhook", "operator.plan", "plan.title",
}  # fmt: skip
"""Texts that may be alike in several languages: names and abbreviations."""


@cache
def catalogue(language: str) -> Catalog:
    path = BOT / "locales" / language.replace("-", "_") / "LC_MESSAGES" / "console.po"
    with path.open("rb") as file:
        return read_po(file, abort_invalid=True)


@cache
def forms(language: str) -> dict[str, tuple[str, ...]]:
    """Every form of every text, by name."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in catalogue(language):
        if entry.id:
            name = entry.id if isinstance(entry.id, str) else entry.id[0]
            assert name not in found, f"{name} stands there twice"
            found[name] = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ())
    return found


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@cache
def sources() -> str:
    """All that can show a text."""
    paths = [*(BOT / "web" / "console").rglob("*.py"), *(BOT / "web" / "console" / "templates").rglob("*.html")]
    return "\n".join(path.read_text() for path in paths)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_exists_and_names_the_same_places(language: str) -> None:
    english = forms("en")
    assert forms(language).keys() == english.keys()
    for name, some in forms(language).items():
        wanted = set().union(*(places(form) for form in english[name]))
        for form in some:
            assert form, name
            assert places(form) | {"n"} == wanted | {"n"}, (name, form)
        assert len(some) in (1, catalogue(language).num_plurals), name


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_no_text_is_left_untranslated(language: str) -> None:
    same = {name for name, some in forms(language).items() if some == forms("en")[name] and re.search("[a-z]", some[0])}
    assert same <= SAME


def test_texts_that_pages_name_exist() -> None:
    named = set(re.findall(r"""\bsay\(\s*["']([a-z_0-9.]+[a-z_0-9])["']""", sources()))
    assert named - set(forms("en")) == set()


def test_no_text_is_left_over() -> None:
    """A name that is put together on the page is known by its beginning: ``say("looks." ~ theme)``."""
    found = set(re.findall(r"""["']([a-z_0-9]+\.[a-z_0-9.]*)["'{]""", sources()))
    found |= set(re.findall(r"""f["']([a-z_0-9]+\.[a-z_0-9.]*)\{""", sources()))
    begun = tuple(one for one in found if one.endswith(("_", ".")))
    done = set(re.findall(r"[?&]done=([a-z_0-9]+)", sources()))
    told = {name for name in forms("en") if name.startswith("done.") and name.removeprefix("done.") in done}
    errors = {name for name in forms("en") if name.startswith("error.")}  # by the codes of errors, wherever raised
    assert {name for name in forms("en") if not name.startswith(begun)} - found - told - errors == set()


def test_a_text_that_does_not_exist_is_a_fault() -> None:
    with pytest.raises(KeyError):
        texts.console("en", "no.such.text")
