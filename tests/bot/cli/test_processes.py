"""The real commands as processes of their own, beside a running server; and how commands fail."""

from pathlib import Path

import pytest

from storage import backup
from storage.database import Database
from tests.bot.cli.shell import Shell
from tests.crash.server import Server, environment, until
from tests.fakes.publisher import Publisher
from tests.fakes.receiver import Receiver
from tests.world import add_feed

apart = Shell().apart


async def test_from_nothing_to_a_delivery_beside_a_running_server(tmp_path: Path, database_url: str) -> None:
    settings = environment(tmp_path, database_url)
    async with Publisher() as publisher, Receiver() as receiver, Server(settings) as server:
        await server.ready()
        feed = publisher.feed("/a.xml", posts=2)
        await apart(settings, "account", "add", "ann@example.org")
        made = await apart(settings, "destination", "add", 1, "webhook", receiver.url(), "--json")
        receiver.secret = made.json()["secret"]
        await apart(settings, "subscribe", 1, feed.url, 1, "--latest")
        await until(lambda: receiver.received, "the latest post arrives")
        feed.publish("Storm warning")
        await apart(settings, "poll", 1)
        await until(lambda: len(receiver.received) == 2, "the new post arrives")
        assert all(one.verified for one in receiver.received)
        listed = (await apart(settings, "deliveries", "--json")).json()
        assert [(one["state"], one["title"]) for one in listed] == [("sent", "Storm warning"), ("sent", "Post 2")]
        assert not server.complaints


async def test_a_second_server_on_the_directory_is_refused(tmp_path: Path, sqlite_url: str) -> None:
    settings = environment(tmp_path, sqlite_url)
    async with Server(settings) as server:
        await server.ready()
        backup.back_up(tmp_path / "postbell.db", tmp_path / "copy")
        for command in (("serve", "--port", 0), ("restore", tmp_path / "copy")):
            said = (await apart(settings, *command, code=1)).err
            assert f"in use by process {server.pid}" in said


async def test_the_doctor_knows_a_server_of_ours(tmp_path: Path, sqlite_url: str) -> None:
    settings = environment(tmp_path, sqlite_url)
    async with Server(settings) as server:
        await server.ready()
        addresses = {"PORT": str(server.port), "WORKER_PUBLIC_BASE_URL": f"http://127.0.0.1:{server.port}"}
        found = (await apart(settings | addresses, "doctor", "--json")).json()
    texts = {one["what"]: one["text"] for one in found}
    assert texts["PORT"] == f"127.0.0.1:{server.port}: a server is running"
    assert texts["WORKER_PUBLIC_BASE_URL"].endswith("answers")
    assert texts["server"] == f"process {server.pid} works on this database"


@pytest.mark.parametrize(
    ("name", "value", "command"),
    [
        ("RETRY_WEBHOOK", "5s,soon", ("serve",)),
        ("EGRESS_ALLOW", "everything", ("serve",)),
        ("DATABASE_URL", "mysql://db", ("account", "list")),
    ],
)
async def test_a_wrong_setting_is_named(
    tmp_path: Path, name: str, value: str, command: tuple[str, ...], sqlite_url: str
) -> None:
    settings = environment(tmp_path, sqlite_url, **{name: value})
    assert (await apart(settings, *command, code=2)).err.startswith(f"postbell: {name}: ")


async def test_with_nothing_to_do_it_says_what_it_could(tmp_path: Path) -> None:
    shown = await apart({"DATA_DIR": str(tmp_path)}, code=2)
    assert all(command in shown.out + shown.err for command in ("serve", "subscribe", "doctor"))


# In this process: what a process of its own would show no better


def test_wrong_use_ends_with_two(bare: Shell) -> None:
    assert "No such command" in bare("fly", code=2).err
    assert "EMAIL" in bare("account", "add", code=2).err
    assert "--limit" in bare("feeds", "--limit", "0", code=2).err
    assert bare("--version").out.startswith("postbell ")


def test_a_wrong_key_ends_with_two(on_sqlite: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTER_KEY", "c2hvcnQ=")
    assert on_sqlite("serve", code=2).err.startswith("postbell: MASTER_KEY: expected 32 bytes")


def test_a_place_that_cannot_be_written_is_said_in_words(
    bare: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/file/x.db")
    for command in (("serve",), ("account", "add", "ann@example.org"), ("migrate",)):
        assert bare(*command, code=1).err.startswith("postbell: DATA_DIR: ")


def test_what_is_no_database_is_said_in_words(on_sqlite: Shell, tmp_path: Path) -> None:
    (tmp_path / "postbell.db").write_bytes(b"x" * 5000)
    for command in ("feeds", "serve"):
        assert "file is not a database" in on_sqlite(command, code=1).err


def test_a_fault_of_ours_is_one_line(shell: Shell, stored: Database) -> None:
    stored.run(add_feed, 1, cursor="{")  # nobody writes such a thing
    said = shell("poll", 1, code=1).err
    assert said.startswith("postbell: a fault in Postbell: DecodeError: ")
    assert said.endswith(" LOG_LEVEL=debug shows where.\n")
    assert said.count("\n") == 1


def test_NO_COLOR_is_honoured(bare: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in bare("doctor").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[32mok" in bare("doctor").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in bare("doctor").out
