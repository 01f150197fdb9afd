"""The command line: ``postbell serve`` and everything that operators do from a shell."""

import sys

import typer

from bot.cli import serve
from bot.errors import UserError
from bot.settings import BadSetting
from storage.database import StorageError

app = typer.Typer(
    name="postbell",
    help="Rings your chat when someone you follow posts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)


def main() -> None:
    """Run a command.  Exit codes: 0 done, 1 failed, 2 wrong use or setting; people never see a traceback."""
    try:
        app()
    except BadSetting as error:
        _leave(error, 2)
    except (UserError, StorageError, OSError) as error:
        _leave(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _leave(error: Exception, code: int) -> None:
    print(f"postbell: {error}", file=sys.stderr)
    sys.exit(code)
