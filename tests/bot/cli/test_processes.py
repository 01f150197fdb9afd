"""The real commands as processes of their own, alone and beside a running server."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.bot.cli.shell import Shell
from tests.crash.server import Server, environment, until
from tests.fakes.publisher import Publisher
from tests.fakes.receiver import Receiver

shell = Shell()


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Mapping[str, str]:
    return environment(tmp_path, database_url)


@pytest.fixture
async def server(settings: Mapping[str, str]) -> AsyncIterator[Server]:
    async with Server(settings) as server:
        await server.ready()
        yield server


async def test_from_nothing_to_a_delivery_beside_a_running_server(settings: Mapping[str, str], server: Server) -> None:
    async with Publisher() as publisher, Receiver() as receiver:
        feed = publisher.feed("/a.xml", posts=2)
        await shell.apart(settings, "account", "add", "ann@example.org")
        made = await shell.apart(settings, "destination", "add", 1, "webhook", receiver.url(), "--json")
        receiver.secret = made.json()["secret"]
        await shell.apart(settings, "subscribe", 1, feed.url, 1, "--latest")
        await until(lambda: receiver.received, "the latest post arrives")
        feed.publish("Storm warning")
        assert (await shell.apart(settings, "poll", 1)).out
        await until(lambda: len(receiver.received) == 2, "the new post arrives")
        assert all(one.verified for one in receiver.received)
        listed = (await shell.apart(settings, "deliveries", "--json")).json()
        assert [(one["state"], one["title"]) for one in listed] == [("sent", "Storm warning"), ("sent", "Post 2")]
    assert not server.complaints


async def test_a_second_server_on_the_directory_is_refused(tmp_path: Path, sqlite_url: str) -> None:
    settings = environment(tmp_path, sqlite_url)
    async with Server(settings) as server:
        await server.ready()
        for command in (("serve", "--port", 0), ("migrate",)):
            said = (await shell.apart(settings, *command, code=1)).err
            assert f"in use by process {server.pid}" in said
        await shell.apart(settings, "backup", tmp_path / "copy")
        assert (
            f"in use by process {server.pid}" in (await shell.apart(settings, "restore", tmp_path / "copy", code=1)).err
        )


async def test_the_doctor_knows_a_server_of_ours(settings: Mapping[str, str], server: Server) -> None:
    port = {"PORT": str(server.port), "WORKER_PUBLIC_BASE_URL": f"http://127.0.0.1:{server.port}"}
    found = (await shell.apart({**settings, **port}, "doctor", "--json")).json()
    texts = {one["what"]: one["text"] for one in found}
    assert texts["PORT"] == f"127.0.0.1:{server.port}: a server is running"
    assert texts["WORKER_PUBLIC_BASE_URL"].endswith("answers")


@pytest.mark.parametrize(
    ("name", "value", "command"),
    [
        ("PORT", "eighty", ("serve",)),
        ("RETRY_WEBHOOK", "5s,soon", ("serve",)),
        ("EGRESS_ALLOW", "everything", ("serve",)),
        ("MASTER_KEY", "c2hvcnQ=", ("serve",)),
        ("DATABASE_URL", "mysql://db", ("account", "list")),
        ("MASTER_KEY_FILE", "/nowhere/key", ("feeds",)),
    ],
)
async def test_a_wrong_setting_is_named(
    tmp_path: Path, name: str, value: str, command: tuple[str, ...], sqlite_url: str
) -> None:
    settings = {**environment(tmp_path, sqlite_url), name: value}
    if name == "MASTER_KEY_FILE":
        del settings["MASTER_KEY"]
    said = (await shell.apart(settings, *command, code=2)).err
    assert said.startswith(f"postbell: {name}: ")


async def test_wrong_use_and_no_use(tmp_path: Path) -> None:
    settings = {"DATA_DIR": str(tmp_path)}
    assert "No such command" in (await shell.apart(settings, "fly", code=2)).err
    assert "serve" in (await shell.apart(settings, "--help")).out
    assert (await shell.apart(settings, "--version")).out.startswith("postbell ")


async def test_an_unwritable_place_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = {"DATA_DIR": str(tmp_path)}
    for command in (("serve", "--port", 0), ("account", "add", "ann@example.org"), ("migrate",)):
        ran = await shell.apart({**settings, "DATABASE_URL": f"sqlite:///{tmp_path}/file/x.db"}, *command, code=1)
        assert ran.err.startswith("postbell: ")


async def test_a_fault_of_ours_shows_no_traceback(tmp_path: Path, sqlite_url: str) -> None:
    Path(sqlite_url.removeprefix("sqlite:///")).write_bytes(b"x" * 5000)
    said = (await shell.apart(environment(tmp_path, sqlite_url), "feeds", code=1)).err
    assert "file is not a database" in said


async def test_NO_COLOR_is_honoured_and_colours_stay_on_terminals(tmp_path: Path) -> None:
    settings = {"DATA_DIR": str(tmp_path), "FORCE_COLOR": "1", "METRICS_PORT": "0"}
    assert "\x1b[3" in (await shell.apart(settings, "doctor")).out
    assert "\x1b[3" not in (await shell.apart({**settings, "NO_COLOR": "1"}, "doctor")).out
    assert "\x1b" not in (await shell.apart({"DATA_DIR": str(tmp_path)}, "doctor")).out
