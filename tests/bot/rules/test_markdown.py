"""Markdown documents: what stands at their head, and their text as HTML."""

import time

import pytest

from bot.rules.markdown import split, to_html


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("# Ships\n\nTwo *came* **in**.", "<h1>Ships</h1>\n<p>Two <em>came</em> <strong>in</strong>.</p>\n"),
        ("![A ship](https://a.example/i.png)", '<p><a href="https://a.example/i.png">A ship</a></p>\n'),
        ("[x](javascript:alert(1)) [y](/b)", '<p>x <a href="https://a.example/b">y</a></p>\n'),
        ("<script>alert(1)</script>\n\n<div>kept</div>", "\nkept\n"),
        ("a <b onclick=x>c</b><br>d", "<p>a <b>c</b><br>d</p>\n"),
        ("~~a~~ https://b.example/c", '<p><del>a</del> <a href="https://b.example/c">https://b.example/c</a></p>\n'),
        ("```\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>\n"),
        ("|a|\n|-|", "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n</table>\n"),
        ("", ""),
    ],
)  # fmt: skip
def test_markdown_becomes_plain_elements(markdown: str, html: str) -> None:
    assert to_html(markdown, "https://a.example/") == html


@pytest.mark.parametrize(
    "piece",
    ["[", "[a](", "*a ", "_a ", ">", "- ", "<", "![a", "![a](b)", "`a``", "a|b\n-|-\n", "<!--", "<a ", "a@", "**a__b"],
)
def test_no_text_takes_long(piece: str) -> None:
    began = time.process_time()
    to_html((piece * 65_536)[:65_536])
    assert time.process_time() - began < 2  # hundredths of a second, where nobody else computes


@pytest.mark.parametrize(
    ("document", "fields", "text"),
    [
        ("no head", {}, "no head"),
        ("---\ntitle: Ships\nurl: //a.example\n---\nText", {"title": "Ships", "url": "//a.example"}, "Text"),
        ("\ufeff---\r\ntitle: Ships\r\n---\r\nText", {"title": "Ships"}, "Text"),
        ("---\ntitle: 'It''s: one'  # really\n---\n", {"title": "It's: one"}, ""),
        ('---\ntitle: "A \\"b\\" \\\\ c"\n---', {"title": 'A "b" \\ c'}, ""),
        ("---\ntitle: Ships # in\nauthor:\n...\nText", {"title": "Ships", "author": ""}, "Text"),
        ("---\ntitle: C# and #1\n---\n", {"title": "C# and"}, ""),
        ("---\ntags: [a, b]\nlist:\n  - c\n  title: d\npublishedAt: 2026-03-19T00:00:00Z\nfeed: Notes\n---\nText",
         {"publishedAt": "2026-03-19T00:00:00Z", "feed": "Notes"}, "Text"),
        ("---\na rule, and no end", {}, "---\na rule, and no end"),
        ("Text\n---\ntitle: x\n---\n", {}, "Text\n---\ntitle: x\n---\n"),
        ("---\n---\nText", {}, "Text"),
    ],
)  # fmt: skip
def test_the_head_is_read_and_cut_off(document: str, fields: dict[str, str], text: str) -> None:
    assert split(document) == (fields, text)


@pytest.mark.parametrize(
    ("head", "trouble"),
    [
        ("title: [a, b]", "title in the front matter is a plain text"),
        ("title: |", "title in the front matter is a plain text"),
        ("title: 'a", "the quotes do not fit"),
        ("title: 'a' b", "the quotes do not fit"),
        ("url: a\nurl: b", "url stands twice"),
    ],
)
def test_what_cannot_be_read_is_said(head: str, trouble: str) -> None:
    with pytest.raises(ValueError, match=trouble):
        split(f"---\n{head}\n---\nText")
