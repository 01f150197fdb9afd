"""The picture of a post: fetched from where its feed says, given to the platform once, and never a reason to fail."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from yarl import URL

from adapters.base import SendError, SourceError
from adapters.channels.feishu.api import OpenApi
from adapters.channels.feishu.flights import Flights
from adapters.http import Fetched, Outbound

BUDGET_SECONDS: Final = 4.0  # what a message waits for its picture
MAX_BYTES: Final = 5 * 1024 * 1024
MAX_REDIRECTS: Final = 3
MAX_KEYS: Final = 1024
FAILED_SECONDS: Final = 60.0  # so long a picture that failed is not asked for again

_PATH: Final = "/open-apis/im/v1/images"
_MAGIC: Final = ((b"\xff\xd8\xff", "jpeg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"GIF87a", "gif"), (b"GIF89a", "gif"))


class Pictures:
    """Remembers keys by the picture's address: one post goes to many chats."""

    def __init__(self, outbound: Outbound, api: OpenApi, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._outbound, self._api, self._monotonic = outbound, api, monotonic
        self._keys: OrderedDict[str, tuple[str, float]] = OrderedDict()  # address → (key or "", since when)
        self._flights: Flights[str] = Flights()

    async def key(self, url: str) -> str:
        """What cards call the picture; empty when there is none, or not in time."""
        if not url:
            return ""
        known, since = self._keys.get(url, ("", float("-inf")))
        if known or self._monotonic() < since + FAILED_SECONDS:
            return known
        try:
            async with asyncio.timeout(BUDGET_SECONDS):
                return await self._flights.join(url, lambda: self._find(url))
        except TimeoutError:
            return ""

    async def close(self) -> None:
        await self._flights.close()

    async def _find(self, url: str) -> str:
        try:
            key = await self._upload(await self._fetch(url))
        except (SourceError, SendError, ValueError):
            key = ""
        self._keys[url] = (key, self._monotonic())
        self._keys.move_to_end(url)
        if len(self._keys) > MAX_KEYS:
            self._keys.popitem(last=False)
        return key

    async def _fetch(self, url: str) -> bytes:
        """Raises SourceError, ValueError.  Each hop passes the guard of feeds; none leads from https to http."""
        for _ in range(MAX_REDIRECTS + 1):
            hop = await self._outbound.fetch(url, {"Accept": "image/*"})
            if not 300 <= hop.status < 400:
                return _checked(hop)
            target = URL(hop.url).join(URL(hop.headers.get("Location", "")))
            if url.startswith("https:") and target.scheme != "https":
                raise ValueError("a redirect to where anybody could read along")
            url = str(target)
        raise ValueError("too many redirects")

    async def _upload(self, image: bytes) -> str:
        """Raises SendError, ValueError."""
        body, content_type = _multipart(image)
        said = await self._api.call("POST", _PATH, body=body, content_type=content_type)
        key = said.data.get("image_key")
        if not isinstance(key, str) or not key.isascii():
            raise ValueError("no key in the answer")
        return key


def _checked(answer: Fetched) -> bytes:
    """Raises ValueError unless it is a whole picture of a kind that cards show, by its bytes and not by its name."""
    if answer.status != 200 or answer.truncated or len(answer.body) > MAX_BYTES or not _kind(answer.body):
        raise ValueError("not a picture to show")
    return answer.body


def _kind(image: bytes) -> str:
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "webp"
    return next((kind for magic, kind in _MAGIC if image.startswith(magic)), "")


def _multipart(image: bytes) -> tuple[bytes, str]:
    """A form of two fields (RFC 7578); the boundary is a hash of the picture, so that it cannot be inside it."""
    boundary = hashlib.sha256(image).hexdigest()
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image_type"\r\n\r\nmessage\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="picture.{_kind(image)}"\r\n'
        f"Content-Type: image/{_kind(image)}\r\n\r\n"
    )
    return head.encode() + image + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
