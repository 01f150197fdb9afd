"""Connections for what is fetched: answers larger than those to messages, each piece in its time, known if cut off."""

import asyncio
from typing import Final

from adapters.http.answer import MAX_ANSWER, Answer, Headers, NoAnswer
from adapters.http.connection import Connection

HEAD_SECONDS: Final = 15.0  # until a feed's first byte, connecting included (reliability 8.1)
STALL_SECONDS: Final = 10.0
FETCH_SECONDS: Final = 30.0
MAX_DOCUMENT: Final = 5 * 1024 * 1024  # bytes of a feed as they come (reliability 8.1)


class Document(Answer, frozen=True, gc=False):
    """``body`` ends where it broke off or, of what is no success, after 64 KiB."""

    complete: bool = True
    too_large: bool = False


class DocumentConnection(Connection):
    """Its answers are Documents.  What is silent in the middle of one is no answer."""

    _most: int  # bytes of body that are read; less than none: it says that it is too long

    def ask(self, request: bytes, until: float) -> asyncio.Future[Answer]:
        self._end = self._loop.time() + FETCH_SECONDS
        return super().ask(request, until)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._asked and self._status:
            self._watch(min(self._end, self._loop.time() + STALL_SECONDS))

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if 200 <= self._status < 300:
            declared = next((value for name, value in self._headers if name.lower() == b"content-length"), b"0")
            self._most = -1 if int(declared) > MAX_DOCUMENT else MAX_DOCUMENT
        else:
            self._most = MAX_ANSWER

    def _answer(self) -> Answer:
        complete = self._complete or not self._has_length()  # else it ends with the connection
        return Document(
            self._status, Headers(self._headers), b"".join(self._body), complete, too_large=self._size > self._most
        )

    def _has_length(self) -> bool:
        return any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._headers)

    def _break_off(self, code: str) -> None:
        if code == "timeout" and self._asked and not self._asked.done():
            self._asked.set_exception(NoAnswer(code))
            self._asked = None
        super()._break_off(code)
