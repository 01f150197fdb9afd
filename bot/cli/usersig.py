"""``postbell usersig``: a signature with which the official-account history API can be tried."""

from datetime import timedelta
from typing import Annotated

import typer

from adapters.signatures import usersig as signatures
from bot import parts
from bot.cli import output
from bot.clock import utc_now
from bot.errors import Invalid
from bot.settings import BadSetting, load


def usersig(
    identifier: Annotated[str, typer.Argument(metavar="IDENTIFIER", help="Who calls: one of OFFICIAL_ADMINS.")],
    hours: Annotated[int, typer.Option(min=1, max=8760, help="How long it is good for.")] = 24,
) -> None:
    """Make a UserSig for the official-account history API; it stands alone on the last line."""
    if (app := parts.make_official(load())) is None:
        raise BadSetting("OFFICIAL_SDKAPPID: not set, so the official-account history API is off")
    now, lifetime = utc_now(), timedelta(hours=hours)
    try:
        made = signatures.make(app.sdkappid, app.secret, identifier, now, lifetime)
    except ValueError as error:
        raise Invalid(str(error)) from None
    if identifier not in app.admins:
        output.hint(f"{identifier} is not one of OFFICIAL_ADMINS: calls with this are answered with 60010")
    output.hint(f"sdkappid {app.sdkappid}, identifier {identifier}, until {now + lifetime:%Y-%m-%d %H:%M} UTC:")
    output.bare(made)
