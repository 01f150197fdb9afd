"""How the app's set-up looks from the platform's side, and what to do about what is missing."""

import re
from collections.abc import Sequence
from typing import Final

from adapters.base import Finding, SourceError
from adapters.sources.tencent import codes
from adapters.sources.tencent.api import Api
from adapters.sources.tencent.codes import Refused
from adapters.sources.tencent.history import Request
from adapters.sources.tencent.settings import Config

NOBODY: Final = "@TOA#_postbell-doctor"  # an account that is not there: that this is said shows that all else is right
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)


async def findings(api: Api, config: Config) -> Sequence[Finding]:
    """In the order in which they are mended."""
    if not (config.sdkappid or config.secret_key):
        return [Finding(True, "not set up")]
    if not config.sdkappid:
        return [Finding(False, "TENCENT_SDKAPPID is not set", "copy it from the console")]
    if not config.secret_key:
        return [Finding(False, "TENCENT_SECRET_KEY is not set", "copy the app's key from the console")]
    found = [await _asked(api)]
    if not _KEY.fullmatch(config.secret_key):
        what = "TENCENT_SECRET_KEY does not look like a key: those are 64 digits and letters from a to f"
        found.append(Finding(found[0].ok, what, "copy it whole"))
    return found


async def _asked(api: Api) -> Finding:
    try:
        await api.pull(NOBODY, Request("", 1), await api.their_time())
    except Refused as refused:
        if refused.code in codes.NO_ACCOUNT:
            return Finding(True, "Tencent Cloud Chat takes the app's signature")
        return Finding(False, str(refused), codes.verdict(refused.code).mend)
    except SourceError as error:
        return Finding(False, str(error), "can this machine reach TENCENT_BASE_URL?")
    return Finding(True, "Tencent Cloud Chat takes the app's signature")
