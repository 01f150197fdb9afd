"""What the documents say of commands, routes, settings, fields and counts is what the program has."""

import ast
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import typer

from adapters.channels import webhook, webhook_inbound
from adapters.channels.feishu import examination
from adapters.channels.whatsapp import WhatsApp
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
from bot.web import health, openapi
from bot.web.apis import md_import
from bot.web.apis.wechat_messages_wire import ImportDocument
from tests.bot.web.gateway import (
    routes_of_administration,
    routes_of_messages,
    routes_of_native,
    routes_of_x_alerts,
)
from tests.documents.pages import (
    CONTRIBUTING,
    PAGES,
    README,
    ROOT,
    blocks,
    commands,
    find_command,
    rows,
    section,
    ticked,
)


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
