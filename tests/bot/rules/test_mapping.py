"""Paths into foreign JSON: what they reach, and that nothing in a document or a path does harm."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules import mapping

ALERT = {"labels": {"alertname": "Disk", "a.b": "dotted"}, "links": [{"href": "u1"}, {"href": "u2"}], "n": 0}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("labels.alertname", "Disk"),
        ("$.labels.alertname", "Disk"),
        ("$", ALERT),
        ("", ALERT),
        ("links[0].href", "u1"),
        ("links[-1].href", "u2"),
        ('labels["a.b"]', "dotted"),
        ("['labels']['a.b']", "dotted"),
        ("n", 0),
        ("links[2].href", None),
        ("links[-3]", None),
        ("links.href", None),
        ("labels[0]", None),
        ("n.m", None),
        ("nothing", None),
    ],
)
def test_what_a_path_reaches(path: str, expected: Any) -> None:
    assert mapping.follow(mapping.path(path), ALERT) == expected


@pytest.mark.parametrize("path", ["a b", "a[b]", "a[", "a]", "a..b", "..", "a[1.5]", "a[?(@.b)]", "a" * 600])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        mapping.path(path)


@given(
    path=st.text(max_size=600),
    document=st.recursive(st.none() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)),
)
def test_any_path_on_any_document_is_a_value_or_a_refusal(path: str, document: Any) -> None:
    try:
        steps = mapping.path(path)
    except ValueError:
        return
    mapping.follow(steps, document)


@pytest.mark.parametrize(
    ("items", "document", "expected"),
    [
        ("", {"t": "a"}, [{"title": "a"}]),
        ("", [{"t": "a"}, {"t": "b"}, 7], [{"title": "a"}, {"title": "b"}, {"title": None}]),
        ("list", {"list": [{"t": "a"}]}, [{"title": "a"}]),
        ("list", {"list": {"t": "a"}}, [{"title": "a"}]),
        ("list", {"list": []}, []),
        ("list", {}, []),
        ("list", 7, []),
    ],
)
def test_the_items_of_a_document(items: str, document: Any, expected: Any) -> None:
    text = '{"title": "t"' + (f', "items": "{items}"}}' if items else "}")
    assert mapping.parse(text).apply(document) == expected


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "{", '{"title": 7}', '{"colour": "c"}', '{"items": "a"}', '{"title": "a b"}', "[" * 9000]
)
def test_what_is_no_mapping_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"mapping|no path|no 'colour'"):
        mapping.parse(text)
