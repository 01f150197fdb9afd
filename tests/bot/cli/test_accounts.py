"""Accounts from the command line."""

from pathlib import Path

import pytest

from bot.usecases.console import invitations
from storage.admin_models import AuditEntry
from storage.database import Database
from tests import world
from tests.bot.cli.shell import Shell


def test_an_account_is_made_and_listed(shell: Shell) -> None:
    made = shell("account", "add", "Ann@Example.org", "--plan", "business", "--operator", "--json").json()
    assert made | {"id": 0, "created_at": ""} == {
        "id": 0, "email": "ann@example.org", "name": "", "plan": "business", "operator": True, "credits": None,
        "disabled": False, "created_at": "",
    }  # fmt: skip
    assert made["created_at"].endswith("Z")
    assert shell("account", "list", "--json").json() == [made]
    assert "ann@example.org" in shell("account", "list").out


def test_the_plan_is_the_default_one_unless_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_PLAN", "free")
    assert shell("account", "add", "ann@example.org", "--json").json()["plan"] == "free"


def test_a_plan_that_does_not_exist_is_refused_with_those_that_do(shell: Shell) -> None:
    assert "pro_plus" in shell("account", "add", "ann@example.org", "--plan", "gold", code=1).err


def test_an_account_is_put_on_a_plan_given_credits_disabled_and_enabled(shell: Shell, stored: Database) -> None:
    shell("account", "add", "ann@example.org")
    assert shell("account", "plan", "ann@example.org", "free", "--json").json()["plan"] == "free"
    assert "pro_plus" in shell("account", "plan", "ann@example.org", "gold", code=1).err
    for options, left in (("--set 5", 5), ("--add -2", 3), ("--uncounted", None)):
        assert shell("account", "credits", "1", *options.split(), "--json").json()["credits"] == left
    shell("account", "credits", "1", code=2)
    shell("account", "credits", "1", "--set", "1", "--add", "1", code=2)
    assert "disabled" in shell("account", "disable", "1", "--reason", "unpaid").out
    assert "disabled" in shell("account", "list").out
    assert "already" in shell("account", "disable", "1", code=1).complaint
    assert shell("account", "enable", "1", "--json").json()["disabled"] is False
    log = stored.look(world.rows, AuditEntry)
    assert [one.action for one in log] == [
        "create account", "change plan", *["change credits"] * 3, "disable account", "enable account",
    ]  # fmt: skip
    assert {(one.actor, one.target, one.address) for one in log} == {("command line", "account 1", "")}


def test_somebody_is_invited_by_a_link_on_the_last_line(shell: Shell, stored: Database) -> None:
    ran = shell("account", "invite", "Bob@example.org", "--plan", "free", "--operator")
    link = ran.out.splitlines()[-1]
    assert link.startswith("http://127.0.0.1:0/console/invitations/")
    offer = stored.look(invitations.offer, link.rpartition("/")[2])
    assert (offer.email, offer.existing) == ("bob@example.org", False)
    (row,) = stored.look(invitations.waiting)
    assert (row.plan, row.operator, row.invited_by) == ("free", True, None)
    (entry,) = stored.look(world.rows, AuditEntry)
    assert (entry.action, entry.actor, entry.target) == ("invite", "command line", f"invitation {row.id}")
    assert link.rpartition("/")[2] not in str(stored.look(world.rows, AuditEntry))
    assert "pro_plus" in shell("account", "invite", "carol@example.org", "--plan", "gold", code=1).err
    assert "e-mail" in shell("account", "invite", "carol", code=1).complaint


def test_who_has_an_account_is_invited_to_choose_a_new_password(shell: Shell, stored: Database) -> None:
    shell("account", "add", "ann@example.org")
    made = shell("account", "invite", "ANN@example.org", "--json").json()
    assert (made["account_id"], made["email"]) == (1, "ann@example.org")
    assert stored.look(invitations.offer, made["url"].rpartition("/")[2]).existing
    assert "already" in shell("account", "invite", "ann@example.org", "--operator", code=1).complaint


def test_what_is_no_address_is_refused(shell: Shell) -> None:
    for email in ("", "ann", "a b@example.org", "ann@", "@example.org"):
        assert "e-mail" in shell("account", "add", email, code=1).complaint


def test_an_address_has_one_account(shell: Shell) -> None:
    shell("account", "add", "ann@example.org")
    assert "already" in shell("account", "add", "ANN@example.org", code=1).complaint


def test_an_empty_list_says_what_to_do(shell: Shell) -> None:
    assert "postbell account add EMAIL" in shell("account", "list").out
    assert shell("account", "list", "--json").json() == []


def test_on_a_fresh_machine_the_first_account_makes_the_database(bare: Shell, tmp_path: Path) -> None:
    assert bare("account", "add", "ann@example.org", "--json").json()["id"] == 1
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert len(bare("account", "list", "--json").json()) == 1


def test_with_MIGRATE_off_nothing_is_made(bare: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MIGRATE", "off")
    assert "postbell migrate" in bare("account", "add", "ann@example.org", code=1).complaint
    assert not (tmp_path / "data").exists()
