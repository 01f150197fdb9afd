"""API keys from the command line."""

import re
from pathlib import Path

import pytest

from bot.web.apis import wechat_messages
from tests.bot.cli.shell import Shell


def test_a_key_stands_alone_on_the_last_line_and_is_shown_once(shell: Shell) -> None:
    shell("account", "add", "ann@example.org", "--plan", "free")
    key = shell("key", "add", "ann@example.org", "--name", "CI").out.splitlines()[-1]
    assert len(key) == 36
    (listed,) = shell("key", "list", "1", "--json").json()
    assert (listed["prefix"], listed["name"], listed["last_used_at"]) == (key[:12], "CI", None)
    assert key not in shell("key", "list", "1").out


def test_an_operator_makes_more_than_the_plan_allows(shell: Shell) -> None:
    shell("account", "add", "ann@example.org", "--plan", "free")
    made = [shell("key", "add", "1", "--json").json() for _ in range(2)]
    assert [one["name"] for one in made] == ["Default", "Default"]
    assert made[0]["key"] != made[1]["key"]


def test_a_new_key_is_told_with_the_whole_address_of_the_messages(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKER_PUBLIC_BASE_URL", "https://bell.example.org/")
    shell("account", "add", "ann@example.org")
    url = f"https://bell.example.org{wechat_messages.PATH}"
    *said, key = shell("key", "add", "1").out.splitlines()
    assert any(line.endswith(url) for line in said)
    assert re.fullmatch(r"bws_prod_\w{27}", key)
    assert shell("key", "add", "1", "--json").json()["messages_url"] == url


def test_a_key_is_removed_by_its_beginning(shell: Shell) -> None:
    shell("account", "add", "ann@example.org")
    key = shell("key", "add", "1").out.splitlines()[-1]
    assert "first 12 characters" in shell("key", "remove", "1", key, code=1).complaint
    shell("key", "remove", "1", key[:12])
    assert shell("key", "list", "1", "--json").json() == []
    shell("key", "remove", "1", key[:12], code=1)
    shell("key", "add", "2", code=1)


def test_plans_of_a_file_are_known(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plans.toml").write_text("[team]\nphones = 7\n")
    monkeypatch.setenv("PLANS_FILE", str(tmp_path / "plans.toml"))
    assert shell("account", "add", "ann@example.org", "--plan", "team", "--json").json()["plan"] == "team"
    (tmp_path / "plans.toml").write_text("[team]\nphones = 'many'\n")
    assert "PLANS_FILE" in shell("account", "add", "bob@example.org", code=2).complaint
