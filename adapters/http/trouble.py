"""What went wrong with a request, in our words: a short fixed code, a reason for people, whether it had left."""

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

from adapters.http.egress import DENIED


@dataclass(frozen=True, slots=True)
class Trouble:
    code: str
    reason: str
    sent: bool  # some of the request may have been written


def read(error: Exception) -> Trouble:
    """Sort what aiohttp raised.  What is not known to have failed before the first byte counts as sent."""
    match error:
        case ClientConnectorDNSError():
            return Trouble("dns", "the name of the host was not found", sent=False)
        case ClientConnectorCertificateError(certificate_error=ssl.SSLCertVerificationError() as inner):
            return Trouble("tls", f"the certificate is not accepted: {inner.verify_message}", sent=False)
        case ClientSSLError():
            return Trouble("tls", "no secure connection came about", sent=False)
        case ClientConnectorError(os_error=inner) if DENIED in str(inner):
            # Several candidates' errors come joined into one text (aiohappyeyeballs), hence the search in it.
            return Trouble("egress", DENIED, sent=False)
        case ClientConnectorError(os_error=inner):
            return Trouble("connect", f"no connection: {inner.strerror or 'refused'}", sent=False)
        case ConnectionTimeoutError():
            return Trouble("connect_timeout", "no connection in time", sent=False)
        case InvalidURL():
            return Trouble("egress", DENIED, sent=False)
        case TimeoutError():
            return Trouble("timeout", "no answer in time", sent=True)
        case ClientResponseError():
            return Trouble("bad_answer", "what came back is not HTTP", sent=True)
        case _:
            return Trouble("connection_lost", "the connection was lost before an answer came", sent=True)
