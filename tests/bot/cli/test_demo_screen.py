"""The demo's screen, as a terminal of a given size shows it."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from bot.cli.demo_ledger import Ledger, Request
from bot.cli.demo_screen import Arrival, Scene, shown, summary

T = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def a_run() -> tuple[Ledger, Scene]:
    ledger = Ledger()
    ledger.published("/1", "灯台、百年ぶりの塗り替え始まる [bold]", at(0))
    ledger.found("/1", at(0.5))
    ledger.received("/1", Request(at(0.51), "msg_1", 200))
    ledger.published("/2", "🌊 Bridge closed", at(3))
    ledger.found("/2", at(3.4))
    ledger.received("/2", Request(at(3.5), "msg_2", 503))
    ledger.waits("/2", at(5.5), at(3.6))
    scene = Scene("http://127.0.0.1:4000/news", "http://127.0.0.1:5000/hook", pid=77, ends_at=at(20))
    scene.last = Arrival("msg_2", 503, "🌊 Bridge closed", "first line\n\nsecond line", "http://127.0.0.1:4000/2")
    return ledger, scene


def drawn(width: int, height: int) -> list[str]:
    """One frame, without the alternate screen around it."""
    ledger, scene = a_run()
    screen = StringIO()
    console = Console(
        file=screen, force_terminal=True, width=width, height=height, color_system=None, legacy_windows=False
    )
    with shown(console, ledger, scene) as show:
        screen.truncate(0)
        screen.seek(0)
        show(at(4))
        return screen.getvalue().removeprefix("\x1b[H").splitlines()


@pytest.mark.parametrize(("width", "height"), [(100, 30), (80, 24)])
def test_a_frame_fits_its_terminal_and_shows_the_wait(width: int, height: int) -> None:
    lines = drawn(width, height)
    assert len(lines) == height
    assert {cell_len(line) for line in lines} == {width}
    page = "\n".join(lines)
    for part in ("✗ 503  again in 1.5 s", "✓ 200", "+0.51 s", "second line", "2/2 signatures right", "in 16 s"):
        assert part in page


def test_markup_in_a_title_is_shown_as_it_is() -> None:
    assert "[bold]" in "\n".join(drawn(100, 30))


def test_without_a_terminal_each_event_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    ledger, scene = a_run()
    with shown(Console(force_terminal=False), ledger, scene) as show:
        show(at(4))
        show(at(5))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 + 7
    assert lines[-1].endswith("waits          #2 is tried again in 1.90 s")


def test_the_summary_names_what_was_lost() -> None:
    ledger, _ = a_run()
    page = StringIO()
    Console(file=page, width=100).print(summary(ledger))
    assert "lost                   1" in page.getvalue()
    assert "Not every post arrived" in page.getvalue()
