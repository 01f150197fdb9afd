"""The encoding of a document, whatever its labels say, and the repairs before a strict parser (feeds.md 4)."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.base import FeedFailed, FeedFault
from adapters.sources.formats.decoding import to_utf8
from adapters.sources.formats.repairs import declare_prefixes, entities_of, is_truncated, repair, salvage

CHINESE = "新闻：今天的天气很好，我们去公园散步，晚上回家吃饭。"
JAPANESE = "今日はとても良い天気なので、公園を散歩しました。"
RUSSIAN = "Сегодня хорошая погода, и мы пошли гулять в парк."


def document(text: str, label: str = "") -> str:
    declaration = f' encoding="{label}"' if label else ""
    return f'<?xml version="1.0"{declaration}?><rss><channel><title>{text}</title></channel></rss>'


@pytest.mark.parametrize(
    ("text", "encoding", "declared", "header"),
    [
        ("café", "utf-8", "utf-8", "text/xml; charset=utf-8"),
        ("café", "utf-8", "iso-8859-1", "text/xml; charset=iso-8859-1"),  # valid UTF-8 wins
        ("café", "utf-8", "UTF8MB4", ""),
        ("café", "utf-8-sig", "iso-8859-1", ""),
        ("café", "utf-16", "utf-16", ""),
        ("café", "utf-16", "utf-8", "text/xml; charset=utf-8"),
        ("café", "utf-16-le", "", ""),
        ("café", "utf-16-be", "", ""),
        ("café", "utf-32", "", ""),
        ("café", "latin-1", "iso-8859-1", ""),
        ("“café” – 5 €", "cp1252", "iso-8859-1", ""),  # what Latin-1 really is
        ("“café” – 5 €", "cp1252", "", "text/xml; charset=us-ascii"),
        ("“café” – 5 €", "cp1252", "", ""),
        ("“café” – 5 €", "cp1252", "utf-8", "text/xml; charset=utf-8"),
        (CHINESE + "镕", "gbk", "gb2312", ""),
        (CHINESE + "😀", "gb18030", "gbk", ""),
        (CHINESE, "gbk", "utf-8", "text/xml; charset=utf-8"),
        (CHINESE, "gbk", "", ""),
        ("繁體中文的標題", "big5", "big5", ""),
        (JAPANESE, "cp932", "Shift_JIS", ""),
        (JAPANESE, "euc-jp", "euc-jp", ""),
        (JAPANESE, "iso-2022-jp", "iso-2022-jp", ""),
        ("오늘은 날씨가 좋아요", "cp949", "euc-kr", ""),
        (RUSSIAN, "cp1251", "windows-1251", ""),
        (RUSSIAN, "koi8-r", "", 'text/xml; charset="KOI8-R"'),
        (RUSSIAN, "cp1251", "koi8-r", "text/xml; charset=windows-1251"),  # the header comes first
    ],
)
def test_the_text_is_found_under_any_label(text: str, encoding: str, declared: str, header: str) -> None:
    assert text in to_utf8(document(text, declared).encode(encoding), header).decode()


def test_a_stray_byte_does_not_turn_utf_8_into_something_else() -> None:
    body = document(RUSSIAN).encode().replace(b"</title>", b"\xff</title>")
    assert RUSSIAN in to_utf8(body, "").decode()


@pytest.mark.parametrize(
    "label", ["utf-7", "cp037", "cp500", "zlib_codec", "rot13", "unicode_escape", "idna", "base64"]
)
def test_labels_that_could_hide_markup_are_not_believed(label: str) -> None:
    body = document("+ADw-b+AD4- caf\xe9", label).encode("latin-1")
    assert "+ADw-b+AD4- café" in to_utf8(body, f"text/xml; charset={label}").decode()


@given(st.binary(max_size=300), st.sampled_from(["", "charset=gbk", "charset=utf-16", "charset=\x00", "charset=é"]))
def test_any_bytes_become_utf_8(body: bytes, label: str) -> None:
    for mark in (b"", codecs.BOM_UTF16_LE, codecs.BOM_UTF32_BE):
        to_utf8(mark + body, label).decode()


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        ("<a>bell \x07 and \x00 null \ufffe</a>", "bell  and  null "),
        ("<a>&#8;x&#x1F;&#xFFFF;&#55357;&#0;</a>", "x"),
        ("<a>&#X41;&#x0041;&#00065;</a>", "AAA"),
        ("<a>&nbsp;&eacute;&hellip;&amp;&lt;</a>", "\xa0é…&<"),
        ("<a>&LT;b&GT;</a>", "<b>"),
        ("<a>Tom & Jerry &c. &unknown; &;</a>", "Tom & Jerry &c. &unknown; &;"),
        ("<a><![CDATA[?a=1&b=2&nbsp;]]></a>", "?a=1&b=2&nbsp;"),
        ("<a>x</a><script>track()</script>", "x"),
        ("<a>x</a>\n<!-- cached & old -->", "x"),
    ],
)
def test_common_faults_are_mended(broken: str, text: str) -> None:
    assert etree.fromstring(repair(broken, {})).text == text


@given(st.text(alphabet="<>&;#x0aA[]!CDT- \x00\ud800é", max_size=200))
def test_mending_what_is_mended_changes_nothing(text: str) -> None:
    mended = repair(text, {})
    assert repair(mended, {}) == mended


def test_declared_characters_are_known_and_nothing_else_is_expanded() -> None:
    doctype = """<!DOCTYPE rss [<!ENTITY nbsp "&#160;"> <!ENTITY firm 'Salt & Co'>]>"""
    assert entities_of(doctype.replace(" & ", " &#38; "), "<a/>") == {"nbsp": "\xa0", "firm": "Salt & Co"}


@pytest.mark.parametrize(
    "declarations",
    [
        '<!ENTITY a "lol"><!ENTITY b "&a;&a;">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY a PUBLIC "x" "http://example.org/">',
        '<!ENTITY % p "x">',
        "".join(f'<!ENTITY a{n} "x">' for n in range(65)),
        '<!ENTITY a "' + "x" * 1025 + '">',
        '<!ENTITY a "' + "x" * 1000 + '">',  # times 2,000
        "<!ENTITY broken",
    ],
)
def test_entities_that_fetch_or_multiply_are_refused(declarations: str) -> None:
    with pytest.raises(FeedFailed) as caught:
        entities_of(f"<!DOCTYPE rss [{declarations}]>", "<a>" + "&a;" * 2000 + "</a>")
    assert caught.value.fault is FeedFault.HOSTILE


def test_prefixes_that_nobody_declared_are_declared() -> None:
    text = '<rss xmlns:dc="urn:dc"><item><media:title>t</media:title><dc:date/><odd:x/></item></rss>'
    root = etree.fromstring(declare_prefixes(text, {"media": "http://search.yahoo.com/mrss/"}))
    assert root.nsmap == {"dc": "urn:dc", "media": "http://search.yahoo.com/mrss/", "odd": "urn:undeclared"}


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        (
            "<rss><channel><title>t</title><item><a/></item><item><b",
            "<rss><channel><title>t</title><item><a/></item></channel></rss>",
        ),
        ("<feed><entry><a/></entry><entry>", "<feed><entry><a/></entry></feed>"),
        ("<rdf:RDF><channel/><item/><item></item><it", "<rdf:RDF><channel/><item/><item></item></rdf:RDF>"),
        ("<rss><channel><item><title>x", ""),
    ],
)
def test_a_truncated_document_keeps_its_complete_items(cut: str, whole: str) -> None:
    assert is_truncated(cut)
    assert salvage(cut) == whole
