"""How amounts and times are told in English: by commands, and by what ``doctor`` finds."""

from datetime import datetime, timedelta


def when(at: datetime | None, now: datetime) -> str:
    """A time as people say it: "3 min ago", "in 2 h", "2026-03-01"; UTC."""
    if at is None:
        return "–"
    distance = abs(now - at)
    if distance < timedelta(seconds=1):
        return "now"
    if distance >= timedelta(days=60):
        return f"{at:%Y-%m-%d}"
    return f"in {span(distance)}" if at > now else f"{span(distance)} ago"


def span(duration: timedelta) -> str:
    """A duration in its largest unit: "45 s", "10 min", "3 h", "12 d"."""
    seconds = int(duration.total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length * (1 if unit == "min" else 2):
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def size(count: int) -> str:
    """Bytes in their largest unit: "12.3 MiB"."""
    amount, unit = float(count), "bytes"
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"


def counted(number: int, one: str, many: str = "") -> str:
    """ "1 post", "2 posts"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
