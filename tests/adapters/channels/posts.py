"""The post that channels are tested with."""

from datetime import timedelta

from adapters.base import PostView
from tests.clock import START

POST = PostView(
    id="01930000-0000-7000-8000-000000000001",
    seq=7,
    version=1,
    feed_id="01930000-0000-7000-8000-000000000002",
    feed_title="NASA",
    feed_url="https://nasa.example/feed",
    source="feed",
    title="Launch – today",
    text="It flies.",
    url="https://nasa.example/launch",
    author="Ada",
    published=START - timedelta(hours=1),
    updated=None,
    found=START - timedelta(minutes=1),
)
