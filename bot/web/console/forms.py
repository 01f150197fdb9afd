"""What was filled in on a page, and sent."""

from typing import Any

from aiohttp import web

from bot.errors import Invalid


class Form:
    """What was filled in.  Text is without NUL and spaces around it."""

    def __init__(self, posted: Any) -> None:
        self._posted = posted

    def text(self, name: str, longest: int = 2000) -> str:
        """Raises Invalid."""
        value = self._posted.get(name, "")
        text = value.replace("\0", "").strip() if isinstance(value, str) else ""
        _whole(text)
        if len(text) > longest:
            raise Invalid(f"{name} has more than {longest} characters", field=name, code="too_long")
        return text

    def secret(self, name: str) -> str:
        """As it was typed."""
        value = self._posted.get(name, "")
        return _whole(value) if isinstance(value, str) else ""

    def all(self, name: str) -> list[str]:
        return [_whole(one) for one in self._posted.getall(name, []) if isinstance(one, str)]

    def on(self, name: str) -> bool:
        return name in self._posted

    def file(self, name: str) -> bytes:
        """Of an upload; empty: none."""
        value = self._posted.get(name)
        if not isinstance(value, web.FileField):
            return b""
        with value.file as file:
            return bytes(file.read())


def _whole(text: str) -> str:
    """Raises Invalid: half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Invalid("the form holds half a character") from None
    return text


def natural(text: str) -> int | None:
    """A number of an id's size; None: it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None
