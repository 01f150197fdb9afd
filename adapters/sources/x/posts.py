"""X's posts as ours: what each says, in full and readable, under a key that stays (sources-x.md 3.2 and 13)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from adapters.base import Enclosure, Post
from adapters.sources.formats.identity import make_key
from adapters.sources.formats.text import absolute, cut, one_line, safe
from adapters.sources.x.snowflakes import made_at, number
from adapters.sources.x.wire import Answer, Entities, Media, Tweet, Url, User

_ESCAPED: Final = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}  # all that X escapes
_STATUS: Final = re.compile(r"/status(?:es)?/(\d{5,19})(?!\d)")
_OWN_MEDIA: Final = re.compile(r"/status/\d{5,19}/(?:photo|video)/\d+")


@dataclass(frozen=True, slots=True)
class Person:
    """An account as X writes it."""

    id: str
    username: str = ""
    name: str = ""


def read(tweet: Tweet, answer: Answer, known: Person) -> Post | None:
    """``known``: its author, for answers that do not name them.  None for what has no proper id."""
    identifier, root = number(tweet.id), number(tweet.history[0])
    if identifier is None or root is None:
        return None
    author = _person(answer.users.get(tweet.author_id)) or known
    original = answer.included.get(tweet.reference("retweeted"))
    kind = kind_of(tweet)
    shown = original if kind == "repost" and original else tweet
    media = _media(shown, answer.media)
    key, link_key = keys(tweet.reference("retweeted") or str(root), kind)
    return Post(
        key=key,
        link_key=link_key,
        raw_id=str(root),
        url=status_url(author.username, tweet.id),
        author=display(author),
        content=cut(safe(_content(tweet, original, answer)).strip()),
        is_html=False,
        published=published(tweet.created_at, root),
        updated=made_at(identifier) if identifier != root else None,
        image=next(filter(None, (_picture(one) for one in media)), ""),
        enclosures=tuple(filter(None, (_enclosure(one) for one in media))),
        kind=kind,
    )


def kind_of(tweet: Tweet) -> str:
    """Never from what the text begins with.  An answer to oneself continues a thread, and is an ordinary post."""
    if tweet.reference("retweeted"):
        return "repost"
    if tweet.in_reply_to_user_id or tweet.reference("replied_to"):
        return "" if tweet.in_reply_to_user_id == tweet.author_id else "reply"
    return ""


def keys(status_id: str, kind: str) -> tuple[bytes, bytes | None]:
    """Key and link key, the same whichever way a post came (16.4).

    A repost goes by what it repeats: of bridges nothing else can be learned, and it must not be taken for that post.
    """
    if kind == "repost":
        return make_key("id", f"x:{status_id}:repost"), None
    return make_key("id", f"x:{status_id}"), make_key("link", f"x:{status_id}")


def status_id(address: str) -> str:
    """The id in the address of a post, on X or on any mirror; empty when it is none."""
    found = _STATUS.search(address)
    return found[1] if found else ""


def status_url(username: str, identifier: str) -> str:
    return f"https://x.com/{username or 'i'}/status/{identifier}"


def published(written: str, identifier: int) -> datetime | None:
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        return made_at(identifier)


def display(person: Person) -> str:
    handle = f"@{person.username}" if person.username else ""
    return one_line(f"{person.name} {handle}", 300)


# --- What it says ------------------------------------------------------------------------------------------


def _content(tweet: Tweet, original: Tweet | None, answer: Answer) -> str:
    if kind_of(tweet) != "repost":
        return _with_quote(tweet, answer)
    if original is None:
        return _text(tweet)  # cut by X, with "RT @name:" before it
    return f"RT {_handle(original, answer)}: {_with_quote(original, answer)}"


def _with_quote(tweet: Tweet, answer: Answer) -> str:
    quoted = answer.included.get(tweet.reference("quoted"))
    if quoted is None:  # it is gone, or not shown to us; then its address stays in the text
        return _text(tweet)
    said = f"{_handle(quoted, answer)}: {_text(quoted)}".rstrip()
    lines = "\n".join(f"> {line}".rstrip() for line in said.splitlines())
    return f"{_text(tweet, rendered=quoted.id)}\n\n{lines}".strip()


def _handle(tweet: Tweet, answer: Answer) -> str:
    author = answer.users.get(tweet.author_id)
    return f"@{author.username}" if author and author.username else "…"


def _text(tweet: Tweet, rendered: str = "") -> str:
    """``rendered``: the id of the quoted post that is shown below."""
    if tweet.article and tweet.article.title:
        return f"{tweet.article.title}\n\n{_plain(tweet.text, tweet.entities, rendered)}".strip()
    if tweet.note and tweet.note.text:
        return _plain(tweet.note.text, tweet.note.entities or tweet.entities, rendered)
    return _plain(tweet.text, tweet.entities, rendered)


def _plain(text: str, entities: Entities | None, rendered: str) -> str:
    """Links spelled out and characters unescaped, in one go: what an address holds is never unescaped.

    By the link's text and not by its place, for places count the characters of something else (13.3).
    """
    replaced = dict(_ESCAPED)
    for one in (entities.urls if entities else None) or ():
        if one.url:
            replaced[one.url] = _spelled_out(one, rendered)
    longest_first = sorted(replaced, key=len, reverse=True)
    text = re.sub("|".join(map(re.escape, longest_first)), lambda match: replaced[match[0]], text)
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def _spelled_out(link: Url, rendered: str) -> str:
    """Empty for what stands for something that is shown otherwise: media of the post, and the quoted post."""
    if link.media_key:
        return ""
    whole = absolute(link.unwound_url or "", "") or absolute(link.expanded_url or "", "") or link.url
    if _OWN_MEDIA.search(whole) or (rendered and status_id(whole) == rendered):
        return ""
    return whole


# --- Pictures and films ------------------------------------------------------------------------------------


def _media(tweet: Tweet, known: Mapping[str, Media]) -> Sequence[Media]:
    wanted = (tweet.attachments.media_keys if tweet.attachments else None) or ()
    return [known[key] for key in wanted if key in known]


def _picture(media: Media) -> str:
    return absolute(media.url or "", "") if media.type == "photo" else absolute(media.preview_image_url or "", "")


def _enclosure(media: Media) -> Enclosure | None:
    if media.type == "photo":
        url, kind = _picture(media), "image/png" if (media.url or "").endswith(".png") else "image/jpeg"
    else:
        films = [one for one in media.variants or () if one.content_type == "video/mp4"]
        best = max(films, key=lambda one: one.bit_rate, default=None)  # the playlist has no bit rate
        url, kind = absolute(best.url, "") if best else "", "video/mp4"
    return Enclosure(url, kind) if url else None


def _person(user: User | None) -> Person | None:
    return Person(user.id, user.username, user.name) if user and user.username else None
