"""What went wrong with a request through aiohttp, in our words: a short fixed code and a reason for people."""

import ssl
from dataclasses import dataclass

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientResponseError,
    ClientSSLError,
    ConnectionTimeoutError,
    InvalidURL,
)

from adapters.http.answer import REASONS
from adapters.http.egress import DENIED


@dataclass(frozen=True, slots=True)
class Trouble:
    code: str
    reason: str


def read(error: Exception) -> Trouble:
    match error:
        case ClientConnectorDNSError():
            return _known("dns")
        case ClientConnectorCertificateError(certificate_error=ssl.SSLCertVerificationError() as inner):
            return Trouble("tls", f"the certificate is not accepted: {inner.verify_message}")
        case ClientSSLError():
            return _known("tls")
        case ClientConnectorError(os_error=inner) if DENIED in str(inner):
            # Several candidates' errors come joined into one text (aiohappyeyeballs), hence the search in it.
            return _known("egress")
        case ClientConnectorError(os_error=inner):
            return Trouble("connect", f"no connection: {inner.strerror or 'refused'}")
        case ConnectionTimeoutError():
            return _known("connect_timeout")
        case InvalidURL():
            return _known("egress")
        case TimeoutError():
            return _known("timeout")
        case ClientResponseError():
            return _known("bad_answer")
        case _:
            return _known("connection_lost")


def _known(code: str) -> Trouble:
    return Trouble(code, REASONS[code])
