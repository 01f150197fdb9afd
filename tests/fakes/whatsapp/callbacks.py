"""Calls our webhook as the platform does: signed over the very bytes, in batches, again until it is answered 200."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientSession

Update = dict[str, Any]


@dataclass(frozen=True)
class Posted:
    """One callback as it was made."""

    body: bytes
    signature: str
    answers: tuple[int, ...]  # statuses in order; 0: no answer


@dataclass
class Writing:
    """How bodies are written; all of it is the same JSON."""

    escaped: bool = False  # é as \\u00e9
    spaced: bool = False
    reordered: bool = False  # members from Z to A


class Callbacks:
    """One app's calls to one address."""

    def __init__(self, app_secret: str, verify_token: str, phone_number_id: str, display_number: str) -> None:
        self.url = ""
        self.writing = Writing()
        self.posted: list[Posted] = []
        self.tries, self.pause_seconds = 3, 0.01  # the real ones go on for a week
        self._app_secret, self._verify_token = app_secret, verify_token
        self._metadata = {"display_phone_number": display_number.lstrip("+"), "phone_number_id": phone_number_id}

    async def __aenter__(self) -> "Callbacks":
        self._session = ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def connect(self, url: str) -> None:
        """Confirm the address as the console does.  Raises ConnectionError when it answers wrongly."""
        query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": self._verify_token}
        async with self._session.get(url, params=query) as answer:
            if (answer.status, await answer.text()) != (200, "1158201444"):
                raise ConnectionError(f"{url} did not confirm: {answer.status}")
        self.url = url

    async def post(self, *entries: Update, object_name: str = "whatsapp_business_account") -> Posted:
        """One body with these entries, until it is taken or the tries are over."""
        return await self.post_bytes(self.written({"object": object_name, "entry": list(entries)}))

    async def post_bytes(self, body: bytes) -> Posted:
        signature = self.sign(body)
        answers: list[int] = []
        while self.url and len(answers) < self.tries and answers[-1:] != [200]:
            if answers:
                await asyncio.sleep(self.pause_seconds)
            answers.append(await self._try(body, signature))
        posted = Posted(body, signature, tuple(answers))
        self.posted.append(posted)
        return posted

    async def _try(self, body: bytes, signature: str) -> int:
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature}
        try:
            async with self._session.post(self.url, data=body, headers=headers) as answer:
                return answer.status
        except ClientError:
            return 0

    def sign(self, body: bytes) -> str:
        return "sha256=" + hmac.new(self._app_secret.encode(), body, hashlib.sha256).hexdigest()

    def written(self, document: Any) -> bytes:
        how = self.writing
        if how.reordered:
            document = _reordered(document)
        separators = (" ,  ", " : ") if how.spaced else (",", ":")
        return json.dumps(document, ensure_ascii=how.escaped, separators=separators).encode()

    # --- Envelopes ---

    def messages(self, messages: Sequence[Update], contacts: Sequence[Update] = (), **extra: Any) -> Update:
        """A change with messages, and whatever else."""
        named = {"contacts": list(contacts)} if contacts else {}
        return self.change("messages", {**named, "messages": list(messages), **extra})

    def statuses(self, statuses: Sequence[Update], contacts: Sequence[Update] = ()) -> Update:
        named = {"contacts": list(contacts)} if contacts else {}
        return self.change("messages", {**named, "statuses": list(statuses)})

    def change(self, name: str, value: Update) -> Update:
        value = {"messaging_product": "whatsapp", "metadata": self._metadata, **value}
        return {"field": name, "value": value}

    def entry(self, *changes: Update, account: str = "100000000000001") -> Update:
        return {"id": account, "changes": list(changes)}


def _reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reordered(value[name]) for name in sorted(value, reverse=True)}
    return [_reordered(one) for one in value] if isinstance(value, list) else value
