"""How the demo looks: a live screen on a terminal, a line per event elsewhere, and the summary at the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.cli.demo_ledger import Latencies, Ledger, Story

FRAME_LINES = 18  # of the screen without its posts


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a request brought; its signature was right."""

    message_id: str
    status: int  # what the receiver answered
    title: str
    text: str
    url: str


@dataclass(slots=True)
class Scene:
    """Who plays, and in what mood."""

    feed_url: str = ""
    hook_url: str = ""
    pid: int = 0  # of the gateway
    folder: Path = Path()
    ends_at: datetime | None = None
    failing: bool = False  # the receiver, on purpose
    closing: bool = False  # nothing new is published
    last: Arrival | None = None


Show = Callable[[datetime], None]
"""Shows what is new, or how it stands now; to be called several times a second."""


@contextmanager
def shown(console: Console, ledger: Ledger, scene: Scene) -> Iterator[Show]:
    """A live screen; a line per event where that is impossible."""
    if console.is_terminal and not console.is_dumb_terminal:
        # drawn on call only, so that the ledger never changes while it is read
        with Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False) as live:
            yield lambda now: live.update(_screen(ledger, scene, console.size.height, now), refresh=True)
    else:
        print(f"gateway       postbell serve, process {scene.pid}, database in {scene.folder}")
        print(f"publisher     {scene.feed_url}")
        print(f"receiver      {scene.hook_url}", flush=True)
        yield lambda _: _print_new(ledger)


def _print_new(ledger: Ledger) -> None:
    while ledger.events:
        event = ledger.events.popleft()
        print(f"{event.at.astimezone():%H:%M:%S.%f}"[:-3], f" {event.what:<13}  {event.detail}", flush=True)


def _screen(ledger: Ledger, scene: Scene, height: int, now: datetime) -> RenderableType:
    ledger.events.clear()  # the table shows them
    room = max(height - FRAME_LINES, 3)
    newest = list(ledger.stories.values())[-room:]
    return Group(_cast(scene), _posts(newest, room, now), _last(scene.last), _foot(ledger, scene, now))


# The screen, from top to bottom


def _cast(scene: Scene) -> RenderableType:
    """Who plays."""
    cast = Table.grid(padding=(0, 1), expand=True)
    for _ in range(2):
        cast.add_column(ratio=1, no_wrap=True)
        cast.add_column()
    cast.add_column(ratio=1, no_wrap=True)
    mood = Text("answers 503, on purpose", "bold red") if scene.failing else Text("checks every signature", "green")
    arrow = Text("──▶", "bright_black")
    cast.add_row(Text("publisher", "bold"), arrow, Text("postbell serve", "bold cyan"), arrow, Text("receiver", "bold"))
    cast.add_row(_url(scene.feed_url), "", Text(f"process {scene.pid}", "bright_black"), "", _url(scene.hook_url))
    quiet = "nothing new any more" if scene.closing else "a post every 2 to 3 s"
    cast.add_row(Text(quiet), "", Text("polls every second"), "", mood)
    return Panel(cast, title="[bold]Postbell[/] demo", border_style="cyan", padding=(0, 1))


def _posts(stories: list[Story], room: int, now: datetime) -> RenderableType:
    """The newest posts, and how far each is."""
    table = Table(box=None, expand=True, padding=(0, 1), header_style="bright_black")
    table.add_column("#", justify="right", width=4)
    table.add_column("post", ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("found", justify="right", width=8)
    table.add_column("tries", width=29, no_wrap=True)
    table.add_column("arrived", justify="right", width=8)
    for story in stories:
        found = f"+{_apart(story.published_at, story.found_at)}" if story.found_at else "…"
        done = story.delivery
        arrived = Text(f"+{_apart(story.published_at, done.at)}", "bold green") if done else Text("…", "bright_black")
        table.add_row(str(story.number), Text(story.title), found, _tries(story, now), arrived)
    for _ in range(room - len(stories)):
        table.add_row("")
    return table


def _tries(story: Story, now: datetime) -> Text:
    """ "✗ 503  again in 1.4 s", "✗ 503  ✓ 200  same id"."""
    text = Text()
    for one in story.requests:
        text.append(*(("✓ 200  ", "green") if one.status == 200 else (f"✗ {one.status}  ", "red")))
    if story.delivery is None and story.again_at:
        left = max((story.again_at - now).total_seconds(), 0)
        text.append(f"again in {left:.1f} s" if left else "now", "yellow")
    elif len(story.requests) > 1 and story.same_id:
        text.append("same id", "bright_black")
    return text


def _last(last: Arrival | None) -> RenderableType:
    """The newest message, as the receiver has it."""
    body = Text(no_wrap=True, overflow="ellipsis")
    if last:
        body.append(f"answered {last.status}, signature right, webhook-id {last.message_id}\n", "bright_black")
        body.append(last.title + "\n", "bold")
        lines = [line for line in last.text.splitlines() if line][:4]
        body.append("\n".join(lines + [""] * (4 - len(lines))) + "\n")
        body.append(last.url, "cyan")
    return Panel(body, title="what arrived last", title_align="left", border_style="bright_black", height=9)


def _foot(ledger: Ledger, scene: Scene, now: datetime) -> RenderableType:
    from_publisher, from_store = ledger.latencies()
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f" {len(ledger.stories)} published   {ledger.delivered} delivered   ")
    good = ledger.verified == ledger.attempts
    text.append(f"{ledger.verified}/{ledger.attempts} signatures right   ", "green" if good else "bold red")
    text.append(f"{ledger.repeats} repeats\n", "" if not ledger.repeats else "bold red")
    text.append(f" published → received: {_spread(from_publisher)}   stored → received: {_spread(from_store)}\n")
    left = max((scene.ends_at - now).total_seconds(), 0) if scene.ends_at else None
    if scene.closing:
        text.append(" waiting for what is under way; Ctrl-C leaves at once", "yellow")
    else:
        text.append(" Ctrl-C ends" + ("" if left is None else f"; otherwise in {left:.0f} s"), "bright_black")
    return text


# The end


def summary(ledger: Ledger) -> RenderableType:
    """What it came to, on one screen, and what to do next."""
    from_publisher, from_store = ledger.latencies()
    sums = _pairs()
    sums.add_row("posts published", str(len(ledger.stories)))
    sums.add_row("delivered", str(ledger.delivered))
    sums.add_row("attempts", f"{ledger.attempts}, {ledger.refused} of them refused on purpose")
    sums.add_row("verified signatures", f"{ledger.verified} of {ledger.attempts}")
    sums.add_row("repeats", str(ledger.repeats))
    sums.add_row("lost", str(ledger.undelivered))
    sums.add_row("published → received", f"{_spread(from_publisher)} (first tries; the feed is read every second)")
    sums.add_row("stored → received", f"{_spread(from_store)} (first tries)")
    for story in ledger.retried[-3:]:
        sums.add_row(f"post {story.number}, failed first", _line_of(story))
    return Group(Panel(Group(sums, Text(), _verdict(ledger)), title="[bold]Postbell[/] demo", padding=(1, 2)), _next())


def _verdict(ledger: Ledger) -> Text:
    if ledger.flawless:
        return Text("Every post arrived, once, signed.", "bold green")
    return Text("Not every post arrived once and signed: the numbers above say what went wrong.", "bold red")


def _next() -> RenderableType:
    steps = _pairs()
    steps.add_row("Next:  ./dev serve", "the gateway for real; its settings are in config.example.env")
    steps.add_row("       README.md", "your own feed at your own webhook, in five minutes")
    return steps


def _pairs() -> Table:
    table = Table.grid(padding=(0, 3))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    return table


def _line_of(story: Story) -> str:
    """ "503, 503 after 2.1 s, 200 after 5.0 s; one webhook-id"."""
    first = story.requests[0]
    words = [
        f"{first.status} at once",
        *(f"{one.status} after {_apart(first.at, one.at)}" for one in story.requests[1:]),
    ]
    return ", ".join(words) + ("; one webhook-id" if story.same_id else "; ANOTHER webhook-id")


# Words


def _url(url: str) -> Text:
    return Text(url.removeprefix("http://"), "bright_black", overflow="ellipsis")


def _apart(start: datetime, end: datetime) -> str:
    return f"{(end - start).total_seconds():.2f} s"


def _spread(latencies: Latencies) -> str:
    if not latencies.seconds:
        return "–"
    return f"p50 {_short(latencies.percentile(50))}, p95 {_short(latencies.percentile(95))}"


def _short(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"
