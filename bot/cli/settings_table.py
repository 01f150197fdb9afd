"""The settings as people read them, made from the code: ``config.example.env`` and the table of the README.

``python -m bot.cli.settings_table example`` prints the one, ``… readme`` the other; tests keep all three equal.
"""

import sys
from collections.abc import Iterator

from bot import installed
from bot.settings import Settings

GROUPS = {  # by the first setting of each
    "host": "Where it runs",
    "master_key": "Secrets",
    "poll_seconds": "Feeds",
    "webhook_slots": "Sending",
    "admin_token": "Operators",
    "console": "People",
    "official_sdkappid": "The official-account history API that we serve",
}

HEAD = """\
# Every setting with its default.  Copy this to .env, keep what you change, and leave the rest out.
# A variable of the environment wins over the same one here.  NAME_FILE=/path reads NAME from a file.
# A second account of a channel repeats its settings with a suffix: WHATSAPP_TOKEN__SALES makes whatsapp/sales.
"""


def example() -> str:
    """``config.example.env``."""
    return HEAD + "\n".join(_lines()) + "\n"


def readme() -> str:
    """The rows between ``<!-- settings -->`` and ``<!-- /settings -->``."""
    rows = [f"| `{name}` | {f'`{default}`' if default else ''} | {what} |" for name, default, what in settings()]
    return "\n".join(["| variable | default | what |", "|---|---|---|", *rows]) + "\n"


def settings() -> Iterator[tuple[str, str, str]]:
    """Name, default as it is written, and what it is; in the order of the code, the adapters' at the end."""
    for name, field in Settings.model_fields.items():
        yield name.upper(), _written(field.default), field.description or ""
    for _, one in installed.settings():
        yield one.name, _written(one.default), one.help


def _lines() -> Iterator[str]:
    groups = dict(GROUPS)
    for kind, one in reversed(list(installed.settings())):
        groups = {was: title for was, title in groups.items() if title != kind}
        groups[one.name.lower()] = kind
    for name, default, what in settings():
        if group := groups.get(name.lower()):
            yield f"\n# --- {group} ---"
        yield f"\n# {what}\n{name}={default}"


def _written(default: object) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"{default:g}" if isinstance(default, float) else str(default)


if __name__ == "__main__":
    sys.stdout.write(readme() if sys.argv[1:] == ["readme"] else example())
