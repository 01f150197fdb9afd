"""What keeps a browser's session its owner's: the cookie, the origin, the headers (reliability page, section 12)."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import web

SAFE_METHODS = frozenset({"GET", "HEAD"})
SESSION_SECONDS = 24 * 3600
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HSTS = "max-age=31536000"


class Guard:
    """``base_url``: our public address; with https the cookie never travels in the clear."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self.secure = parts.scheme == "https"
        self._origin = f"{parts.scheme}://{parts.netloc}".lower()
        self._cookie = "__Host-sid" if self.secure else "postbell_sid_plain"  # __Host- works over TLS only

    def token(self, request: web.Request) -> str:
        """Of the session that the browser says it has."""
        return request.cookies.get(self._cookie, "")

    def keep(self, response: web.StreamResponse, token: str) -> None:
        self._set(response, self._cookie, token, SESSION_SECONDS, httponly=True)

    def drop(self, response: web.StreamResponse) -> None:
        response.del_cookie(self._cookie, path="/", secure=self.secure, httponly=True, samesite="Lax")

    def keep_choice(self, response: web.StreamResponse, name: str, value: str) -> None:
        """A choice of looks, which is no secret."""
        self._set(response, f"postbell_{name}", value, 365 * 24 * 3600, httponly=True)

    def choice(self, request: web.Request, name: str) -> str:
        return request.cookies.get(f"postbell_{name}", "")

    def _set(self, response: web.StreamResponse, name: str, value: str, seconds: int, *, httponly: bool) -> None:
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=self.secure, httponly=httponly, samesite="Lax"
        )

    def may_change(self, request: web.Request) -> bool:
        """Whether a request comes from a page of ours; what only looks may come from anywhere."""
        if request.method in SAFE_METHODS:
            return True
        if site := request.headers.get("Sec-Fetch-Site"):
            return site == "same-origin"
        origin = request.headers.get("Origin", "").lower()
        return origin in (self._origin, f"http://{request.host}".lower(), f"https://{request.host}".lower())

    def protect(self, response: web.StreamResponse, *, kept: bool) -> None:
        """``kept``: the answer is the same for all and may be kept."""
        response.headers.update(HEADERS)
        if self.secure:
            response.headers["Strict-Transport-Security"] = HSTS
        response.headers["Cache-Control"] = "public, max-age=3600" if kept else "no-store"
