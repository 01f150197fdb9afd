"""What lies at the addresses that conversations in tests name: feeds, pages that name some, and trouble."""

from datetime import timedelta

from adapters.base import FeedFailed, FeedFault, FeedInfo, FeedNotFound, FeedThrottled, Found, Page, Post, SourceError
from bot.usecases.chat.who import Looked
from tests.clock import START
from tests.world import HOUR, item

SITE = "https://example.org"
TROUBLE: dict[str, SourceError] = {
    f"{SITE}/slow": FeedFailed(FeedFault.TIMEOUT, "no answer in 20 s"),
    f"{SITE}/missing": FeedFailed(FeedFault.HTTP, "the server answers 404", status=404),
    f"{SITE}/page": FeedNotFound("no feed"),
    f"{SITE}/blog": FeedNotFound("a page with two", (f"{SITE}/blog/posts.xml", f"{SITE}/blog/comments.xml")),
    f"{SITE}/busy": FeedThrottled("429", timedelta(minutes=10)),
}


class Web:
    """Feeds by address, each with its posts; grows as tests publish."""

    def __init__(self) -> None:
        self.titles = {
            f"{SITE}/harbour": "Harbour news",
            f"{SITE}/weather": "Weather",
            f"{SITE}/blog/posts.xml": "Blog",
        }
        self.titles |= {f"{SITE}/feed/{n}": f"Feed number {n}" for n in range(1, 26)}
        self.titles["https://x.example/nasa"] = "NASA"
        self.posts: dict[str, list[Post]] = {key: [] for key in self.titles}
        self.publish(f"{SITE}/harbour", "Boat race")
        self.publish(f"{SITE}/weather", "Fog until noon")
        self.publish(f"{SITE}/blog/posts.xml", "Hello")

    def publish(self, key: str, title: str) -> None:
        path = f"{key}/{len(self.posts[key]) + 1}"
        self.posts[key].append(item(path, title=title, url=path, published=START - 3 * HOUR))

    def page(self, key: str) -> Page:
        posts = tuple(self.posts[key])
        return Page(cursor={"n": len(posts)}, posts=posts, info=FeedInfo(title=self.titles[key], home=f"{key}/home"))

    def look_up(self, name: str) -> Looked:
        """As ``bot.jobs.lookup`` does over the network."""
        key = "https://x.example/nasa" if name.lower() == "@nasa" else name
        if key in self.titles:
            return Looked(name, "feed", "https://example.org:443", Found(key, self.page(key)))
        return Looked(name, error=TROUBLE.get(name, FeedNotFound("that is not a web address")))
