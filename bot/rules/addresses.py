"""Addresses of destinations as people may see them: those that are secrets in themselves are only hinted at."""

from urllib.parse import urlsplit

KEPT = 4  # characters at the end of what is hidden


def shown(channel: str, address: str) -> str:
    """A custom bot's address without its token, a webhook's without user, password and query; all else as it is."""
    if "://" not in address:
        return address
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        where = f"{host}:{parts.port}" if parts.port else host
    except ValueError:
        return "…"
    if channel.partition("/")[0] == "webhook":
        return f"{parts.scheme}://{where}{parts.path}{'?…' if parts.query else ''}"
    token = parts.path.rpartition("/")[2]
    return f"{parts.scheme}://{where}/…{token[-KEPT:] if len(token) > 2 * KEPT else ''}"
