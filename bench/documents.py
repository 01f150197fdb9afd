"""Feed documents as publishers write them: RSS 2.0, 20 items with HTML texts, 35 to 55 KB."""

import random
from collections.abc import Sequence
from email.utils import formatdate

ITEMS = 20
FIRST_ITEM_AT = 1_760_000_000  # Unix seconds; the items of the first version are an hour apart
TEXT_BYTES = (1_000, 1_200, 1_800)  # one item's HTML, before the rest of the item; feeds take turns
TEXTS = 40  # different texts of each size

PROSE = (
    "the harbour council said on Tuesday that work at quay seven will begin before winter while "
    "engineers from three companies compare costs and residents ask how long trucks must use "
    "Market Street; “nobody has measured it yet” is the answer most people hear – café owners, Zoë Müller "
    "among them, have started counting themselves, from six to nine & again after five o’clock"
)


def document(feed: int, version: int, visible: Sequence[float]) -> bytes:
    """The feed in its ``version`` (from 1): items ``version`` to ``version`` + 19, newest first.

    ``visible``: when the items 21, 22, … of all versions became visible, in Unix seconds; at least those shown.
    """
    texts = _TEXTS[feed % len(_TEXTS)]
    parts = [_HEAD % (feed, feed, feed, feed)]
    for n in range(version + ITEMS - 1, version - 1, -1):
        at = visible[n - version - ITEMS] if n > ITEMS else FIRST_ITEM_AT + 3600 * n
        date = formatdate(at, usegmt=True).encode()
        parts.append(_ITEM % (n, feed, at, feed, n, feed, n, date, texts[(feed + n) % TEXTS]))
    parts.append(_TAIL)
    return b"".join(parts)


_HEAD = b"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" \
xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">
<channel>
<title>Harbour news %d</title>
<link>https://publisher.example/%d/</link>
<atom:link href="https://publisher.example/f/%d" rel="self" type="application/rss+xml"/>
<description>What happens at the harbour, section %d.</description>
<language>en</language>
<generator>Publisher 4.2</generator>
"""
_ITEM = b"""<item>
<title>Post %d of feed %d, visible at %.6f</title>
<link>https://publisher.example/%d/post-%d</link>
<guid isPermaLink="false">publisher-%d-%d</guid>
<pubDate>%s</pubDate>
<dc:creator><![CDATA[Harbour desk]]></dc:creator>
<category><![CDATA[Harbour]]></category>
<category><![CDATA[Traffic]]></category>
%s
</item>
"""
_TAIL = b"</channel>\n</rss>\n"


def _text(chance: random.Random, size: int) -> bytes:
    """An item's description (escaped) and content (CDATA)."""

    def sentence() -> str:
        words = " ".join(chance.choices(PROSE.split(), k=chance.randint(8, 24)))
        return (words[:1].upper() + words[1:] + ".").replace("&", "&amp;")

    html = ""
    while len(html.encode()) < size:
        link = f'<a href="https://publisher.example/tag/{chance.randint(1, 99)}?a=1&amp;b=2">{sentence()}</a>'
        html += f"<p>{sentence()} <strong>{sentence()}</strong> {link}</p>\n"
        html += f'<p><img src="/images/{chance.randint(1, 999)}.jpg" alt="The quay"/>{sentence()}</p>\n'
    summary = sentence().replace("&", "&amp;")
    return (
        f"<description>&lt;p&gt;{summary}&lt;/p&gt;</description>\n"
        f"<content:encoded><![CDATA[{html}]]></content:encoded>"
    ).encode()


_chance = random.Random(20)
_TEXTS = [[_text(_chance, size) for _ in range(TEXTS)] for size in TEXT_BYTES]
