"""``python -m tests.fakes.x``: the stand-in as a process of its own."""

import argparse
import asyncio
from contextlib import suppress

from tests.fakes.x.platform import FakeX


async def serve(host: str, port: int) -> None:
    async with FakeX(host=host, port=port) as x:
        print(x.url, flush=True)
        await asyncio.Event().wait()


options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--host", default="127.0.0.1")
options.add_argument("--port", type=int, default=0)
with suppress(KeyboardInterrupt):
    asyncio.run(serve(**vars(options.parse_args())))
