"""Reads the dates that feeds really contain: RFC 822, ISO 8601, and what people's programs print instead.

A date never decides what is new (feeds.md 6), so a wrong guess costs more than no date: what cannot be read
with confidence is None.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

LONGEST = 100  # characters; no date anyone writes is longer


def parse(text: str, now: datetime, *, chinese: bool = False) -> datetime | None:
    """The moment ``text`` names, in UTC; None when it is absent, unreadable or absurd.

    Without a zone it is UTC.  ``chinese``: the feed says that it is, so CST means China.  Dates in the
    future are given as they are written.
    """
    text = text.strip()
    if not text or len(text) > LONGEST:
        return None
    try:
        moment = _usual(text) or _unusual(text, now, chinese)
    except (ValueError, OverflowError):
        return None
    # The zero of some clock, and what lies decades ahead, is no date.
    return moment if moment and 1970 < moment.year <= now.year + 10 else None


_ISO_8601 = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?")


def _usual(text: str) -> datetime | None:
    """The two forms that the standards prescribe, which are nearly all there is, read fast.

    "Tue, 02 Jan 2024 03:04:05 +0000" is put in the order of ISO 8601, whose reader is not written in Python.
    """
    if text[3:5] == ", " and (month := _MONTH_DIGITS.get(text[8:11])):
        zone = "+00:00" if text[26:] == "GMT" else text[26:]
        text = f"{text[12:16]}-{month}-{text[5:7]}T{text[17:25]}{zone}"
    elif not _ISO_8601.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is UTC:
        return moment
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


_TIME = (
    r"(?:[\sT,]*(?:(?:at|um|à|à las|a las|às|kl\.?|о|в|@|-|–|·|\|)\s*)?"
    r"(?P<hour>\d{1,2})(?:[:h.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,]\d+)?)?)?"
    r"\s*(?:(?P<half>[ap])\.?m\.?|uhr\b)?)?"
)
_ZONE = r"\s*(?P<zone>(?:GMT|UTC|UT|Z)?\s?[+-]\d{1,2}:?(?:\d\d)?|[A-Za-z]{1,5})?\s*(?:\([^()]*\)|\[[^\[\]]*\])?\s*\.?"
_DAY = r"(?P<day>\d{1,2})(?:\.|st|nd|rd|th|er|º|ª)?"
_NAME = r"(?P<name>[^\W\d_]{3,12})\.?"

_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        # 2024-1-2 3:04, 2024/01/02, 2024.1.2., 20240102T030405, 2024-01
        r"(?P<year>\d{4})([-/.])(?P<month>\d{1,2})(?:\2(?P<day>\d{1,2})\.?)?" + _TIME + _ZONE,
        r"(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)"
        r"(?:[T ]?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?:[.,]\d+)?)?" + _ZONE,
        r"(?P<year>(?:19|20)\d\d)",
        # 2024年1月2日（星期二）下午3:04, 2024년 1월 2일 오후 3시 4분
        r"(?P<year>\d{4})\s*[年년]\s*(?P<month>\d{1,2})\s*[月월]\s*(?P<day>\d{1,2})\s*[日号號일]"
        r"\s*(?:[(（]?(?:星期|周|週)?[一二三四五六日天月火水木金土월화수목금토일](?:曜日?|요일)?[)）]?)?[,，\s]*"
        r"(?P<half>上午|下午|午前|午後|오전|오후)?\s*"
        r"(?:(?P<hour>\d{1,2})\s*[:：时時點点시]\s*(?P<minute>\d{1,2})\s*[:：分분]?"
        r"\s*(?:(?P<second>\d{1,2})(?:[.,]\d+)?\s*[秒초]?)?)?" + _ZONE,
        # Tue, 2 Jan 2024 3:04 pm; 2. Januar 2024; 2 de enero de 2024; 02-Jan-24
        r"(?:[^\d+]{0,30}[\s,.])?" + _DAY + r"[\s/-]*(?:de\s+)?" + _NAME + r"[\s/,-]*(?:de\s+)?"
        r"(?P<year>\d{4}|\d\d)(?!\d)(?:\s*г\.?)?" + _TIME + _ZONE,
        # Tue Jan 2 15:04:05 UTC 2024
        r"(?:[^\d+]{0,30}[\s,.])?" + _NAME + r"\s+" + _DAY + r",?" + _TIME + _ZONE + r"\s+(?P<year>\d{4})",
        # January 2nd, 2024, 3:04 pm
        r"(?:[^\d+]{0,30}[\s,.])?" + _NAME + r"\s+" + _DAY + r",?\s+(?P<year>\d{4})" + _TIME + _ZONE,
        # 31.12.2024 15:04
        r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})" + _TIME + _ZONE,
        # 12/31/2024 or 31/12/2024, whichever it can be
        r"(?P<either>\d{1,2})([/-])(?P<other>\d{1,2})\2(?P<year>\d{4})" + _TIME + _ZONE,
    )
)  # fmt: skip


def _unusual(text: str, now: datetime, chinese: bool) -> datetime | None:
    if text.isdecimal() and len(text) in (9, 10, 13):
        seconds = int(text) / 1000 if len(text) == 13 else int(text)
        return datetime.fromtimestamp(seconds, UTC)
    for form in _FORMS:
        match = form.fullmatch(text)
        if match and (parts := _parts(match.groupdict(default=""))):
            return _moment(parts, match.groupdict().get("zone") or "", now, chinese)
    return None


def _parts(found: dict[str, str]) -> tuple[int, int, int, int, int, int] | None:
    if "either" in found:
        day_and_month = _sort_out(int(found["either"]), int(found["other"]))
    elif "name" in found:
        day_and_month = int(found["day"]), _MONTHS.get(found["name"].lower(), 0)
    else:
        day_and_month = int(found.get("day") or 1), int(found.get("month") or 1)
    day, month = day_and_month
    if not month:
        return None
    hour = int(found.get("hour") or 0)
    if half := found.get("half", "").lower():
        hour = hour % 12 + (12 if half in ("p", "下午", "午後", "오후") else 0)
    return int(found["year"]), month, day, hour, int(found.get("minute") or 0), int(found.get("second") or 0)


def _sort_out(first: int, second: int) -> tuple[int, int]:
    """Day and month of 31/12 or 12/31; month 0 when it could be either."""
    if first == second or second <= 12 < first:
        return first, second
    return (second, first) if first <= 12 < second else (0, 0)


def _moment(parts: Sequence[int], zone: str, now: datetime, chinese: bool) -> datetime:
    year, month, day, hour, minute, second = parts
    if year < 100:  # RFC 2822, 4.3
        year += 2000 if year < 50 else 1900
    past_midnight = timedelta(days=1) if hour == 24 and not minute else timedelta(0)
    local = datetime(
        year, month, day, 0 if past_midnight else hour, minute, min(second, 59), tzinfo=UTC
    )  # second 60: a leap second
    zone = zone.upper()
    moment = local + past_midnight - _offset(zone, chinese)
    if zone == "CST" and _CHINA_AHEAD[0] <= moment - now <= _CHINA_AHEAD[1]:
        moment = local + past_midnight - _CHINA  # feeds.md 6: read as American it lies ahead by their distance
    return moment


_CHINA = timedelta(hours=8)
_CHINA_AHEAD = timedelta(hours=13), timedelta(hours=15)
_FURTHEST = timedelta(hours=15)  # no zone is further from Greenwich
_DIGITS = re.compile(r"([+-])(\d{1,2}):?(\d\d)?$")


def _offset(zone: str, chinese: bool) -> timedelta:
    """How far the zone is ahead of UTC; zero for unknown names, as RFC 2822 (4.3) reads them."""
    if match := _DIGITS.search(zone):
        sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if offset > _FURTHEST:
            return timedelta(0)
        return -offset if sign == "-" else offset
    if zone == "CST" and chinese:
        return _CHINA
    return timedelta(minutes=_ZONES.get(zone, 0))


_ZONES = {  # minutes ahead of UTC
    "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420,
    "AKST": -540, "AKDT": -480, "HST": -600, "AST": -240, "ADT": -180, "NST": -210, "NDT": -150, "BRT": -180,
    "WEST": 60, "BST": 60, "CET": 60, "MEZ": 60, "MET": 60, "CEST": 120, "MESZ": 120, "MEST": 120,
    "EET": 120, "EEST": 180, "SAST": 120, "MSK": 180, "MSD": 240, "IST": 330, "ICT": 420, "WIB": 420,
    "HKT": 480, "SGT": 480, "AWST": 480, "JST": 540, "KST": 540, "ACST": 570, "AEST": 600, "ACDT": 630,
    "AEDT": 660, "NZST": 720, "NZDT": 780,
}  # fmt: skip

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar jänner janvier janv enero ene gennaio gen janeiro januari stycznia января янв "
            "ocak ledna januára",
            "feb february februar febr février févr fév fevrier febrero febbraio fevereiro fev februari lutego "
            "февраля фев февр şubat února",
            "mar march märz maerz mär mrz mars marzo março marco maart mrt marca марта мар mart března",
            "apr april avril avr abril abr aprile kwietnia апреля апр nisan dubna",
            "may mai mayo maggio mag maio mei maja maj мая mayıs května",
            "jun june juni juin junio giugno giu junho czerwca июня июн haziran června",
            "jul july juli juillet juil julio luglio lug julho lipca июля июл temmuz července",
            "aug august août aout agosto ago augustus augusti sierpnia августа авг ağustos srpna",
            "sep sept september septembre septiembre setiembre settembre set setembro września сентября сен "
            "сент eylül září",
            "oct october oktober okt octobre octubre ottobre ott outubro out października октября окт ekim října",
            "nov november novembre noviembre novembro listopada ноября ноя нояб kasım listopadu",
            "dec december dezember dez décembre déc decembre diciembre dic dicembre dezembro grudnia декабря "
            "дек aralık prosince",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH_DIGITS = {name.title(): f"{number:02}" for name, number in _MONTHS.items() if len(name) == 3 and name.isascii()}
