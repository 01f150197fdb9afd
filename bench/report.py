"""What was measured, as a table to read and as JSON to keep: never a bare time without its ratio."""

import json
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measure import Race, Ratio, ratio

RESULTS = Path(__file__).parent / "results"
OURS = "postbell"


@dataclass(frozen=True, slots=True)
class Figure:
    """What one side reached.  ``values``: one per turn."""

    who: str
    values: Sequence[float]
    unit: str

    def __str__(self) -> str:
        value = statistics.median(self.values)
        return f"{self.who} {value:,.{0 if value >= 100 else 1}f} {self.unit}"


@dataclass(frozen=True, slots=True)
class Goal:
    """What the ratio of ours to theirs must and should be: at least, or at most when less is better."""

    must: float
    aim: float
    less: bool = False

    def verdict(self, value: float) -> str:
        sign = -1 if self.less else 1
        if value * sign >= self.aim * sign:
            return "aim"
        return "must" if value * sign >= self.must * sign else "MISSED"

    def show(self, bound: float) -> str:
        return f"{'≤' if self.less else '≥'} {bound:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison.  ``mine`` None: ours was not measured; ``goal`` None: neither side is ours."""

    what: str
    mine: Figure | None
    theirs: Figure
    goal: Goal | None = None

    @property
    def ratio(self) -> Ratio | None:
        if self.mine is None:
            return None
        theirs = self.theirs.values
        if len(theirs) == 1:  # a fixed bound, the same for every turn
            theirs = [theirs[0]] * len(self.mine.values)
        return ratio(self.mine.values, theirs)

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return self.goal.verdict(self.ratio.median) if self.ratio else "not measured"


def rates(race: Race, who: str, unit: str) -> Figure | None:
    """A contestant's work per CPU-second; None when it took no part."""
    samples = race.get(who)
    return Figure(who, [sample.rate for sample in samples], f"{unit}/CPU-s") if samples else None


def show(rows: Sequence[Row], console: Console) -> None:
    judged = [row for row in rows if row.goal]
    beside = [row for row in rows if not row.goal]
    if judged:
        table = Table("what", "ours", "floor or peer", "ratio", "must", "aim", "verdict", title="Promises")
        for row in judged:
            assert row.goal
            goal = row.goal
            table.add_row(
                *(row.what, str(row.mine or "–"), str(row.theirs), _spread(row.ratio)),
                *(goal.show(goal.must), goal.show(goal.aim), row.verdict),
            )
        console.print(table)
    if beside:
        table = Table("what", "one", "other", "one ÷ other", title="Floors and peers among themselves")
        for row in beside:
            table.add_row(row.what, str(row.mine or "–"), str(row.theirs), _spread(row.ratio))
        console.print(table)


def save(rows: Sequence[Row], **about: Any) -> Path:
    """Write all rows with every turn's values; returns where."""
    RESULTS.mkdir(exist_ok=True)
    began = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    file = RESULTS / f"{began}.json"
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.release()}
    document = {"at": began, **machine, **about, "rows": [_as_json(row) for row in rows]}
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return file


def _spread(of: Ratio | None) -> str:
    if of is None:
        return "–"
    digits = 3 if of.median < 0.1 else 2 if of.median < 10 else 1
    return f"{of.median:.{digits}f} ({of.low:.{digits}f}–{of.high:.{digits}f})"


def _as_json(row: Row) -> dict[str, Any]:
    sides = {"mine": row.mine, "theirs": row.theirs}
    return {
        "what": row.what,
        **{name: side and {"who": side.who, "unit": side.unit, "values": list(side.values)}
           for name, side in sides.items()},
        "ratio": row.ratio and {"median": row.ratio.median, "low": row.ratio.low, "high": row.ratio.high},
        "must": row.goal and row.goal.must,
        "aim": row.goal and row.goal.aim,
        "less_is_better": row.goal and row.goal.less,
        "verdict": row.verdict,
    }  # fmt: skip
