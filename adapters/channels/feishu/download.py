"""A file that somebody sent to the bot."""

from typing import Final

from adapters.base import Rejected, SendError, TryAgain
from adapters.channels.feishu import codes
from adapters.channels.feishu.api import OpenApi
from adapters.http import NoAnswer, NotSent, Outbound, TooLarge
from adapters.inbound import ChatMessage

MAX_BYTES: Final = 5 * 1024 * 1024
SECONDS: Final = 20.0


async def download(outbound: Outbound, api: OpenApi, base_url: str, message: ChatMessage) -> bytes:
    """Raises SendError."""
    if not message.file:
        raise Rejected("nothing is attached", code="no_file")
    url = f"{base_url}/open-apis/im/v1/messages/{message.message_id}/resources/{message.file}?type=file"
    said = await _once(outbound, api, url)
    if isinstance(said, SendError) and said.code in {f"feishu_{code}" for code in codes.RENEW}:
        api.forget_token()
        said = await _once(outbound, api, url)
    if isinstance(said, SendError):
        raise said
    return said


async def _once(outbound: Outbound, api: OpenApi, url: str) -> bytes | SendError:
    headers = await api.authorization()
    try:
        answer = await outbound.download(url, headers, max_bytes=MAX_BYTES, timeout_seconds=SECONDS)
    except (NotSent, NoAnswer) as error:
        return TryAgain(str(error), code=error.code)
    except TooLarge:
        return Rejected("the file is larger than 5 MiB", code="too_large")
    is_json = answer.headers.get("Content-Type", "").startswith("application/json")
    if answer.status == 200 and not is_json:
        return answer.body
    said = codes.read(answer)
    # A JSON file that was sent is no answer of the platform: that has a code.
    return (
        answer.body
        if said.good or (answer.status == 200 and said.code is None)
        else codes.failure(said, None, writes=False)
    )
