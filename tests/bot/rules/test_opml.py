"""Lists of subscriptions are read as readers write them, and hostile ones are refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules import opml
from bot.rules.opml import NotOpml, Outline

LIST = """<?xml version="1.0" encoding="utf-8"?>
<OPML version="1.0"><head><title>x</title></head><body>
<outline text="News"><outline TEXT="Harbour&#10;news" XMLURL=" https://example.org/a " htmlUrl="https://example.org/"/>
<outline type="rss" text="t" title="Title" xmlUrl="https://example.org/b"/></outline>
<outline text="again" xmlUrl="https://example.org/a"/><outline text="empty folder"/></body></OPML>"""


def test_folders_case_and_repeats_do_not_matter() -> None:
    assert opml.read(LIST.encode()) == [
        Outline("https://example.org/a", "Harbour news", "https://example.org/"),
        Outline("https://example.org/b", "Title"),
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_encodings_are_read(encoding: str) -> None:
    document = LIST.replace("utf-8", "utf-16" if encoding == "utf-16" else "utf-8").replace("Title", "标题")
    assert opml.read(document.encode(encoding))[1].title == "标题"


NO_LISTS = {
    "": 1,
    "<html></html>": 0,
    "<opml><body/></opml>": 0,
    "<opml>\n<body>": 2,
    '<!DOCTYPE opml [<!ENTITY a "b">]><opml><outline xmlUrl="&a;"/></opml>': 1,
    "<opml>" + "<outline>" * 100: 1,
    '<?xml version="1.0" encoding="nonsense"?><opml/>': 1,
    '<rss><outline xmlUrl="https://example.org"/></rss>': 0,
}


@pytest.mark.parametrize(("document", "line"), NO_LISTS.items())
def test_what_is_no_list_says_where_it_goes_wrong(document: str, line: int) -> None:
    with pytest.raises(NotOpml) as error:
        opml.read(document.encode())
    assert error.value.line == line


def test_a_huge_list_is_cut() -> None:
    many = opml.write((Outline(f"https://example.org/{n}") for n in range(opml.MOST_FEEDS + 5)), "many")
    assert len(opml.read(many.encode())) == opml.MOST_FEEDS


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_is_written_can_be_read(title: str, name: str) -> None:
    written = opml.write([Outline("https://example.org/a?b=1&c=2", title, "https://example.org/")], name)
    (read,) = opml.read(written.encode())
    assert (read.url, read.home) == ("https://example.org/a?b=1&c=2", "https://example.org/")


@given(st.binary(max_size=200))
def test_no_document_breaks_the_reader(document: bytes) -> None:
    with suppress(NotOpml):
        opml.read(document)


def test_what_publishers_write_breaks_no_list() -> None:
    """A feed's home page is whatever its publisher says, and one bad character is enough for readers to refuse all."""
    addresses = "https://example.org/a\x08\x0b\x1b\ufffe?<b>\"'&", "https://example.org/b\x0c\uffff"
    nasty = [opml.Outline(url, "A\x08 title\ufffe", url) for url in addresses]
    nasty.append(opml.Outline("https://example.org/c", "C", "javascript:alert(1)"))
    read = opml.read(opml.write(nasty, "Mine\x08").encode())
    assert [one.url for one in read] == [
        "https://example.org/a?<b>\"'&",
        "https://example.org/b",
        "https://example.org/c",
    ]
    assert [one.home for one in read] == [read[0].url, read[1].url, ""]
