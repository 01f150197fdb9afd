"""``postbell feed push``: an address under which a system pushes posts into a feed of its own."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from bot.cli import output
from bot.cli.beside import opened
from bot.errors import Invalid
from bot.usecases import accounts, push_feeds
from bot.usecases.audit import Change

app = typer.Typer(no_args_is_help=True, help="Feeds that systems push into.")


class PushFeed(msgspec.Struct, frozen=True):
    feed_id: int
    uid: str
    title: str
    account_id: int
    url: str  # told this once


@app.callback()
def _group() -> None:
    """Keeps ``push`` a word of its own though it is alone."""


@app.command()
def push(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Id or e-mail of who answers for it.")],
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What people see as the feed's name.")],
    mapping_file: Annotated[
        Path | None, typer.Option(help="JSON that says where in a foreign document each field lies.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Make a feed that a system fills by POST, and show its secret address, this once."""
    fields = _text(mapping_file) if mapping_file else ""
    with opened() as desk:
        account_id = desk.read(accounts.get, account).id
        made = desk.change("make push feed", _noted, push_feeds.make, account_id, title, fields)
        url = f"{desk.settings.public_base_url}/webhooks/feeds/{made.token}"
        shown = PushFeed(made.feed.id, str(made.feed.uid), made.feed.title, account_id, url)
    if json:
        return output.as_json(shown)
    output.say(f"feed {shown.feed_id}: {shown.title}")
    output.say("Whoever knows this address can push posts; it is not shown again:")
    output.say(shown.url)
    return output.hint(f"Next: postbell subscribe {account} {shown.feed_id} DESTINATION")


def _noted(made: push_feeds.Made) -> Change:
    return Change(f"feed {made.feed.id}", after={"title": made.feed.title})


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise Invalid(f"{file} is not text in UTF-8") from None
