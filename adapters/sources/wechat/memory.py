"""What a feed remembers of its articles, so that one that several providers have is one post (sources-wechat.md, C4).

It lies in the feed's cursor, bounded.  Two items are one article when they share an address or a provider's id; else
when title and time agree, for the short and the long address of an article cannot be told from each other.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.base import Post
from adapters.sources.formats.articles import Article
from adapters.sources.formats.identity import make_key, normal_link
from adapters.sources.wechat.accounts import plain

MOST = 200  # articles; more than any provider's document shows
SAME_TIME = 5 * 60  # seconds that two providers may differ about when an article was published
SINGULAR = ("s:", "a:", "i.")  # forms of which an article has one: two that differ in it are two articles


@dataclass(frozen=True, slots=True)
class Item:
    """An article as one provider has it."""

    post: Post
    forms: tuple[str, ...]  # as ``forms_of`` gives them, the best first
    place: int = 0  # among articles published together


@dataclass(slots=True)
class Remembered:
    """One article."""

    seconds: int  # Unix time of publication; negative: of when it was first seen, for nobody says
    title: str  # hash; empty: it has none
    owner: str  # the provider whose text is shown; empty: it is known, and never to be delivered
    forms: list[str]

    @property
    def key(self) -> bytes:
        """The first form's, whatever is learnt later."""
        return b64decode(self.forms[0].partition(":")[2])

    @property
    def published(self) -> datetime | None:
        return datetime.fromtimestamp(self.seconds, UTC) if self.seconds > 0 else None


@dataclass(slots=True)
class Memory:
    """The articles of one feed.  Mutable: made anew from the cursor for each poll."""

    articles: list[Remembered] = field(default_factory=list)
    _by_form: dict[str, Remembered] = field(default_factory=dict)
    _by_title: dict[str, list[Remembered]] = field(default_factory=dict)
    _taken: dict[str, set[int]] = field(default_factory=dict)  # by provider, which articles this poll's items were
    _horizon: int = 0  # what is older than this was forgotten

    @classmethod
    def recall(cls, rows: Sequence[Sequence[Any]], most: int = MOST) -> "Memory":
        """From what ``rows`` gave."""
        memory = cls()
        for seconds, title, owner, *forms in rows:
            memory._add(Remembered(seconds, title, owner, forms))
        if len(memory.articles) >= most:
            memory._horizon = min((one.seconds for one in memory.articles if one.seconds > 0), default=0)
        return memory

    def rows(self, most: int | None = MOST) -> list[list[Any]]:
        """As JSON, the oldest first; what is too much is forgotten.  None: nothing is."""
        kept = sorted(self.articles, key=lambda one: abs(one.seconds))[-(most or len(self.articles)) :]
        return [[one.seconds, one.title, one.owner, *one.forms] for one in kept]

    def take(self, item: Item, provider: str, now: datetime, *, known: bool = False) -> Remembered | None:
        """The article that this is, new or not; None for one from before all that is remembered.

        ``known``: what is new here is old to the feed, and never to be delivered.
        """
        article = self.find(item, provider)
        if article is None:
            seconds = _seconds(item.post.published)
            if 0 < seconds < self._horizon:
                return None
            owner = "" if known else provider
            article = Remembered(seconds or -_seconds(now), _title(item.post.title), owner, [])
            article.forms += item.forms
            self._add(article)
        for form in item.forms:
            if form not in self._by_form:
                article.forms.append(form)
                self._by_form[form] = article
        self._taken.setdefault(provider, set()).add(id(article))
        return article

    def find(self, item: Item, provider: str = "") -> Remembered | None:
        for form in item.forms:
            if article := self._by_form.get(form):
                return article
        taken, seconds = self._taken.get(provider, ()), _seconds(item.post.published)
        title = _title(item.post.title)
        for article in reversed(self._by_title.get(title, []) if title else []):
            near = not seconds or article.seconds <= 0 or abs(article.seconds - seconds) <= SAME_TIME
            if near and id(article) not in taken and not _differ(article.forms, item.forms):
                return article
        return None

    def _add(self, article: Remembered) -> None:
        self.articles.append(article)
        for form in article.forms:
            self._by_form.setdefault(form, article)
        if article.title:
            self._by_title.setdefault(article.title, []).append(article)


def forms_of(
    url: str, title: str, published: datetime | None, *, provider: str, raw_id: str = ""
) -> tuple[tuple[str, ...], Article | None]:
    """By what an item is known again, the best first, and its article.

    ``raw_id``: the provider's own; it counts beside the address, where that changes.
    """
    article = Article.at(url) or Article.at(raw_id)
    forms = []
    if article:
        forms.append(_form(article.number[:1], f"wx:{article.number}"))
    if raw_id and not Article.at(raw_id):
        forms.append(_form(f"i.{provider}", f"{provider}\n{raw_id}"))
    if not forms and url and "mp.weixin.qq.com/" not in url.lower():
        forms.append(_form("u", normal_link(url)))
    if not forms:  # a temporary address: the same article has another one tomorrow
        forms.append(_form("t", f"{plain(title)}\n{_seconds(published) or url}"))
    return tuple(forms), article


def _form(kind: str, value: str) -> str:
    return f"{kind}:{b64encode(make_key('id', value)).decode().rstrip('=')}=="


def _differ(some: Iterable[str], others: Iterable[str]) -> bool:
    """Whether both have a form of the same kind, and not the same one."""
    kinds = {form.partition(":")[0]: form for form in some if form.startswith(SINGULAR)}
    return any(kinds.get(form.partition(":")[0], form) != form for form in others)


def _title(title: str) -> str:
    return b64encode(make_key("text", plain(title))[:8]).decode() if title else ""


def _seconds(at: datetime | None) -> int:
    return int(at.timestamp()) if at else 0
