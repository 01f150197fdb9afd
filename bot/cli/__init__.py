"""The command line: ``postbell serve`` and everything that operators do from a shell."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from bot.cli import (
    accounts,
    deliveries,
    demo,
    destinations,
    doctor,
    feeds,
    keys,
    official,
    push,
    serve,
    subscriptions,
    transfer,
    upkeep,
    usage,
    usersig,
)
from bot.errors import UserError
from bot.rules.plain_text import clean
from bot.settings import BadSetting
from bot.version import VERSION
from storage.database import StorageError, StorageFull
from storage.migrate import NewerSchema

app = typer.Typer(
    name="postbell",
    help="Rings your chat when someone you follow posts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

RUN, FOLLOW, SEE, KEEP = "Run it", "Follow", "See what happens", "Keep it well"

app.command("serve", rich_help_panel=RUN)(serve.serve)
app.command("demo", rich_help_panel=RUN)(demo.demo)
app.add_typer(accounts.app, name="account", rich_help_panel=FOLLOW)
app.add_typer(keys.app, name="key", rich_help_panel=FOLLOW)
app.add_typer(destinations.app, name="destination", rich_help_panel=FOLLOW)
app.add_typer(push.app, name="feed", rich_help_panel=FOLLOW)
app.command("subscribe", rich_help_panel=FOLLOW)(subscriptions.subscribe)
app.command("unsubscribe", rich_help_panel=FOLLOW)(subscriptions.unsubscribe)
app.command("import", rich_help_panel=FOLLOW)(transfer.import_)
app.command("export", rich_help_panel=FOLLOW)(transfer.export)
app.add_typer(official.app, name="official", rich_help_panel=FOLLOW)
app.command("usersig", rich_help_panel=FOLLOW)(usersig.usersig)
app.command("subscriptions", rich_help_panel=SEE)(subscriptions.list_all)
app.command("feeds", rich_help_panel=SEE)(feeds.list_all)
app.command("poll", rich_help_panel=SEE)(feeds.poll)
app.command("usage", rich_help_panel=SEE)(usage.usage)
app.command("deliveries", rich_help_panel=SEE)(deliveries.list_all)
app.command("deliver-again", rich_help_panel=SEE)(deliveries.deliver_again)
app.command("doctor", rich_help_panel=KEEP)(doctor.doctor)
app.command("migrate", rich_help_panel=KEEP)(upkeep.migrate)
app.command("backup", rich_help_panel=KEEP)(upkeep.backup)
app.command("restore", rich_help_panel=KEEP)(upkeep.restore)
app.add_typer(deliveries.outbox, name="outbox", rich_help_panel=KEEP)
app.command("rekey", rich_help_panel=KEEP)(upkeep.rekey)


def _say_version(asked: bool) -> None:
    if asked:
        print(f"postbell {VERSION}")
        raise typer.Exit


@app.callback()
def _about(
    _version: Annotated[
        bool, typer.Option("--version", help="Say which Postbell this is.", is_eager=True, callback=_say_version)
    ] = False,
) -> None: ...


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command.  Exit codes: 0 done, 1 failed, 2 wrong use or setting; people never see a traceback."""
    try:
        app(args=arguments, prog_name="postbell")
    except BadSetting as error:
        _leave(str(error), 2)
    except (UserError, NewerSchema) as error:
        _leave(str(error), 1)
    except StorageFull as error:
        _leave(f"there is no room, or the disk fails ({_first_line(error)}). Make room, then do it again.", 1)
    except (StorageError, SQLAlchemyError) as error:
        _leave(_storage_words(error), 1)
    except OSError as error:
        _leave(f"{error.filename or 'the system'}: {error.strerror or error}", 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("LOG_LEVEL", "").lower() == "debug":
            raise
        _leave(f"a fault in Postbell: {type(error).__name__}: {error}. LOG_LEVEL=debug shows where.", 1)


def _storage_words(error: Exception) -> str:
    if isinstance(error, IntegrityError):
        return "somebody else changed the same thing at the same moment: look at it, then do it again"
    return f"the database could not do it: {_first_line(error)}. Nothing was changed; `postbell doctor` looks why."


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _leave(text: str, code: int) -> None:
    """What a feed or a server said may be in the text: nothing of it reaches the terminal's controls."""
    print(f"postbell: {clean(text)}", file=sys.stderr)
    sys.exit(code)
