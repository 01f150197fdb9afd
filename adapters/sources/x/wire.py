"""Answers of the X API as values: both vocabularies, without what cannot be read (sources-x.md 2 and 3)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from adapters.base import FeedFailed, FeedFault

T = TypeVar("T")

Maybe = list[T] | None
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Reference(Struct):
    type: str = ""  # "retweeted", "quoted", "replied_to"
    id: str = ""


class Url(Struct):
    url: str = ""  # as in the text: https://t.co/…
    expanded_url: str | None = None
    unwound_url: str | None = None
    media_key: str | None = None


class Entities(Struct):
    urls: Maybe[Url] = None


class Note(Struct):
    """The whole of a long post."""

    text: str = ""
    entities: Entities | None = None


class Article(Struct):
    title: str | None = None


class Attachments(Struct):
    media_keys: Maybe[str] = None


class Bare(Struct):
    """What a post has at least."""

    id: str
    text: str = ""
    author_id: str = ""
    created_at: str = ""


class Tweet(Bare):
    in_reply_to_user_id: str | None = None
    referenced_tweets: Maybe[Reference] = None
    referenced_posts: Maybe[Reference] = None
    edit_history_tweet_ids: Maybe[str] = None
    edit_history_post_ids: Maybe[str] = None
    entities: Entities | None = None
    attachments: Attachments | None = None
    note_tweet: Note | None = None
    note_post: Note | None = None
    article: Article | None = None

    @property
    def references(self) -> Sequence[Reference]:
        return self.referenced_tweets or self.referenced_posts or ()

    @property
    def history(self) -> Sequence[str]:
        """Its versions, oldest first."""
        return self.edit_history_tweet_ids or self.edit_history_post_ids or (self.id,)

    @property
    def note(self) -> Note | None:
        return self.note_tweet or self.note_post

    def reference(self, kind: str) -> str:
        """The id of the first post that it refers to in this way; empty when there is none."""
        return next((one.id for one in self.references if one.type == kind), "")


class User(Struct):
    id: str
    username: str = ""
    name: str = ""
    profile_image_url: str | None = None
    protected: bool = False


class _Wrapped(Struct):
    data: User


class Variant(Struct):
    content_type: str = ""
    url: str = ""
    bit_rate: int = 0


class Media(Struct):
    media_key: str
    type: str = ""
    url: str | None = None
    preview_image_url: str | None = None
    variants: Maybe[Variant] = None


class Problem(Struct):
    """A refusal, or a part of an answer that could not be had; also in the words of the older API."""

    title: str | None = None
    detail: str | None = None
    type: str | None = None
    value: str | None = None
    resource_id: str | None = None
    connection_issue: str | None = None
    message: str | None = None
    errors: list[Raw] | None = None

    @property
    def kind(self) -> str:
        """What is after "/problems/": both hosts are seen before it."""
        return (self.type or "").rpartition("/problems/")[2]

    @property
    def words(self) -> str:
        inner = [one.words for one in each(self.errors or (), Problem)]
        return ": ".join(dict.fromkeys(filter(None, (self.title, self.detail or self.message, *inner[:1]))))


class _Includes(Struct):
    users: list[Raw] | None = None
    tweets: list[Raw] | None = None
    posts: list[Raw] | None = None
    media: list[Raw] | None = None


class _Meta(Struct):
    next_token: str | None = None


class _Envelope(Struct):
    data: Raw | UnsetType = UNSET
    includes: _Includes | None = None
    errors: list[Raw] | None = None
    meta: _Meta | None = None


class Answer:
    """One answer, or one line of a stream."""

    def __init__(self, body: bytes) -> None:
        """Raises FeedFailed for what is not JSON of the expected shape."""
        try:
            envelope = msgspec.json.decode(body, type=_Envelope)
        except _UNREADABLE:
            raise FeedFailed(FeedFault.PARSE, "X answered in a way that cannot be read") from None
        includes = envelope.includes or _Includes()
        self._data = b"" if envelope.data is UNSET else bytes(envelope.data)
        self.has_meta = envelope.meta is not None
        self.next_token = (envelope.meta.next_token if envelope.meta else None) or ""
        self.problems = tuple(each(envelope.errors or (), Problem))
        self.included = {one.id: one for one in _tweets(includes.tweets or includes.posts or ())}
        self.users = {one.id: one for one in _users(includes.users or ())}
        self.media = {one.media_key: one for one in each(includes.media or (), Media)}

    def tweets(self) -> Sequence[Tweet]:
        return list(_tweets(self._rows()))

    def resources(self) -> Sequence[str]:
        """What X bills: posts, and users after a "u"."""
        return [*(one.id for one in self.tweets()), *self.included, *(f"u{one}" for one in self.users)]

    def people(self) -> Sequence[User]:
        return self.rows(User)

    def rows(self, kind: type[T]) -> Sequence[T]:
        """The members of ``data``, but for those that are of another kind."""
        return list(each(self._rows(), kind))

    def _rows(self) -> Sequence[Raw]:
        if self._data[:1] == b"{":
            return [Raw(self._data)]
        return msgspec.json.decode(self._data, type=list[Raw]) if self._data[:1] == b"[" else ()


def each(rows: Iterable[Raw], kind: type[T]) -> Iterator[T]:
    """One strange row must not cost the others."""
    for row in rows:
        try:
            yield msgspec.json.decode(row, type=kind)
        except _UNREADABLE:
            continue


def _tweets(rows: Iterable[Raw]) -> Iterator[Tweet]:
    """Of a strange one what it has at least: an account must not stay stuck at it."""
    for row in rows:
        if tweet := next(each((row,), Tweet), None):
            yield tweet
        elif bare := next(each((row,), Bare), None):
            yield Tweet(id=bare.id, text=bare.text, author_id=bare.author_id, created_at=bare.created_at)


def _users(rows: Iterable[Raw]) -> Iterator[User]:
    """Some events wrap each once more (8)."""
    for row in rows:
        yield from each((row,), User)
        yield from (one.data for one in each((row,), _Wrapped))


def problem(body: bytes) -> Problem:
    """The refusal that a body holds; an empty one for pages of HTML and the like."""
    try:
        return msgspec.json.decode(body, type=Problem)
    except _UNREADABLE:
        return Problem()
