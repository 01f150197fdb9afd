"""The README's walks and examples, done as a newcomer does them."""

import asyncio
import json
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import aiohttp
import msgspec
import pytest

from adapters.base import BadAddress, Channel, FeedNotFound, Message, PostView, Source, Throttled, TryAgain
from adapters.http import Egress, Outbound
from adapters.signatures import new_secret, sign
from bot import plugins
from bot.settings import Settings
from tests.documents.pages import blocks, example, section
from tests.fakes.publisher import Publisher
from tests.fakes.receiver import Receiver

PATIENCE = 90  # seconds that a process is given on a busy machine
TOOLS = Path(sys.executable).parent


async def test_the_first_delivery_goes_as_the_readme_says(tmp_path: Path) -> None:
    """Its commands, word for word, but with a publisher and ports of this machine's own."""
    steps = blocks(section("Your first delivery in five minutes"), "sh")
    prepare, accounts, _, subscribe, look = steps
    environment = environment_without_settings()
    async with Publisher() as publisher:
        feed = publisher.feed("/feed.xml")
        feed.publish("It rang")
        port = free_port()
        allow = prepare.splitlines()[0].replace("127.0.0.1/32:9000", "127.0.0.1/32")
        await sh(allow, tmp_path, environment)
        async with running([TOOLS / "postbell", "serve"], tmp_path, environment, until=b'"ready"'):
            printed = await sh(accounts.replace(":9000", f":{port}"), tmp_path, environment)
            secret = printed.splitlines()[-1]
            (tmp_path / "receiver.py").write_text(example("receiver.py").replace("9000", str(port)))
            async with running([sys.executable, "receiver.py"], tmp_path, environment | {"SECRET": secret}) as receiver:
                await listening(port)
                await sh(subscribe.replace("https://xkcd.com/", feed.url), tmp_path, environment)
                event = await asyncio.wait_for(receiver.stdout.readuntil(b"\n}\n"), PATIENCE)
                kind, _, data = event.decode().partition(" ")
                assert (kind, json.loads(data)["title"]) == ("post.created", "It rang")
                assert "It rang" in await sh(look, tmp_path, environment)
                for _ in range(2):  # its own log: a line for each request
                    assert b"204" in await asyncio.wait_for(receiver.stderr.readline(), PATIENCE)
            assert await receiver.stdout.read() == b""  # what came again was not printed again


def environment_without_settings() -> dict[str, str]:
    """In which nothing but the current directory's own settings counts, and any port will do."""
    settings = {name.upper() for name in Settings.model_fields}
    bare = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in settings}
    return bare | {"PATH": f"{TOOLS}:{os.environ['PATH']}", "PORT": "0", "METRICS_PORT": "0", "LOG_FORMAT": "json"}


async def sh(script: str, folder: Path, environment: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *("sh", "-euc", script),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, err.decode()
    return out.decode()


@dataclass(frozen=True, slots=True)
class Running:
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader


@asynccontextmanager
async def running(
    command: list[str | Path], folder: Path, environment: dict[str, str], *, until: bytes = b""
) -> AsyncIterator[Running]:
    """A process from when its errors say ``until`` to the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout
    assert process.stderr
    try:
        if until:
            await asyncio.wait_for(process.stderr.readuntil(until), PATIENCE)
        yield Running(process.stdout, process.stderr)
    finally:
        process.terminate()
        await asyncio.wait_for(asyncio.gather(process.stderr.read(), process.wait()), 12)


async def listening(port: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_the_check_for_node_takes_ours_and_refuses_others(tmp_path: Path) -> None:
    """Where Node.js is; the README's check in Python is the same and is run everywhere."""
    if not (node := shutil.which("node")):
        return
    port, secret = free_port(), new_secret()
    (tmp_path / "receiver.mjs").write_text(example("receiver.mjs").replace("9000", str(port)))
    now = int(datetime.now(UTC).timestamp())
    body = b'{"type":"post.created","data":{"title":"\xc3\x84 post"}}'

    def headers(at: int = now, *, key: str = secret) -> dict[str, str]:
        signature = sign([new_secret().encode(), key.encode()], "msg_1", at, body)
        return {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": signature}

    cases: list[tuple[dict[str, str], int]] = [
        (headers(), 204),
        (headers(key=new_secret()), 401),
        (headers(now - 400), 401),
        (headers() | {"webhook-timestamp": "soon"}, 401),
        (headers() | {"webhook-signature": "v1 v2,x v1,"}, 401),
        ({}, 401),
    ]
    async with running([node, "receiver.mjs"], tmp_path, dict(os.environ) | {"SECRET": secret}) as receiver:
        await listening(port)
        async with aiohttp.ClientSession() as session:
            for given, expected in cases:
                async with session.post(f"http://127.0.0.1:{port}/hook", data=body, headers=given) as answer:
                    assert answer.status == expected, given
        assert await asyncio.wait_for(receiver.stdout.readline(), PATIENCE) == "msg_1 Ä post\n".encode()


# The channel and the source of the README


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The examples as installed packages, with their entry points."""
    groups = {"postbell_ntfy": ("channels", "ntfy", "Ntfy"), "postbell_folder": ("sources", "folder", "Folder")}
    for module, (group, name, kind) in groups.items():
        monkeypatch.delitem(sys.modules, module, raising=False)
        (tmp_path / f"{module}.py").write_text(example(f"{module}.py"))
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[postbell.{group}]\n{name} = {module}:{kind}\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    async with Outbound(Egress.parse("127.0.0.1/32"), user_agent="tests") as opened:
        yield opened


def test_the_entry_point_in_the_readme_names_the_example(installed: Path) -> None:
    assert 'postbell.channels"]\nntfy = "postbell_ntfy:Ntfy"' in example("pyproject.toml")
    kind = plugins.load("ntfy", plugins.CHANNELS, plugins.CHANNEL_GROUP)
    assert kind is import_module("postbell_ntfy").Ntfy
    assert plugins.names(plugins.SOURCES, plugins.SOURCE_GROUP).keys() - plugins.SOURCES.keys() == {"folder"}


async def test_the_example_of_a_channel_sends_and_says_what_answers_mean(installed: Path, outbound: Outbound) -> None:
    channel: Channel = plugins.load("ntfy", plugins.CHANNELS, plugins.CHANNEL_GROUP)(outbound)
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    view = PostView(
        id="1", seq=1, version=1, feed_id="2", feed_title="News", feed_url="https://example.org/feed", source="feed",
        title="It rang", text="For the first time.", url="https://example.org/1", author="", published=None,
        updated=None, found=now,
    )  # fmt: skip
    async with Receiver() as server:
        address = channel.normal_address(server.url("/topic"))
        message = Message(id="msg_1", address=address, created_at=now, sent_at=now, post=view)
        assert (await channel.send(message)).status == 200
        assert server.received[0].body.decode() == "It rang\n\nFor the first time.\n\nhttps://example.org/1"
        server.behave("/topic", statuses=[429, 500], headers={"Retry-After": "7"})
        with pytest.raises(Throttled) as throttled:
            await channel.send(message)
        assert throttled.value.after == timedelta(seconds=7)
        with pytest.raises(TryAgain):
            await channel.send(message)
    nobody = msgspec.structs.replace(message, address=f"http://127.0.0.1:{free_port()}/topic")
    with pytest.raises(TryAgain):
        await channel.send(nobody)
    with pytest.raises(BadAddress):
        channel.normal_address("ftp://example.org")
    await channel.close()


async def test_the_example_of_a_source_finds_what_is_new(installed: Path, tmp_path: Path, outbound: Outbound) -> None:
    source: Source = plugins.load("folder", plugins.SOURCES, plugins.SOURCE_GROUP)(outbound)
    folder, now = tmp_path / "reports", datetime(2026, 1, 31, 12, tzinfo=UTC)
    folder.mkdir()
    (folder / "one.txt").write_text("First.")
    found = await source.resolve(f"folder:{folder}", now)
    assert [(post.title, post.content) for post in found.page.posts] == [("one.txt", "First.")]
    same = await source.poll(found.key, found.page.cursor, now)
    assert (same.posts, same.info) == ((), None)
    (folder / "two.txt").write_text("Second.")
    later = await source.poll(found.key, found.page.cursor, now)
    assert [post.key for post in later.posts][:1] == [post.key for post in found.page.posts]
    assert len(later.posts) == 2
    with pytest.raises(FeedNotFound):
        await source.resolve("https://example.org", now)
    await source.close()
