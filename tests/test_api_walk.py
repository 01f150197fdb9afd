"""The README's walk through the native API: every line does what it says, in the order in which it is printed."""

import json
import re
import shlex
from dataclasses import dataclass, field
from string import Template
from typing import Any

from storage.database import Database
from tests.bot.web.gateway import Answer, Caller, Served, serving
from tests.clock import MovableClock
from tests.documents.pages import blocks, section
from tests.world import item


@dataclass(slots=True)
class Shell:
    """As much of a shell, of curl and of jq as the README needs."""

    served: Served
    variables: dict[str, str]
    answers: list[tuple[str, Answer]] = field(default_factory=list)

    async def run(self, line: str) -> None:
        if kept := re.fullmatch(r"(\w+)=\$\((.*) \| jq -r (\S+)\)", line):
            answer = await self.curl(kept[2])
            self.variables[kept[1]] = str(picked(answer.body, kept[3]))
        elif plain := re.fullmatch(r"(\w+)=(\S+)", line):
            self.variables[plain[1]] = plain[2]
        else:
            await self.curl(line)

    async def curl(self, line: str) -> Answer:
        program, *words = [Template(word).substitute(self.variables) for word in shlex.split(line)]
        assert program == "curl"
        method, data, headers, url = "", None, {}, ""
        while words:
            match words.pop(0):
                case "-X":
                    method = words.pop(0)
                case "-d":
                    data = words.pop(0)
                case "-H":
                    name, _, value = words.pop(0).partition(": ")
                    headers[name] = value
                case url:
                    pass
        method = method or ("POST" if data else "GET")
        path = url.removeprefix("http://127.0.0.1:8080")
        self.served.clock.advance(seconds=1)
        answer = await self.served.ask(method, path, headers=headers, data=data)
        self.answers.append((f"{method} {path.partition('?')[0]}", answer))
        return answer


def picked(body: Any, path: str) -> Any:
    """What jq finds at ".data[0].id"."""
    for name, index in re.findall(r"(\w+)(?:\[(\d+)\])?", path):
        body = body[name][int(index)] if index else body[name]
    return body


async def test_every_line_of_the_walk_works(database: Database, clock: MovableClock) -> None:
    async with serving(database, clock) as served:
        caller: Caller = await served.caller()
        url = served.feeds.add("https://example.org/feed.xml", item("old"), title="Example News")
        shell = Shell(served, {"KEY": caller.key})
        (block,) = blocks(section("The API"), "sh")
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        assert sum("curl" in line for line in lines) > 12
        for line in lines:
            await shell.run(line)
        assert [(what, answer.status) for what, answer in shell.answers if answer.status not in (200, 201)] == []
        told = dict(shell.answers)
        assert told["POST /api/v1/feeds/resolve"].body["newest"][0]["title"] == "Post old"
        assert told["GET /api/v1/posts"].body["data"][0]["title"] == "Build 42 failed"
        assert shell.answers[-1][1].body["post"]["title"] == "Build 42 failed"
        followed = await caller("GET", f"/api/v1/subscriptions/{shell.variables['FOLLOWED']}")
        assert (followed.body["feed"]["address"], followed.body["options"]["reposts"]) == (url, True)


def test_the_errors_form_in_the_text_is_that_of_the_answers() -> None:
    from bot.web.apis.native import wire

    (form,) = re.findall(r"`\{\"error\": \{(.*?)\}\}`", section("The API"))
    assert json.loads(f"[{form}]") == list(wire.Error.__struct_fields__)
