"""Charts as numbers of a drawing: the templates write them into SVG, which the policy lets no style into."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, GAP = 480.0, 120.0, 3.0


@dataclass(frozen=True, slots=True)
class Box:
    """``kind``: which of the counts it stands for."""

    kind: str
    x: float
    y: float
    width: float
    height: float


def stacked(bars: Sequence[Mapping[str, int]], kinds: Sequence[str]) -> Sequence[Sequence[Box]]:
    """The boxes of each bar, from the ground up; what is there at all can be seen."""
    highest = max((sum(bar.values()) for bar in bars), default=0)
    return [_bar(bar, kinds, n * WIDTH / len(bars), WIDTH / len(bars), highest) for n, bar in enumerate(bars)]


def _bar(bar: Mapping[str, int], kinds: Sequence[str], x: float, width: float, highest: int) -> list[Box]:
    boxes, y = [], HEIGHT
    for kind in kinds:
        if count := bar.get(kind, 0):
            height = max(count * HEIGHT / highest, 2.0)
            y = max(y - height, 0.0)
            boxes.append(Box(kind, round(x + GAP / 2, 2), round(y, 2), round(width - GAP, 2), round(height, 2)))
    return boxes
