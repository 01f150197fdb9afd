"""The way out of a simulated channel: nothing leaves the process."""

from collections.abc import Awaitable, Callable, Mapping

from multidict import CIMultiDict
from yarl import URL

from adapters.http import Answer, Egress, Fetched, Outbound

PICTURE = b"\x89PNG\r\n\x1a\n"  # stands for every picture, as far as anybody looks into it

Platform = Callable[[str, URL, bytes], Awaitable[Answer]]
"""A request's method, address and body → the platform's answer."""


class Inside(Outbound):
    """The doors that a simulated channel uses; the others were never opened, and lead nowhere."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(Egress.parse("", []), user_agent="Postbell simulator")
        self._platform = platform

    async def call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],  # noqa: ARG002 (the contract's)
        body: bytes,
        *,
        timeout_seconds: float,  # noqa: ARG002
    ) -> Answer:
        return await self._platform(method, URL(url, encoded=True), body)

    async def fetch(self, url: str, headers: Mapping[str, str]) -> Fetched:  # noqa: ARG002 (the contract's)
        """A picture: what is shown in its place, the page draws."""
        return Fetched(200, CIMultiDict({"Content-Type": "image/png"}), PICTURE, url)
