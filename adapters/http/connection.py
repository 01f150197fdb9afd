"""One connection to a receiver: a request is written, the answer to it is read, within bounds and in time.

httptools reads the answers, strictly: where one ends must be beyond doubt before the next is taken from the same
connection.  One that a strict reading refuses is read once more with patience, for refusing it means sending the
message again; but it is the last on its connection.
"""

import asyncio
import socket
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from adapters.http.answer import MAX_ANSWER, Answer, Headers, NoAnswer

MAX_HEAD: Final = 32 * 1024  # bytes of status line and header fields, those of interim answers included

# The state of the connection is the first byte of what Linux tells about it (tcp(7)).
_STATE: Final = (socket.IPPROTO_TCP, socket.TCP_INFO, 1) if hasattr(socket, "TCP_INFO") else None
_CLOSED: Final = (b"\x07", b"\x08")  # TCP_CLOSE, TCP_CLOSE_WAIT


class Connection(asyncio.Protocol):
    """Used by one request at a time: ``ask``, then, while ``reusable``, ``rest`` until the next."""

    _transport: asyncio.Transport

    # The answer being read.
    _status: int  # 0 until its head is complete
    _headers: list[tuple[bytes, bytes]]
    _body: list[bytes]
    _size: int  # of the body so far
    _most: int  # of the body that are read; as they come, with the sizes of chunks, it may be twice as many
    _fed: int  # bytes of all of it so far
    _seen: list[bytes]  # all of them, while there is no status
    _complete: bool
    _last: bool  # no other may follow it on this connection

    def __init__(self, sock: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = sock
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self._asked: asyncio.Future[Answer] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings = self._until = 0.0  # loop times
        self._parser = HttpResponseParser(self)
        self._patient = False
        self._clear()

    def ask(self, request: bytes, until: float) -> asyncio.Future[Answer]:
        """Send a request; the answer is there by ``until`` (loop time).  Raises NoAnswer.

        The answer counts from its status line on: when its body breaks off or is slow, what came is returned.
        """
        self._asked = asked = self._loop.create_future()
        self._transport.write(request)
        self._watch(until)
        return asked

    def rest(self, until: float) -> None:
        """Stay open unused, until then at most (loop time)."""
        self._clear()
        self._watch(until)

    def is_open(self) -> bool:
        return not self._transport.is_closing()

    def is_up(self) -> bool:
        """Whether the other side has not closed it, by the kernel's word where that can be had.

        What the loop knows may be older, and a request on a closed connection is lost without an answer.  Reading
        ahead or polling would tell as well, but they let go of the GIL, and getting it back takes many times longer.
        """
        return self.is_open() and (_STATE is None or self._socket.getsockopt(*_STATE) not in _CLOSED)

    def close(self) -> None:
        """At once: every answer that counted has been read, and no goodbye is waited for."""
        self.reusable = False
        self._transport.abort()

    # --- what asyncio tells -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        if not self._status:
            self._seen.append(data)
        try:
            self._read(data[:MAX_HEAD])  # so that no head is longer than that, however much comes at once
            if rest := data[MAX_HEAD:]:
                self._read(rest)
        except (HttpParserError, HttpParserUpgrade):
            if self._status or self._patient:
                self._break_off("bad_answer")
            else:
                self._read_again()

    def eof_received(self) -> None:
        """Also the proper end of an answer that does not say how long it is."""
        self._break_off("connection_lost")

    def connection_lost(self, _error: Exception | None) -> None:
        self._break_off("connection_lost")
        if self._timer:
            self._timer.cancel()
        del self._parser  # it refers back to us
        self.lost.set_result(None)

    # --- what the parser tells --------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._complete:
            self._last = True  # an answer to nothing

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._status:  # what comes later are trailers
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 100:
            raise ValueError("not a status")
        if status < 200 and status != 101:
            self._headers = []  # interim: the answer is still to come
        elif not self._complete:
            self._status = status

    def on_body(self, piece: bytes) -> None:
        if not self._complete:
            self._body.append(piece)
            self._size += len(piece)

    def on_message_complete(self) -> None:
        if self._status and not self._complete:
            self._complete = True
            self._last = not self._parser.should_keep_alive() or self._parser.get_http_version() != "1.1"

    # --- an answer --------------------------------------------------------------------------------------------

    def _clear(self) -> None:
        self.reusable = False
        self._status = self._size = self._fed = 0
        self._most = MAX_ANSWER
        self._headers, self._body, self._seen = [], [], []
        self._complete = self._last = False

    def _read(self, data: bytes) -> None:
        if self._asked is None:  # nobody asked for that
            self.close()
            return
        self._fed += len(data)
        self._parser.feed_data(data)
        if self._complete:
            doubt = self._last or self._patient or self._size > self._most
            # A request that is still being written goes on where the next one should begin.
            self.reusable = not doubt and not self._transport.get_write_buffer_size()
            self._settle()
        elif self._size > self._most or self._fed >= (MAX_HEAD + 2 * self._most if self._status else MAX_HEAD):
            self._break_off("bad_answer")

    def _read_again(self) -> None:
        """With folded and odd header values, and lines that end without CR.  Two lengths stay an error."""
        self._patient = True
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_headers=True, lenient_optional_cr_before_lf=True)
        seen = b"".join(self._seen)
        self._clear()
        self.data_received(seen)

    def _settle(self) -> None:
        asked, self._asked = self._asked, None
        if asked and not asked.done():
            asked.set_result(self._answer())

    def _answer(self) -> Answer:
        return Answer(self._status, Headers(self._headers), b"".join(self._body)[:MAX_ANSWER])

    def _break_off(self, code: str) -> None:
        if self._status:
            self._settle()
        elif self._asked and not self._asked.done():
            self._asked.set_exception(NoAnswer(code))
        self._asked = None
        self.close()

    # --- time -------------------------------------------------------------------------------------------------

    def _watch(self, until: float) -> None:
        """One timer serves all that happens here: only when it would ring too late is it set anew."""
        self._until = until
        if self._timer is None or until < self._rings:
            if self._timer:
                self._timer.cancel()
            self._rings = until
            self._timer = self._loop.call_at(until, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._loop.time() < self._until:  # moved on meanwhile
            self._watch(self._until)
        else:
            self._break_off("timeout")
