"""The process that reads what our own must not: large documents, and whatever needs feedparser.

It is given bytes, never an address, so it has no business with the network.  It may be killed at any moment, and is
when a document costs too much: feedparser is quadratic in places (reliability-and-security.md, 8.2).  Started by
parser.py, which is the only one to talk to it; it ends when its standard input does, at the latest after one
document's share of processor time.
"""

import os
import re
import resource
import signal
import sys
from datetime import datetime
from typing import BinaryIO
from xml.parsers import expat

import msgspec

from adapters.base import FeedFailed, FeedFault
from adapters.sources import formats

MAX_DEPTH = 128
MAX_ATTRIBUTES = 256  # of one element
MAX_ELEMENTS = 200_000
MAX_ENTITIES = 64
MAX_ENTITY_CHARS = 1024


class Question(msgspec.Struct):
    body: bytes
    content_type: str
    url: str
    now: datetime


class Answer(msgspec.Struct):
    """A document, or why there is none."""

    document: formats.Document | None = None
    fault: FeedFault | None = None
    reason: str = ""


def main() -> None:
    """Answer questions until there are no more.  Arguments: CPU seconds for one document, bytes of memory."""
    cpu_seconds, memory_bytes = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # SIGXCPU would write one
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches us too; our parent decides
    questions, answers = take_pipes()
    write_frame(answers, b"")  # ready
    try:
        while (question := read_frame(questions)) is not None:
            allow_cpu(cpu_seconds)
            write_frame(answers, answer(question))
    except (MemoryError, BrokenPipeError):
        os._exit(1)


def answer(question: bytes) -> bytes:
    """Read a document; both ways in MessagePack."""
    try:
        return msgspec.msgpack.encode(Answer(document=read(msgspec.msgpack.decode(question, type=Question))))
    except FeedFailed as failed:
        return msgspec.msgpack.encode(Answer(fault=failed.fault, reason=str(failed)))
    except MemoryError:
        raise
    except Exception as error:  # feedparser lets out whatever the modules under it raise
        reason = f"the document cannot be read ({type(error).__name__})"
        return msgspec.msgpack.encode(Answer(fault=FeedFault.PARSE, reason=reason))


def read(question: Question) -> formats.Document:
    labels = {"content_type": question.content_type, "url": question.url}
    try:
        return formats.read(question.body, now=question.now, **labels)
    except formats.NotStrict:
        prescan(question.body)
        return formats.read_tolerant(question.body, now=question.now, **labels)


def prescan(body: bytes) -> None:
    """Refuse what is made to hurt a parser, before feedparser sees it.

    Stops at the first error of form, for such documents are what feedparser is for: what hides behind one meets the
    processor limit instead.  A reference to an external DTD (RSS 0.91) and a few plain entities are normal;
    nothing is ever loaded.

    Raises:
        FeedFailed: HOSTILE.
    """
    parser = expat.ParserCreate()
    parser.ordered_attributes = True  # a flat list: name, value, name, value
    depth = elements = entities = 0

    def start(_name: str, attributes: list[str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > MAX_DEPTH:
            raise hostile("elements are nested too deeply")
        if elements > MAX_ELEMENTS:
            raise hostile("too many elements")
        if len(attributes) > 2 * MAX_ATTRIBUTES:
            raise hostile("too many attributes")

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def entity(_name: str, is_parameter: bool, value: str | None, *_where: str | None) -> None:
        nonlocal entities
        entities += 1
        if is_parameter or value is None:
            raise hostile("external entities")
        if entities > MAX_ENTITIES or len(value) > MAX_ENTITY_CHARS or re.search("&(?!#)", value):
            raise hostile("entities that could grow")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError):  # the last two: encodings it does not know
        return


def hostile(what: str) -> FeedFailed:
    return FeedFailed(FeedFault.HOSTILE, f"hostile document: {what}")


def take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for frames alone: what a library prints must not end up between them."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return sys.stdin.buffer, answers


def allow_cpu(seconds: int) -> None:
    """Let the kernel end this process after so many more seconds of processor time.

    The limit counts from the process's start, so it is moved ahead for each document; in whole seconds, rounded up.
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(usage.ru_utime + usage.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next frame: four bytes of length, most significant first, then the content.  None at the end."""
    head = stream.read(4)
    return stream.read(int.from_bytes(head)) if len(head) == 4 else None


def write_frame(stream: BinaryIO, content: bytes) -> None:
    stream.write(len(content).to_bytes(4) + content)
    stream.flush()


if __name__ == "__main__":
    main()
