"""Every document of the corpus gives the posts that its specification promises, or the right refusal."""

from dataclasses import asdict
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from adapters.base import FeedFailed, Post
from adapters.sources import formats
from tests.corpus import FEEDS, NOW, Case, load_cases

CASES = load_cases()
READABLE = [c for c in CASES if c.error is None]
REFUSED = [c for c in CASES if c.error is not None]


def test_every_document_lies_beside_its_expectation() -> None:
    documents = {p for p in FEEDS.iterdir() if p.suffix != "" and not p.name.endswith(".expected.json")}
    assert {c.path for c in CASES} == documents
    assert len(CASES) >= 75


def by_name(case: Case) -> str:
    return case.name


def read(case: Case) -> formats.Document:
    try:
        return formats.read(case.body, content_type=case.content_type, url=case.url, now=NOW)
    except formats.NotStrict:
        assert case.tolerant or case.error, "the strict reader can be expected to manage this one"
        return formats.read_tolerant(case.body, content_type=case.content_type, url=case.url, now=NOW)


@pytest.mark.parametrize("case", READABLE, ids=by_name)
def test_a_document_gives_its_posts_oldest_first(case: Case) -> None:
    posts = read(case).posts
    assert [p.raw_id for p in posts] == [i["id"] for i in case.items]
    for post, item in zip(posts, case.items, strict=True):
        assert seen_in(post, item) == item


@pytest.mark.parametrize("case", READABLE, ids=by_name)
def test_a_document_tells_of_its_feed(case: Case) -> None:
    document = read(case)
    info = document.info
    said = {
        "title": info.title,
        "home": info.home,
        "language": info.language,
        "hubs": list(info.hubs),
        "topic": info.topic,
        "ended": document.ended,
        "not_before_minutes": document.not_before.total_seconds() / 60,
    }
    assert {key: said[key] for key in case.feed} == case.feed
    assert document.complete == case.complete


@pytest.mark.parametrize("case", READABLE, ids=by_name)
def test_no_two_posts_of_a_document_share_a_key(case: Case) -> None:
    posts = read(case).posts
    assert len({p.key for p in posts}) == len(posts)
    assert {len(p.key) for p in posts} <= {16}


@pytest.mark.parametrize("case", READABLE, ids=by_name)
def test_reading_a_document_again_gives_the_same(case: Case) -> None:
    assert read(case) == read(case)


@pytest.mark.parametrize("case", READABLE, ids=by_name)
def test_titles_are_one_line_and_addresses_are_web_addresses(case: Case) -> None:
    for post in read(case).posts:
        assert len(post.title.splitlines()) <= 1
        assert post.title == post.title.strip()
        assert len(post.title) <= 1024
        for address in (post.url, post.image, *(e.url for e in post.enclosures)):
            assert address == "" or address.startswith(("http://", "https://"))


@pytest.mark.parametrize("case", REFUSED, ids=by_name)
def test_what_is_no_feed_is_refused(case: Case) -> None:
    with pytest.raises(FeedFailed) as failure:
        read(case)
    assert failure.value.fault == case.error


def seen_in(post: Post, item: dict[str, Any]) -> dict[str, Any]:
    """What the post has for each key that is expected of it, in the same form."""
    found = {
        "id": post.raw_id,
        "link": post.url,
        "title": post.title.replace("\N{NO-BREAK SPACE}", " "),
        "title_starts": post.title[: len(item.get("title_starts", ""))],
        "text": (visible(post.content) if post.is_html else collapsed(post.content))[:200],
        "date": utc(post.published or post.updated),
        "base": post.base,
        "author": post.author,
        "image": post.image,
        "enclosures": [{key: value for key, value in asdict(e).items() if value} for e in post.enclosures],
    }
    return {key: found[key] for key in item}


def utc(moment: datetime | None) -> str | None:
    """Whole seconds: fractions are no business of the corpus."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def collapsed(text: str) -> str:
    return " ".join(text.split())


def visible(html: str) -> str:
    """What people see of a piece of HTML: no markup, no scripts, blocks apart, white space collapsed."""
    parser = VisibleText()
    parser.feed(html)
    parser.close()
    return collapsed("".join(parser.pieces))


class VisibleText(HTMLParser):
    """Collects the text outside scripts and styles; only the standard library, so no judge of itself."""

    HIDDEN = frozenset({"script", "style"})
    INLINE = frozenset({"a", "abbr", "b", "code", "em", "i", "small", "span", "strong", "sub", "u", "var"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in self.HIDDEN
        self.pieces.append(" " * (tag not in self.INLINE))

    def handle_endtag(self, tag: str) -> None:
        self.hidden = max(0, self.hidden - (tag in self.HIDDEN))
        self.pieces.append(" " * (tag not in self.INLINE))

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.pieces.append(data)
