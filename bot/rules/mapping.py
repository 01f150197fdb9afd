"""Where in a foreign JSON document the fields of a post lie.

A mapping is JSON: ``{"items": "$.alerts", "title": "labels.alertname", "url": "links[0].href"}``.  ``items`` leads to
the list of items, from the whole document; without it the document is one item, or a list of them.  The other paths
lead from an item to the fields of a post.  A path is names with full stops between them and [0] for the first of a
list ([-1]: the last); ["a.b"] is a name that holds a full stop; $ is where it starts and may be left out.  JSONPath
proper can search, filter and compute: more than is wanted of a path, and more than should be done to a stranger's
document.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

FIELDS = ("id", "title", "url", "text", "html", "author", "published", "image")
MAX_PATH, MAX_MAPPING = 512, 8192  # characters

Path = tuple[str | int, ...]

_STEP = re.compile(r"""\.?([^\s.\[\]"'$]+)|\[(-?\d{1,6})\]|\[(?:"([^"\]]+)"|'([^'\]]+)')\]""")


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping, read."""

    items: Path | None
    paths: Mapping[str, Path]

    def apply(self, document: Any) -> Sequence[Any]:
        """The items in our own form; what is not where it should be is left out."""
        found = document if self.items is None else follow(self.items, document)
        items = found if isinstance(found, list) else [] if found is None else [found]
        return [{name: follow(path, item) for name, path in self.paths.items()} for item in items]


def parse(text: str) -> Fields:
    """Raises ValueError with what is wrong."""
    if len(text) > MAX_MAPPING:
        raise ValueError(f"a mapping has at most {MAX_MAPPING:,} characters")
    try:
        given = msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ValueError('a mapping is JSON like {"items": "$.alerts", "title": "labels.name"}') from None
    if unknown := given.keys() - {"items", *FIELDS}:
        raise ValueError(f"a post has no {min(unknown)!r}, only {', '.join(FIELDS)}")
    paths = {name: path(value) for name, value in given.items()}
    items = paths.pop("items", None)
    if not paths:
        raise ValueError("a mapping names where at least one field of a post lies")
    return Fields(items, paths)


def path(text: str) -> Path:
    """The steps of a path.  Raises ValueError."""
    left = text.strip().removeprefix("$")
    steps: list[str | int] = []
    while left and len(text) <= MAX_PATH:
        match = _STEP.match(left)
        if match is None:
            break
        name, index, *quoted = match.groups()
        steps.append(int(index) if index else name or quoted[0] or quoted[1])
        left = left[match.end() :]
    if left:
        raise ValueError(f"{text[:MAX_PATH]!r} is no path like alerts[0].labels.name")
    return tuple(steps)


def follow(steps: Path, value: Any) -> Any:
    """What lies at the end of the path; None when there is nothing."""
    for step in steps:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value
