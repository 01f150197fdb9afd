"""Finds out in which character encoding a document is written, since labels lie (feeds.md 4)."""

import codecs
import re
from collections.abc import Iterator


def to_utf8(body: bytes, content_type: str) -> bytes:
    """The document as UTF-8 without a byte order mark; what cannot be decoded becomes U+FFFD.

    Order: byte order mark, valid UTF-8 whatever the labels say, the label in ``content_type``, the one in the
    document, nearly valid UTF-8, Chinese without a label, windows-1252.
    """
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            body = body[len(mark) :]
            if encoding != "utf-8":
                return _recode(body, encoding)
            break
    if encoding := _wide(body):
        return _recode(body, encoding)
    if b"\x1b" not in body and _is_utf8(body):  # ESC: ISO-2022-JP looks like ASCII
        return body
    return _guess(body, list(_labels(body, content_type))).encode("utf-8", "replace")


_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def _wide(body: bytes) -> str:
    """UTF-16 without its mark, known by the NUL beside the first character."""
    if body[1:2] == b"\0" and body[:1] in b"<{" and body[:1]:
        return "utf-16-le"
    return "utf-16-be" if body[:1] == b"\0" and body[1:2] in b"<{" and body[1:2] else ""


def _recode(body: bytes, encoding: str) -> bytes:
    return body.decode(encoding, "replace").encode("utf-8", "replace")


def _is_utf8(body: bytes) -> bool:
    if body.isascii():
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s\"';,]+)", re.IGNORECASE)
_DECLARED = re.compile(rb"<\?xml[^<>]{0,200}?encoding\s*=\s*[\"']([^\"'<>]{1,40})", re.IGNORECASE)
_IN_HTML = re.compile(rb"<meta[^<>]{1,200}?charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)


def _labels(body: bytes, content_type: str) -> Iterator[str]:
    """The encodings the document is said to have, as Python's names, the most believable first."""
    found = _CHARSET.search(content_type)
    said = [found[1] if found else ""]
    for pattern in (_DECLARED, _IN_HTML):
        match = pattern.search(body, 0, 2048)
        said.append(match[1].decode("ascii", "replace") if match else "")
    for label in said:
        if name := _python_name(label):
            yield name


# What the labels mean in practice: a superset that the writer's program really used.
_MEANT = {
    "gb2312": "gb18030", "gb_2312-80": "gb18030", "gb2312-80": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030",
    "euc-cn": "gb18030", "cp936": "gb18030", "iso-8859-1": "cp1252", "iso8859-1": "cp1252", "iso_8859-1": "cp1252",
    "latin1": "cp1252", "latin-1": "cp1252", "l1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252",
    "iso-8859-9": "cp1254", "latin5": "cp1254", "iso-8859-11": "cp874", "tis-620": "cp874",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "windows-31j": "cp932",
    "big5": "big5hkscs", "big-5": "big5hkscs", "x-x-big5": "big5hkscs", "cn-big5": "big5hkscs",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "ksc5601": "cp949",
}  # fmt: skip

# Text encodings in which "<" is the byte 3C.  Not UTF-7 or EBCDIC, which would hide markup from checks on bytes.
_KNOWN = re.compile(
    r"utf-?8|gb.*|big5.*|cp(?:12\d\d|8\d\d|93\d|94\d|950)|iso8859-\d+|koi8-[rut]|euc_.*|iso2022_.*|"
    r"shift_?jis.*|mac-.*|johab|ptcp154|kz1048|hz"
)
_NOT_KNOWN = ("cp875", "cp858")


def _python_name(label: str) -> str:
    label = label.strip(" ;,'\"").lower()
    try:
        name = codecs.lookup(_MEANT.get(label, label)).name if label.isascii() else ""
    except (LookupError, ValueError):
        return ""
    return name if _KNOWN.fullmatch(name) and name not in _NOT_KNOWN else ""


def _guess(body: bytes, labels: list[str]) -> str:
    for encoding in (*labels, "utf-8"):
        text = body.decode(encoding, "replace")
        if _mostly_right(text):
            return text
    if _is_chinese(body):
        return body.decode("gb18030", "replace")
    return body.decode(next((label for label in labels if label != "utf-8"), "cp1252"), "replace")


def _mostly_right(text: str) -> bool:
    """Of the characters beyond ASCII all but one, or all but one in a hundred, could be decoded."""
    wrong = text.count("\ufffd")
    right = len(text) - len(text.encode("ascii", "ignore")) - wrong
    return not wrong or right >= 100 * wrong or right > wrong == 1


_HANZI = re.compile(rb"(?:[\xb0-\xf7][\xa1-\xfe]|[\xa1-\xa3][\xa1-\xfe])+")


def _is_chinese(body: bytes) -> bool:
    """Nearly all bytes beyond ASCII stand in pairs as GB 2312 lays out characters and their punctuation."""
    high = len(body) - len(body.translate(None, _HIGH))
    paired = sum(len(run) for run in _HANZI.findall(body) if len(run) >= 4)
    return high > 0 and paired * 10 >= high * 9


_HIGH = bytes(range(0x80, 0x100))
