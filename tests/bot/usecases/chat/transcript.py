"""Reads and holds transcripts: conversations that a person can read, and that are true.

# A heading begins a new chat: direct, or a group when it says so ("# In a group: …").
@ Ben                       who writes from now on; "@ Ben, manager" may change what a group gets (Ann may)
> list                      what they write; further lines of it begin with "> ", too
> [Undo]                    a button of this chat is pressed, the latest with that label
>> why                      written as a reply to the last post that came
>! harbour.opml: https://…  a file with a list of these feeds
>f list                     forwarded
< Nothing is followed …     what they get, line by line; buttons in brackets on the last
< (silence)
+ 11 minutes                time passes
* Harbour news: High tide   a post appears, is read and sent
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from adapters.inbound import Reply
from bot.rules import opml
from tests.bot.usecases.chat.desk import Driver

SILENCE = "(silence)"
_CODES = {"{shown}": r"(?<=\?text=)\d{6}", "{link}": r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b"}


def held(path: Path, driver: Driver) -> str:
    """The transcript as it comes out: equal to the file if all of it is true."""
    return "\n".join(_Session(driver).run(path.read_text().splitlines())) + "\n"


class _Session:
    def __init__(self, driver: Driver) -> None:
        self._driver, self._who, self._manager = driver, "Ann", True
        self._seen: dict[str, str] = {}  # codes, by how they are written in a transcript

    def run(self, lines: list[str]) -> Iterator[str]:
        said: list[str] = []
        for line in lines:
            if said and not line.startswith("> "):
                yield from self._shown(self._said("\n".join(said)))
                said = []
            if line.startswith("<"):
                continue
            yield line
            if line.startswith("> "):
                said.append(line[2:])
            elif reply := self._other(line):
                yield from self._shown(reply[0])
        if said:
            yield from self._shown(self._said("\n".join(said)))

    def _other(self, line: str) -> tuple[Reply | None] | None:
        mark, _, rest = line.partition(" ")
        who, manager = self._who, self._manager
        match mark:
            case "#":
                self._driver.open("group" if rest.startswith(("In a group", "群聊")) else "direct")
                self._who, self._manager = "Ann", True
            case "@":
                name, _, role = rest.partition(", ")
                self._who, self._manager = name, role == "manager"
            case "+":
                count, unit = rest.split()
                self._driver.sleep(timedelta(**{unit if unit.endswith("s") else f"{unit}s": int(count)}))
            case "*":
                feed, _, title = rest.partition(": ")
                self._driver.publish(feed, title)
            case ">>":
                return (self._driver.write(who, rest, manager=manager, answering=True),)
            case ">f":
                return (self._driver.forward(who, rest, manager=manager),)
            case ">!":
                urls = rest.partition(": ")[2].split()
                file = opml.write([opml.Outline(url) for url in urls], "Mine") if urls else "no list"
                return (self._driver.attach(who, file.encode(), manager=manager),)
        return None

    def _said(self, text: str) -> Reply | None:
        if text.startswith("[") and text.endswith("]"):
            return self._driver.press(self._who, text[1:-1], manager=self._manager)
        self._seen["{sent}"] = self._driver.arrived()
        for name, code in self._seen.items():
            text = text.replace(name, code)
        return self._driver.write(self._who, text, manager=self._manager)

    def _shown(self, reply: Reply | None) -> list[str]:
        if reply is None:
            return [f"< {SILENCE}"]
        text = reply.text
        for name, pattern in _CODES.items():
            for code in re.findall(pattern, text):
                self._seen[name] = code
                text = text.replace(code, name)
        shown = [f"< {line}".rstrip() for line in text.split("\n")]
        if reply.buttons:
            shown.append("< " + " ".join(f"[{button.label}]" for button in reply.buttons))
        return shown
