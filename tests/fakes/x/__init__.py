"""An X that lives on this machine and speaks real HTTP (sources-x.md 15).

``world`` holds people and their posts, ``shapes`` writes them as the API does, ``queries`` understands what is searched
for, ``streaming`` keeps rules and connections, ``tricks`` is how it misbehaves, ``platform`` is the server.  As a
process of its own: ``python -m tests.fakes.x --port 8083`` prints its address and is steered over HTTP
(``FakeX.control``).
"""

from tests.fakes.x.platform import BEARER, KEY, SECRET, FakeX
from tests.fakes.x.tricks import Answer, Rules
from tests.fakes.x.world import Media, Tweet, User, World, floor_id

__all__ = ["BEARER", "KEY", "SECRET", "Answer", "FakeX", "Media", "Rules", "Tweet", "User", "World", "floor_id"]
