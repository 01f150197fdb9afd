"""Taking over the feeds of another reader, and handing them on, from the command line."""

from pathlib import Path

import pytest

from bot.rules import opml
from bot.rules.opml import Outline
from tests.bot.cli.shell import Shell

HOOK = "https://example.org/hook"
MINE = [
    Outline("https://example.org/a.xml", "Harbour & news"),
    Outline("https://EXAMPLE.org/b.xml#top", "Weather"),
    Outline("http://10.0.0.1/feed", "Cellar"),
]


@pytest.fixture
def ann(shell: Shell) -> Shell:
    shell("account", "add", "ann@example.org")
    shell("destination", "add", 1, "webhook", HOOK)
    return shell


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.opml"
    path.write_text(opml.write(MINE, "Mine"))
    return path


def test_a_list_becomes_subscriptions_without_asking_the_network(ann: Shell, file: Path) -> None:
    assert ann("import", file, "--json").json() == {
        "account_id": 1, "destination_id": 1, "new": 2, "known": 0, "refused": ["http://10.0.0.1/feed"],
    }  # fmt: skip
    said = ann("import", file).out
    assert "0 new subscriptions" in said
    assert "2 were there already" in said
    assert "not followed, its address is not allowed here: http://10.0.0.1/feed" in said
    feeds = ann("feeds", "--json").json()
    assert {(one["key"], one["title"], one["last_polled_at"]) for one in feeds} == {
        ("https://example.org/a.xml", "Harbour & news", None),
        ("https://example.org/b.xml", "Weather", None),
    }


def test_what_is_exported_can_be_imported(ann: Shell, file: Path, tmp_path: Path) -> None:
    ann("import", file)
    copy = tmp_path / "copy.opml"
    copy.write_text(ann("export").out)
    assert [one.url for one in opml.read(copy.read_bytes())] == [
        "https://example.org/a.xml",
        "https://example.org/b.xml",
    ]
    ann("account", "add", "bob@example.org")
    ann("destination", "add", 2, "webhook", f"{HOOK}/2")
    assert "say where to" in ann("import", copy, code=1).complaint
    assert "is not of account" in ann("import", copy, "--account", 1, "--destination", 2, code=1).complaint
    assert ann("import", copy, "--account", "bob@example.org", "--json").json()["new"] == 2
    assert ann("import", copy, "--destination", 2, "--json").json()["known"] == 2
    assert len(opml.read(ann("export", "--account", 2).out.encode())) == 2
    assert "there is no destination 9" in ann("export", "--destination", 9, code=1).complaint


def test_what_is_no_list_is_refused_in_words(ann: Shell, tmp_path: Path) -> None:
    bad = tmp_path / "bad.opml"
    bad.write_text("<opml>\n<body>\n<outline")
    assert "no list of feeds (OPML): there is a fault in line 3" in ann("import", bad, code=1).complaint
    bad.write_text("<html></html>")
    assert "there is no feed in it" in ann("import", bad, code=1).complaint
    assert "No such file" in ann("import", tmp_path / "absent.opml", code=1).complaint
    assert ann("export").out.count("<outline") == 0


def test_without_a_destination_it_asks_for_one(shell: Shell, file: Path) -> None:
    shell("account", "add", "ann@example.org")
    assert "say where to" in shell("import", file, code=1).complaint
