"""The bodies of the messages API and of the import beside it, spelt as their clients expect (sources-wechat.md B2)."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Whole = Annotated[int, Meta(ge=1)]
Time = Annotated[str, Meta(description="UTC, in milliseconds", examples=["2026-03-19T00:00:00.000Z"])]


# In


class MessagePage(Struct):
    page: Annotated[Whole | None, Meta(description="from 1")] = None
    pageSize: Annotated[Whole | None, Meta(description="20 if not given; more than 100 is 100")] = None
    since: Annotated[
        str | None,
        Meta(
            description="only what was stored then or later: ISO 8601, or milliseconds since 1970",
            examples=["2026-03-19T00:00:00.000Z"],
        ),
    ] = None


class ImportDocument(Struct):
    markdown: Annotated[
        str, Meta(min_length=1, description="may begin with front matter", examples=["# Ships\n\nTwo."])
    ]
    title: Annotated[str | None, Meta(description="else the heading that it begins with")] = None
    url: Annotated[str | None, Meta(description="by which it is known again, else by its text")] = None
    author: str | None = None
    publishedAt: Annotated[str | None, Meta(description="ISO 8601, or milliseconds since 1970")] = None
    feed: Annotated[str | None, Meta(description="the name of your feed that takes it; `imports` if not given")] = None


ImportBatch = Annotated[
    list[Any], Meta(min_length=1, max_length=100, description="documents; each is taken or refused by itself")
]


# Out


class Trouble(Struct):
    code: Annotated[str, Meta(examples=["invalid_parameter"])]
    message: str


class Failure(Struct):
    error: Trouble
    success: Literal[False] = False


class MessageAccount(Struct, gc=False):
    id: str
    name: str
    alias: str | None
    avatarUrl: str | None


class Message(Struct, gc=False):
    id: Annotated[str, Meta(description="the article's, stable")]
    url: Annotated[str, Meta(description="the original address; empty where a message has none")]
    title: str
    summary: str | None
    author: str | None
    content: Annotated[str | None, Meta(description="as its publisher wrote it: clean it before you show it")]
    contentType: Literal["html", "text"] | None
    coverUrl: str | None
    account: MessageAccount
    publishedAt: Time | None
    createdAt: Annotated[Time, Meta(description="when it was stored here: what `since` is compared with")]
    updatedAt: Time
    recalled: Annotated[bool, Meta(description="its publisher took it back")]


class ImportResult(Struct):
    id: Annotated[str | None, Meta(description="of the post")]
    feed: str | None
    url: str | None
    result: Literal["created", "updated", "unchanged", "error"]
    error: Trouble | None = None


class Imported(Struct):
    data: Annotated[list[ImportResult], Meta(description="in the order of the documents")]
    success: Literal[True] = True


class Pagination(Struct):
    page: int
    pageSize: int
    total: int
    totalPages: int
    hasMore: bool


class Messages(Struct):
    data: list[Message]
    pagination: Pagination
    success: Literal[True] = True
