"""Destinations from the command line: addresses, secrets, health."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from adapters.signatures import new_secret
from bot.clock import utc_now
from bot.rules.vault import Vault
from bot.usecases import destinations
from storage.database import Database, Work
from tests.bot.cli.shell import Shell

HOOK = "https://example.org/hook"


@pytest.fixture
def ann(shell: Shell) -> Shell:
    shell("account", "add", "ann@example.org")
    return shell


def secrets_of(stored: Database, id_: int) -> Sequence[str]:
    """What signs for a destination now, newest first."""
    row = stored.run(destinations.get, id_)
    ring = destinations.open_ring(Vault(b"k" * 32), row.uid.hex, row.secrets or b"")
    return tuple(one.text for one in ring.active(utc_now()))


def test_a_webhook_gets_a_secret_that_is_shown_once(ann: Shell, stored: Database) -> None:
    shown = ann("destination", "add", "ann@example.org", "webhook", HOOK, "--name", "Team")
    secret = shown.out.splitlines()[-1]
    assert secrets_of(stored, 1) == (secret,)
    for again in (ann("destination", "list"), ann("destination", "list", "--json")):
        assert HOOK in again.out
        assert "whsec_" not in again.out


def test_programs_get_id_and_secret(ann: Shell, stored: Database) -> None:
    made = ann("destination", "add", 1, "webhook", "https://EXAMPLE.org/hook#part", "--json").json()
    assert secrets_of(stored, made["id"]) == (made["secret"],)
    listed = ann("destination", "list", "--account", "1", "--json").json()
    assert listed == [{name: value for name, value in made.items() if name != "secret"}]
    assert listed[0] | {"uid": "", "created_at": ""} == {
        "id": 1, "uid": "", "account_id": 1, "channel": "webhook", "address": HOOK, "name": "", "verified": True,
        "state": "ok", "reason": "", "created_at": "",
    }  # fmt: skip


def test_a_secret_from_a_file_is_used_and_not_shown(ann: Shell, stored: Database, tmp_path: Path) -> None:
    secret = new_secret()
    (tmp_path / "secret").write_text(f"{secret}\n")
    ran = ann("destination", "add", 1, "webhook", HOOK, "--secret-file", tmp_path / "secret", "--json")
    assert ran.json()["secret"] is None
    assert secret not in ran.out
    assert secrets_of(stored, 1) == (secret,)


def test_what_is_no_secret_is_refused_and_not_repeated(ann: Shell, tmp_path: Path) -> None:
    for content in (b"", b"hunter2", b"whsec_short", b"\xff\xfe", b"whsec_" + b"A" * 10_000):
        (tmp_path / "secret").write_bytes(content)
        ran = ann("destination", "add", 1, "webhook", HOOK, "--secret-file", tmp_path / "secret", code=2)
        assert "whsec_ and the base64 form of 24 to 64 bytes" in ran.complaint
        assert "hunter2" not in ran.err
    assert ann("destination", "list", "--json").json() == []


WRONG_USE = (  # channel, address, the argument that is named
    ("pigeon", HOOK, "CHANNEL"),
    ("webhook", "example.org", "ADDRESS"),
    ("webhook", "http://8.8.8.8/hook", "ADDRESS"),
    ("webhook", "https://10.0.0.1/hook", "ADDRESS"),
    ("webhook", "https://[::1]/hook", "ADDRESS"),
)


def test_wrong_use_names_the_argument(ann: Shell) -> None:
    for channel, address, named in WRONG_USE:
        assert f"Invalid value for {named}" in ann("destination", "add", 1, channel, address, code=2).complaint


def test_nobody_else_and_nothing_twice(ann: Shell) -> None:
    ann("destination", "add", 1, "webhook", HOOK)
    assert "already" in ann("destination", "add", 1, "webhook", HOOK, code=1).complaint
    assert "no account '2'" in ann("destination", "add", 2, "webhook", HOOK, code=1).complaint
    assert (
        "no account 'bob@example.org'" in ann("destination", "list", "--account", "bob@example.org", code=1).complaint
    )


def test_after_a_rotation_both_secrets_sign(ann: Shell, stored: Database, tmp_path: Path) -> None:
    first = ann("destination", "add", 1, "webhook", HOOK).out.splitlines()[-1]
    second = ann("destination", "rotate", 1).out.splitlines()[-1]
    assert secrets_of(stored, 1) == (second, first)
    third = new_secret()
    (tmp_path / "secret").write_text(third)
    rotated = ann("destination", "rotate", 1, "--secret-file", tmp_path / "secret", "--json").json()
    assert rotated["secret"] is None
    assert rotated["former_until"].endswith("Z")
    assert secrets_of(stored, 1) == (third, second, first)
    assert "no destination 7" in ann("destination", "rotate", 7, code=1).complaint


def test_a_disabled_destination_is_shown_and_enabled(ann: Shell, stored: Database) -> None:
    ann("destination", "add", 1, "webhook", HOOK)
    stored.run(_disable, 1)
    assert ann("destination", "list", "--json").json()[0]["state"] == "disabled"
    assert "disabled: gone" in ann("destination", "list").out
    ann("destination", "enable", 1)
    assert ann("destination", "list", "--json").json()[0]["state"] == "ok"


def _disable(work: Work, id_: int) -> None:
    row = destinations.get(work, id_)
    row.disabled_at, row.disabled_reason = work.now, "gone"
    work.session.add(row)
