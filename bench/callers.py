"""A platform that calls back: signed statuses at an even pace, or forgeries as fast as they are refused."""

import asyncio
import hmac
import time
from statistics import quantiles

from aiohttp import ClientSession, TCPConnector

from bench.children import Answer, obey

AT_ONCE = 100  # forgeries on their way


async def statuses(*, url: str, secret: str, number: str, count: int, pace: int) -> Answer:
    """``count`` statuses of messages that nobody knows, ``pace`` a second; answers seconds until each was taken."""
    waits: list[float] = []

    async def call(session: ClientSession, n: int) -> None:
        body = _status(number, n)
        started = time.perf_counter()
        async with session.post(url, data=body, headers=_signed(body, secret)) as answer:
            await answer.read()
            assert answer.status == 200, answer.status
        waits.append(time.perf_counter() - started)

    async with ClientSession(connector=TCPConnector(limit=0)) as session:
        began, calls = time.perf_counter(), []
        for n in range(count):
            await asyncio.sleep(max(began + n / pace - time.perf_counter(), 0))
            calls.append(asyncio.create_task(call(session, n)))
        await asyncio.gather(*calls)
    percentiles = quantiles(waits, n=100)
    return {"p50": percentiles[49], "p99": percentiles[98]}


async def forgeries(*, url: str, number: str, count: int) -> Answer:
    """Bodies that somebody else has signed; answers how many were refused."""
    refused = 0
    async with ClientSession(connector=TCPConnector(limit=AT_ONCE)) as session:

        async def call(n: int) -> bool:
            body = _status(number, n)
            async with session.post(url, data=body, headers=_signed(body, "a guess")) as answer:
                return answer.status == 401

        for first in range(0, count, AT_ONCE):
            refused += sum(await asyncio.gather(*(call(first + n) for n in range(AT_ONCE))))
    return {"refused": refused}


def _status(number: str, n: int) -> bytes:
    told = f'{{"id":"wamid.{n}","status":"delivered","timestamp":"1767225702","recipient_id":"15555550100"}}'
    value = f'{{"messaging_product":"whatsapp","metadata":{{"phone_number_id":"{number}"}},"statuses":[{told}]}}'
    change = f'{{"field":"messages","value":{value}}}'
    return f'{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{change}]}}]}}'.encode()


def _signed(body: bytes, secret: str) -> dict[str, str]:
    return {"X-Hub-Signature-256": f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"}


if __name__ == "__main__":
    asyncio.run(obey({"statuses": statuses, "forgeries": forgeries}))
