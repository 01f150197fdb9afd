"""Whatever a message is made of, people can read it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.base import Enclosure
from adapters.sources.tencent import elements

A, B = "https://cdn.example.org/a", "https://cdn.example.org/b"


def element(kind: str, /, **content: Any) -> dict[str, Any]:
    return {"MsgType": kind, "MsgContent": content}


def text(words: str) -> dict[str, Any]:
    return element("TIMTextElem", Text=words)


def card(**members: Any) -> dict[str, Any]:
    return element("TIMCustomElem", Data=json.dumps(members), Desc="a card")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([text("Report")], "Report"),
        (text("not in a list"), "not in a list"),
        ([text("two\r\nlines\x00\x1b")], "two\nlines"),
        ([element("TIMFaceElem", Index=15, Data="")], "[emoji 15]"),
        ([element("TIMFaceElem", Index="15", Data="\b\x01[smile]")], "[emoji [smile]]"),
        ([text("Good"), element("TIMFaceElem", Index=1), text("morning")], "Good[emoji 1]morning"),
        ([element("TIMCustomElem", Data="\b\x01\x10\x06Cat's Eye", Desc="MIF", Ext="")], "MIF"),
        ([element("TIMCustomElem", Data="{broken", Desc="")], "[custom]"),
        ([element("TIMCustomElem", Data={"title": "no text"})], "[custom]"),
        ([card(title="Title", desc="What it says", link=A)], f"Title\nWhat it says\n{A}"),
        ([card(businessID="x", data={"Title": "Inside"})], "Inside"),
        ([element("TIMSoundElem", Url=A, Second=12, Download_Flag=2)], f"[voice 12 s] {A}"),
        ([element("TIMSoundElem", URL=A, Second="12")], f"[voice 12 s] {A}"),
        ([element("TIMSoundElem", UUID="u", Second=0)], "[voice]"),
        ([element("TIMFileElem", Url=A, FileName="a\nb.pdf", FileSize=2_345_678)], f"[file a b.pdf 2 MB] {A}"),
        ([element("TIMVideoFileElem", VideoUrl=A, VideoSecond=9, ThumbUrl=B)], f"[video 9 s] {A}"),
        ([element("TIMLocationElem", Desc="Port", Latitude=29.34, Longitude=116.57)], "[location Port] 29.34,116.57"),
        ([element("TIMLocationElem", Latitude=10**400, Longitude=True)], "[location] 1"),
        ([element("TIMSoundElem", Second=10**5000)], "[voice]"),
        ([element("TIMRelayElem", Title="Chat", AbstractList=["Ann: hi", 7, "Bob: ho"])], "Chat\nAnn: hi\nBob: ho"),
        ([element("TIMRelayElem")], "[messages]"),
        ([element("TIMImageElem", ImageInfoArray=[])], "[image]"),
        ([element("TIMHologramElem", x=1)], "[TIMHologramElem]"),
        ([{"MsgType": 7}], "[message]"),
        ([text("Title\nText"), card(title="Title", text="Text", url=A)], f"Title\nText\n{A}"),
        ([], "[message]"),
        (None, "[message]"),
        ("words", "[message]"),
        ([None, 3, [], text("still there")], "still there"),
        ([element("TIMSoundElem", Url="javascript:alert(1)", Second=1)], "[voice 1 s]"),
    ],
)
def test_every_element_becomes_readable_text(body: Any, expected: str) -> None:
    assert elements.read(body).text == expected


@pytest.mark.parametrize(
    ("body", "title", "url"),
    [
        ([text("A headline\nand the rest")], "A headline", ""),
        ([text("x" * 200)], "", ""),
        ([text("Words before"), card(title="The card", url=A)], "The card", A),
        ([card(title="One", url=A), card(title="Two", url=B)], "One", A),
    ],
)
def test_the_title_is_a_cards_or_the_first_line(body: Any, title: str, url: str) -> None:
    found = elements.read(body)
    assert (found.title, found.url) == (title, url)


def pictures(*types: int) -> dict[str, Any]:
    infos = [{"Type": one, "URL": f"{A}/{one}", "Size": 10 * one} for one in types]
    return element("TIMImageElem", ImageFormat=3, ImageInfoArray=infos)


@pytest.mark.parametrize(
    ("types", "shown", "original"),
    [((1, 2, 3), 2, 1), ((1, 3), 3, 1), ((1,), 1, 1), ((3,), 3, 3), ((9, 7), 7, 7)],
)
def test_a_picture_is_shown_large_and_kept_as_it_was(types: tuple[int, ...], shown: int, original: int) -> None:
    found = elements.read([pictures(*types)])
    assert found.image == f"{A}/{shown}"
    assert found.files == [Enclosure(f"{A}/{original}", "image/png", 10 * original)]


def test_a_video_brings_its_still_and_its_file() -> None:
    video = element("TIMVideoFileElem", VideoUrl=A, VideoFormat="mp4", VideoSize="77", ThumbUrl=B)
    found = elements.read([video, pictures(1)])
    assert (found.image, found.files[0]) == (B, Enclosure(A, "video/mp4", 77))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)
kinds = st.sampled_from(list(elements._READERS)) | st.text()
names = st.sampled_from(
    ["Text", "Data", "Index", "ImageInfoArray", "Url", "Second", "FileSize", "Latitude", "AbstractList"]
)


@settings(max_examples=40)
@given(
    st.lists(
        st.fixed_dictionaries({"MsgType": kinds, "MsgContent": st.dictionaries(names, anything)}) | anything, max_size=3
    )
)
def test_no_message_fails(body: list[Any]) -> None:
    found = elements.read(body)
    assert found.text
    assert "\n" not in found.title
    found.text.encode()
