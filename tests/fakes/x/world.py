"""People and their posts: what there is, before anybody asks for it."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter

from bot.clock import Clock

EPOCH_MILLIS = 1_288_834_974_657  # snowflakes count from here (sources-x.md 12)


def floor_id(at: datetime) -> int:
    """The smallest id that a post of that millisecond can have."""
    return (int(at.timestamp() * 1000) - EPOCH_MILLIS) << 22


@dataclass(eq=False)
class User:
    id: int
    username: str
    name: str
    protected: bool = False
    suspended: bool = False
    gone: bool = False
    image: str = ""
    tweets: list["Tweet"] = field(default_factory=list)  # oldest first


@dataclass(frozen=True)
class Media:
    """A picture or film of a post."""

    kind: str = "photo"  # or "video", "animated_gif"
    url: str = ""  # of a photo
    preview: str = ""
    variants: tuple[tuple[str, str, int], ...] = ()  # content type, address, bit rate; 0: none is told


@dataclass(eq=False)
class Tweet:
    """One post, as its newest version.  ``urls`` are members of ``entities.urls`` as X writes them."""

    id: int
    author: User
    text: str
    at: datetime
    searchable_at: datetime
    history: list[int]  # ids of its versions, oldest first
    references: list[tuple[str, int]] = field(default_factory=list)  # ("quoted", id)
    reply_to: User | None = None
    root: int = 0  # of its conversation
    urls: Sequence[dict[str, object]] = ()
    media: Sequence[Media] = ()
    long_text: str = ""
    long_urls: Sequence[dict[str, object]] = ()
    article: str = ""
    deleted: bool = False

    @property
    def is_repost(self) -> bool:
        return any(kind == "retweeted" for kind, _ in self.references)

    @property
    def is_reply(self) -> bool:
        return self.reply_to is not None

    @property
    def is_quote(self) -> bool:
        return any(kind == "quoted" for kind, _ in self.references)


_ID = attrgetter("id")


class World:
    """Everything that ever happened on this X."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.users: dict[int, User] = {}
        self.tweets: list[Tweet] = []  # by id
        self.by_id: dict[int, Tweet] = {}  # of any version
        self.index_delay = timedelta(0)  # until a search finds a post
        self._names: dict[str, User] = {}
        self._last_id = 0

    def user(self, username: str, name: str = "", **about: object) -> User:
        """The one of that name, made if need be."""
        if (user := self._names.get(username.lower())) is None:
            user = User(44_196_397 + 1_000 * len(self.users), username, name or username.title())
            self.users[user.id] = self._names[username.lower()] = user
            user.image = f"https://pbs.example/{username}_normal.jpg"
        for field_name, value in about.items():
            setattr(user, field_name, value)
        return user

    def named(self, username: str) -> User | None:
        return self._names.get(username.lower())

    def rename(self, username: str, to: str) -> User:
        user = self._names.pop(username.lower())
        user.username = to
        self._names[to.lower()] = user
        return user

    def post(
        self,
        username: str,
        text: str = "",
        *,
        reply_to: Tweet | None = None,
        quote: Tweet | None = None,
        repost: Tweet | None = None,
        late: float = 0.0,
        id: int = 0,
        **more: object,
    ) -> Tweet:
        """A new post; ``late``: seconds by which a search finds it later than others.

        ``more`` are fields of Tweet.
        """
        author, now = self.user(username), self._clock()
        number = id or self._next_id(now)
        tweet = Tweet(number, author, text, now, now + self.index_delay + timedelta(seconds=late), [number], [])
        tweet.root = number
        if reply_to:
            tweet.references.append(("replied_to", reply_to.id))
            tweet.reply_to, tweet.root = reply_to.author, reply_to.root
        if quote:
            tweet.references.append(("quoted", quote.id))
        if repost:
            tweet.references.append(("retweeted", repost.id))
            tweet.text = f"RT @{repost.author.username}: {repost.text}"[:139] + "…"
        for name, value in more.items():
            setattr(tweet, name, value)
        self._place(tweet)
        return tweet

    def edit(self, tweet: Tweet, text: str) -> Tweet:
        """A new version: it has a new id, and its place is at the top again."""
        self.tweets.remove(tweet)
        tweet.author.tweets.remove(tweet)
        tweet.id = self._next_id(self._clock())
        tweet.text = text
        tweet.history.append(tweet.id)
        self._place(tweet)
        return tweet

    def delete(self, tweet: Tweet) -> None:
        tweet.deleted = True
        self.tweets.remove(tweet)
        tweet.author.tweets.remove(tweet)

    def newer(self, than: int, tweets: Sequence[Tweet] | None = None) -> Sequence[Tweet]:
        """What has a higher id, oldest first."""
        tweets = self.tweets if tweets is None else tweets
        return tweets[bisect_right(tweets, than, key=_ID) :]

    def visible(self, number: int) -> Tweet | None:
        tweet = self.by_id.get(number)
        return tweet if tweet and not tweet.deleted and shows(tweet.author) else None

    def _place(self, tweet: Tweet) -> None:
        for row in (self.tweets, tweet.author.tweets):
            row.insert(bisect_right(row, tweet.id, key=_ID), tweet)
        self.by_id[tweet.id] = tweet

    def _next_id(self, now: datetime) -> int:
        self._last_id = max(self._last_id + 1, floor_id(now))
        return self._last_id


def shows(user: User) -> bool:
    return not (user.protected or user.suspended or user.gone)


def referenced(world: World, tweet: Tweet) -> Iterator[tuple[str, int, Tweet | None]]:
    for kind, number in tweet.references:
        yield kind, number, world.visible(number)
