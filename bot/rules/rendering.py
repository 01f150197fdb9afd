"""A post → the title and text that messages show: plain, harmless, within a channel's limit.

One post is one message (design.md, 4): what is too long is cut after a sentence, and the link is always there.
"""

import re
import unicodedata
from dataclasses import dataclass

from adapters.base import PostView
from bot.rules.html_text import LONGEST_INPUT, html_text
from bot.rules.plain_text import clean, cut, length, one_line

_LONGEST_TITLE = 300
_LONGEST_NAME = 100  # of an author, of a feed
_TITLE_FROM_TEXT = 80  # feeds.md, 1.6


@dataclass(frozen=True, slots=True)
class Rendition:
    """What a reader gets of a post; neither holds markup."""

    title: str  # one line; empty only for a post without title, text and address
    text: str  # lines; empty when the post has no text


def view(*, title: str, content: str, is_html: bool, summary: str, base: str, url: str, limit: int) -> Rendition:
    """Render a post's fields, as ``adapters.base.Post`` has them, with at most ``limit`` characters of text.

    The summary stands in for a content without words.  A title that the text repeats as its first line is
    left out of the text, unless it is all of the text.  A post without a title takes the beginning of its text,
    else its address, as title; its text stays whole.
    """
    text = _plain(content, is_html, base, url) or _plain(summary, is_html, base, url)
    title = cut(one_line(title[:LONGEST_INPUT]), _LONGEST_TITLE)
    if title:
        first, _, rest = text.partition("\n")
        if one_line(first) == title:
            text = rest.lstrip("\n") or text
    else:
        title = cut(one_line(text), _TITLE_FROM_TEXT) or one_line(url)
    return Rendition(title, cut(text, limit))


def message_text(post: PostView, limit: int) -> str:
    """The post as one chat message of at most ``limit`` characters: title, text, who wrote it where, link.

    The link is the last line, whole; it is left out only where it alone exceeds ``limit``.  What does not fit goes
    in this order: the end of the text, the line of names, the end of the title.
    """
    link = post.url if length(post.url) <= limit else ""
    names = _names(post)
    if length(f"{names}\n{link}") > limit // 2:
        names = ""
    foot = "\n".join(filter(None, (names, link)))
    room = limit - (length(foot) + 2 if foot else 0)
    body = cut(_title_and_text(post), room) if room > 1 else ""
    return "\n\n".join(filter(None, (body, foot)))


def normal_text(content: str, *, is_html: bool) -> str:
    """The words of ``content`` for telling an edit from noise: equal texts mean that nothing was rewritten.

    Markup, addresses, case, blanks and counters ("12 comments", "阅读 3.4万", "5 minutes ago") do not count.
    """
    text = html_text(content, links=False) if is_html else clean(content[:LONGEST_INPUT])
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(_COUNTER.sub(" ", text).split())


_NUMBER = r"\d[\d.,]*(?:\s?[km万億亿])?\+?"
_COUNTED = r"(?:comments?|repl(?:y|ies)|views?|likes?|shares?|(?:re)?tweets?|reposts?|reactions?|(?:up)?votes?|reads?)"
_COUNTED_CJK = r"(?:阅读|閱讀|浏览|瀏覽|评论|評論|点赞|點讚|转发|轉發|收藏|回复|在看|コメント|いいね)"
_TIME = r"(?:second|minute|min|hour|day|week|month|year)s?"
_TIME_CJK = r"(?:秒|分钟|分鐘|分|小时|小時|時間|天|日|周|週間|个月|年)"
_COUNTER = re.compile(
    rf"(?<![\w.,]){_NUMBER}\s{{0,3}}{_COUNTED}\b"
    rf"|\b(?:{_COUNTED}|points):\s{{0,3}}{_NUMBER}(?!\w)"
    rf"|(?<![\w.,]){_NUMBER}\s{{0,3}}{_TIME} ago\b"
    rf"|(?<![\d.,]){_NUMBER}\s{{0,3}}(?:[次人条條个個件]\s?)?{_COUNTED_CJK}"
    rf"|{_COUNTED_CJK}[量数數]?\s{{0,3}}[:(]?\s{{0,3}}{_NUMBER}\)?"
    rf"|(?<![\d.,]){_NUMBER}\s{{0,3}}{_TIME_CJK}前"
)


def _plain(content: str, is_html: bool, base: str, url: str) -> str:
    return html_text(content, base=base, own=url) if is_html else clean(content[:LONGEST_INPUT])


def _title_and_text(post: PostView) -> str:
    """Both, unless the text begins with the title or is where the title was taken from."""
    title = "" if post.title == post.url else post.title
    if not post.text or not title:
        return post.text or title
    first_line, flat = post.text.partition("\n")[0], one_line(post.text)
    shortened = title.endswith("…") and flat.startswith(title.removesuffix("…").rstrip())
    if shortened or title in (one_line(first_line), flat):
        return post.text
    return f"{title}\n\n{post.text}"


def _names(post: PostView) -> str:
    names = (cut(one_line(name), _LONGEST_NAME) for name in (post.author, post.feed_title))
    return " · ".join(dict.fromkeys(filter(None, names)))
