"""Cleaned HTML: the words, a few elements, checked addresses, and nothing that runs, loads or breaks out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.clean_html import clean_html


@pytest.mark.parametrize(
    ("html", "clean"),
    [
        ("<p>One <b>two</b></p>", "<p>One <b>two</b></p>"),
        ('<p class="x" onclick="y()" style="z">One</p>', "<p>One</p>"),
        ("a<script>alert(1)</script>b<style>c</style>", "ab"),
        ("<div>one<span>two</span></div>", "onetwo"),
        ('<a href="https://a.example/?b=1&amp;c=2" target=x>d</a>', '<a href="https://a.example/?b=1&amp;c=2">d</a>'),
        ("<a href='javascript:alert(1)'>x</a>", "x"),
        ("<a href='java\nscript:alert(1)'>x</a>", "x"),
        ("<a href='data:text/html,x'>x</a><a href=vbscript:x>y</a>", "xy"),
        ('<a href="/b">c</a>', '<a href="https://base.example/b">c</a>'),
        ('<a href=mailto:ann@a.example>Ann</a>', '<a href="mailto:ann@a.example">Ann</a>'),
        ('<a href="https://a.example/&quot;onx=&quot;">b</a>', '<a href="https://a.example/&quot;onx=&quot;">b</a>'),
        ('<img src="https://a.example/i.png" alt="A  ship">', '<a href="https://a.example/i.png">A ship</a>'),
        ('<img src="https://a.example/i.png">', '<a href="https://a.example/i.png">https://a.example/i.png</a>'),
        ('<img src="data:image/png;base64,AA" alt="<b>">', "&lt;b&gt;"),
        ('<a href="https://a.example/"><img src="https://b.example/i" alt=c></a>', '<a href="https://a.example/">c</a>'),
        ("<a href=https://a.example/>a<a href=https://b.example/>b", '<a href="https://a.example/">a</a><a href="https://b.example/">b</a>'),
        ("</p></td>one<p>two", "one<p>two</p>"),
        ("<ul><li>a</ul>b</li>", "<ul><li>a</li></ul>b"),
        ("1 &lt; 2 &amp;amp; &copy; &#60;script&#62;", "1 &lt; 2 &amp;amp; © &lt;script&gt;"),
        ("a<br/>b<hr>c<!-- d --><![CDATA[e]]>", "a<br>b<hr>c"),
        ("<iframe src=x>a</iframe><object data=x>b</object><form action=x><input value=c>d</form>", "bd"),
        ("<svg onload=x><p>a</svg>", "<p>a</p>"),
        ("<scr\0ipt>alert(1)</scr\0ipt>", ""),
        ("<<script>x</script>", "&lt;"),
    ],
)  # fmt: skip
def test_words_stay_and_what_could_harm_goes(html: str, clean: str) -> None:
    assert clean_html(html, "https://base.example/a") == clean


def test_nesting_is_bounded() -> None:
    clean = clean_html("<ul>" * 10_000 + "x")
    assert clean.count("<ul>") == clean.count("</ul>") == 60


ALLOWED = re.compile(r'[^<>]*(?:<(?:/?[a-z][a-z0-9]*|a href="(?:https?://|mailto:)[^"<>]*")>[^<>]*)*', re.DOTALL)
PIECES = st.sampled_from(
    ["<", ">", "</", "<p", "<a ", "href=", "'", '"', "javascript:", "https://a.example/", "<img ", "src=", "alt=",
     "<script>", "</script>", "<!--", "-->", "&lt;", "&#x3c;", "&amp;", "onx=", " ", "/", "\0", "\n", "é", "<ul><li>"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("".join))
def test_whatever_comes_in_only_plain_elements_and_links_come_out(html: str) -> None:
    clean = clean_html(html)
    assert ALLOWED.fullmatch(clean)
    assert clean_html(clean) == clean
