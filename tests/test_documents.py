"""What README, CONTRIBUTING and CHANGELOG say is true: commands, routes, settings, bodies, links and examples."""

import ast
import asyncio
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import typer

from adapters.base import BadAddress, Channel, FeedNotFound, Message, PostView, Source, Throttled, TryAgain
from adapters.channels import webhook, webhook_inbound
from adapters.channels.feishu import examination
from adapters.channels.whatsapp import WhatsApp
from adapters.http import Egress, Outbound
from adapters.inbound import Callback, ChatMessage
from adapters.signatures import new_secret, sign
from adapters.sources import push
from bot import plugins
from bot.cli import app as command_line
from bot.gate import Gate
from bot.installed import settings as installed_settings
from bot.metrics import Metrics
from bot.rules import command_words, mapping, markdown, texts
from bot.rules import commands as chat_commands
from bot.settings import Settings, delays
from bot.usecases.chat.about import ABOUT
from bot.version import VERSION
from bot.web import health, openapi
from bot.web.apis import md_import
from bot.web.apis.wechat_messages_wire import ImportDocument
from tests.bot.web.gateway import (
    routes_of_administration,
    routes_of_messages,
    routes_of_native,
    routes_of_x_alerts,
)
from tests.fakes.publisher import Publisher
from tests.fakes.receiver import Receiver

ROOT = Path(__file__).parent.parent
PATIENCE = 90  # seconds that a process is given on a busy machine
TOOLS = Path(sys.executable).parent
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def example(name: str) -> str:
    """The block of the README that begins with its file's name."""
    found = re.findall(rf"^```\w+\n((?:#|//) {re.escape(name)}.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, name
    return str(found[0])


def section(title: str, text: str = README) -> str:
    """From a heading to the next one of its rank or above."""
    match = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert match, title
    after = text[match.end() :]
    prose = re.sub(r"^```.*?^```$", lambda block: " " * len(block[0]), after, flags=re.MULTILINE | re.DOTALL)
    following = re.search(rf"^#{{1,{len(match[1])}}} ", prose, re.MULTILINE)
    return after[: following.start()] if following else after


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text."""
    lines = [line.strip().strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines]


def ticked(text: str) -> list[str]:
    """What stands in `code`."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


# Commands


def commands(text: str) -> Iterator[list[str]]:
    """Every use of our command line in a page, as its arguments."""
    lines = [line for block in blocks(text, "sh") for line in block.splitlines()]
    spans = [span for span in ticked(text) if span.startswith("postbell ")]
    for line in [*lines, *spans]:
        for part in re.split(r"&&|\|", line):
            words = shlex.split(part, comments=True)
            at = max((n for n, word in enumerate(words) if Path(word).name == "postbell"), default=None)
            if at is not None and words[at + 1 :]:
                yield words[at + 1 :]


def find_command(words: list[str]) -> tuple[Any, list[str]]:
    command: Any = typer.main.get_command(command_line)
    while hasattr(command, "commands"):
        name, *words = words
        assert name in command.commands, f"there is no command {name!r}"
        command = command.commands[name]
    return command, words


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_commands_that_a_page_names_exist_with_these_options(page: str) -> None:
    for words in commands((ROOT / page).read_text()):
        command, arguments = find_command(words)
        options = {name: one for one in command.params if one.param_type_name == "option" for name in one.opts}
        given = [word for word in arguments if word.startswith("--")]
        assert set(given) <= options.keys(), words
        values = sum(not options[name].is_flag for name in given)
        room = sum(one.param_type_name == "argument" for one in command.params)
        assert len(arguments) - len(given) - values <= room, words


def test_most_commands_are_in_the_readme() -> None:
    named = {words[0] for words in commands(README)}
    group: Any = typer.main.get_command(command_line)
    assert set(group.commands) - named - {"demo", "unsubscribe", "subscriptions"} == set()


def test_every_dev_command_that_a_page_names_exists() -> None:
    script = (ROOT / "dev").read_text()
    known = set(re.findall(r"^\./dev (\w+)", script, re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"\./dev (\w+)", (ROOT / page).read_text())) <= known


# Routes, settings, metrics, numbers


def test_routes_that_the_readme_names_are_served() -> None:
    plain = [*health.routes(Gate()), health.metrics_route(Metrics()), *openapi.routes([], "")]
    served = {route.path for route in plain}
    assert served <= set(ticked(README))
    named = {span for span in ticked(README) if re.fullmatch(r"/[a-z]+(z|\.json)?", span)} - {"/data"}
    assert named == served
    routes = (*routes_of_x_alerts(), *routes_of_native(), *routes_of_messages())
    surfaces = {f"{route.method} {route.path}" for route in routes}
    assert {span for span in ticked(README) if re.match(r"(GET|POST|PATCH|DELETE) /", span)} == surfaces


def test_the_administration_in_the_readme_is_what_is_served() -> None:
    text, served = section("Operating it over HTTP"), routes_of_administration()
    nouns = {span for span in ticked(text) if span.startswith("/admin/v1/")}
    assert nouns == {"/".join(route.path.split("/")[:4]) for route in served}
    asked = re.findall(r"^admin (\w+) \"?(/[^\s\"?]+)\S*(?: '(.*)')?$", text, re.MULTILINE)
    assert len(asked) > 10
    for method, path, body in asked:
        (route,) = [one for one in served if one.method == method and _leads_to(one.path, f"/admin/v1{path}")]
        assert bool(body) <= (route.body is not None), path
        if route.body and body:
            assert json.loads(body).keys() <= set(route.body.__struct_encode_fields__)


def _leads_to(template: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) is not None


def test_settings_that_a_page_names_exist() -> None:
    for page in PAGES:
        names = {name for span in ticked((ROOT / page).read_text()) for name in re.findall(r"\b[A-Z]+_[A-Z_]+\b", span)}
        assert {name for name in names if not is_setting(name)} == set()


def is_setting(name: str) -> bool:
    known = {name.upper() for name in Settings.model_fields} | {one.name for _, one in installed_settings()}
    return {name, name.removesuffix("_FILE").partition("__")[0]} & known != set()


def test_metrics_that_the_readme_names_exist() -> None:
    known = {sample.name for metric in Metrics().registry.collect() for sample in metric.samples}
    known |= {metric.name for metric in Metrics().registry.collect()}
    named = set(re.findall(r"`(postbell_\w+)", section("Watching it")))
    assert named
    assert {name for name in named if name not in known and name.removesuffix("_total") not in known} == set()


def test_the_retry_schedule_in_the_readme_is_the_default() -> None:
    waits = delays(Settings.model_fields["retry_webhook"].default)
    hours = [f"{wait // timedelta(hours=1)}" for wait in waits[3:]]
    assert waits[:3] == (timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30))
    assert f"5 s, 5 min, 30 min, {', '.join(hours[:-1])} and {hours[-1]} hours" in README


def test_counts_in_contributing_are_those_of_the_tests() -> None:
    in_tests: Counter[tuple[str, int, int]] = Counter()
    counting = [file for file in (ROOT / "tests").rglob("*.py") if "from tests.counts import" in file.read_text()]
    for file in counting:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "count":
                numbers = [one.value for one in node.args if isinstance(one, ast.Constant)]
                numbers += [one.value.value for one in node.keywords if isinstance(one.value, ast.Constant)]
                plain, full = numbers
                assert isinstance(plain, int)
                assert isinstance(full, int)
                in_tests[str(file.relative_to(ROOT)), plain, full] += 1
    table = [row for row in rows(section("Check a change", CONTRIBUTING)) if row[1].startswith("tests/")]
    told = Counter((where, *(int(n.replace(",", "")) for n in numbers)) for _, where, *numbers in table)
    assert told == in_tests


# The body of a webhook


def paths(kind: Any, before: str = "") -> list[str]:
    """The fields of a Struct and of those within it, in their order."""
    found = []
    for one in msgspec.structs.fields(kind):
        name = before + one.name
        inner = {webhook.Event: webhook.Post, webhook.Post: webhook.Feed}.get(kind)
        nested = one.name in ("data", "feed")
        found += paths(inner, f"{name}.") if nested else [name]
    return found


def test_the_body_in_the_readme_has_the_fields_that_are_sent() -> None:
    table = [
        row[0].strip("`")
        for row in rows(section("What a webhook gets"))
        if re.match(r"`(type|timestamp|data\.)", row[0])
    ]
    assert table == paths(webhook.Event)


def test_the_example_body_is_what_is_sent_field_by_field() -> None:
    text = blocks(section("What a webhook gets"), "json")[0]
    shown = json.loads(text)
    data = msgspec.convert(shown["data"], webhook.Post)
    event = webhook.Event(shown["type"], msgspec.convert(shown["timestamp"], datetime), data)
    assert json.loads(msgspec.json.encode(event)) == shown
    assert list(shown["data"]) == [one.name for one in msgspec.structs.fields(webhook.Post)]


def test_notices_in_the_readme_are_those_that_are_sent() -> None:
    named = {name for row in rows(section("What a webhook gets")) for name in re.findall(r"`(\w+\.\w+)`", row[0])}
    named = {name for name in named if name.partition(".")[0] in ("feed", "destination", "operator")}
    files = [file for file in (ROOT / "bot").rglob("*.py") if "console" not in file.parts]  # its texts are named alike
    source = "\n".join(file.read_text() for file in files)
    whole = set(re.findall(r'"((?:destination|operator)\.\w+)"', source))
    of_feeds = {name for name in named if name.startswith("feed.")}
    assert named - of_feeds == whole
    assert all(f'"{name.removeprefix("feed.")}"' in source for name in of_feeds)


# What can be pushed in


def test_the_fields_in_the_readme_are_those_that_can_be_pushed() -> None:
    table = [name for row in rows(section("Pushing posts in")) for name in ticked(row[0])]
    assert sorted(table) == sorted(mapping.FIELDS)


def test_the_mapping_in_the_readme_reads_an_alert() -> None:
    alert = {"fingerprint": "f", "labels": {"alertname": "Disk"}, "annotations": {"summary": "full"}}
    alert |= {"generatorURL": "https://example.org/", "startsAt": "2026-01-31T12:00:00Z"}
    (item,) = mapping.parse(blocks(section("Pushing posts in"), "json")[0]).apply({"alerts": [alert]})
    post = push.read(item, datetime(2026, 1, 31, 13, tzinfo=UTC))
    assert (post.raw_id, post.title, post.content, post.url) == ("f", "Disk", "full", "https://example.org/")
    assert post.published == datetime(2026, 1, 31, 12, tzinfo=UTC)


# Chats


def test_the_permissions_and_events_in_the_readme_are_those_that_the_doctor_asks_for() -> None:
    steps = ticked(section("Feishu or Lark: an app"))
    scopes = [names[0] for names, _ in (*examination.NEEDED_SCOPES, *examination.USEFUL_SCOPES)]
    assert [one for one in steps if ":" in one and "/" not in one] == [*scopes, examination.OWN_SCOPE]
    events = [*examination.NEEDED_EVENTS, *examination.USEFUL_EVENTS, examination.CALLBACK]
    assert [one for one in steps if one.startswith(("im.", "card."))] == events


def test_the_commands_in_the_readme_are_those_of_the_help() -> None:
    table = rows(section("What people can write"))
    written = " ".join(word for row in table for word in ticked(" ".join(row)))
    assert {verb for verb in ABOUT if not re.search(rf"\b{command_words.word(verb, 'en')}\b", written)} == set()
    for row in table[2:]:
        for phrase in ticked(row[0]):
            command = chat_commands.parse(phrase, "", direct=True)
            assert command
            assert command.verb in ABOUT, phrase


def test_the_readme_names_the_languages() -> None:
    assert all(name in section("What people can write") for name in texts.NAMES.values())


def test_the_command_of_a_system_in_the_readme_is_one() -> None:
    body = blocks(section("Systems that write commands"), "json")[0].encode()
    secret = new_secret().encode()
    signed = {
        "webhook-id": "1",
        "webhook-timestamp": "1769860800",
        "webhook-signature": sign([secret], "1", 1769860800, body),
    }
    now = datetime.fromtimestamp(1769860800, UTC)
    (said,) = webhook_inbound.parse(Callback("POST", {}, signed, body, now), [secret], str).events
    assert isinstance(said, ChatMessage)
    assert (said.sender, said.text, said.direct) == ("build-server", "list", True)


def test_the_proxy_lets_in_what_whatsapp_sends_and_what_is_imported() -> None:
    (megabytes,) = re.findall(r"client_max_body_size (\d+)m;", README)
    assert int(megabytes) * 1024 * 1024 == max(WhatsApp.max_body, md_import.LARGEST)


def test_behind_the_proxy_callers_cannot_choose_their_address() -> None:
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in README


def test_the_kinds_of_feeds_in_the_readme_are_those_there_are() -> None:
    (row,) = [row for row in rows(section("What a webhook gets")) if row[0] == "`data.feed.source`"]
    assert set(ticked(row[1])) == set(plugins.SOURCES)


def test_the_fields_of_a_document_in_the_readme_are_those_that_are_read() -> None:
    table = [
        name for row in rows(section("The WeChat messages API, and importing Markdown")) for name in ticked(row[0])
    ]
    fields = list(ImportDocument.__struct_fields__)
    assert [name for name in table if " " not in name] == fields
    assert set(fields) - {"markdown"} == set(markdown.FIELDS)


# Links and words


@pytest.mark.parametrize("page", PAGES)
def test_links_inside_the_repository_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = ROOT / path if path else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_changelog_tells_of_this_version() -> None:
    assert f"\n## [{VERSION}]" in (ROOT / "CHANGELOG.md").read_text()


FORBIDDEN = re.compile(
    "|".join(
        (
            r"/wo" r"rk/",  # somebody's machine
            r"/home/(?!user\b)[a-z]+/",
            r"/ro" r"ot/",
            r"/opt/py" r"pi",
            r"files\.python" r"hosted\.org",  # where packages come from is the installer's business
            r"\bpy" r"pi\.org",
            r"--(extra-)?index" r"-url[= ]",
            r"--trusted" r"-host",
        )
    )
)


def test_no_file_tells_of_a_machine_or_a_package_host() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    found = []
    for name in filter(None, listed.stdout.decode().split("\0")):
        file = ROOT / name
        if file.is_file() and (match := FORBIDDEN.search(file.read_text(errors="replace"))):
            found.append((name, match[0]))
    assert found == []


# The first delivery, as the README has it


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
