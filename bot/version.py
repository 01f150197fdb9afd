"""Which Postbell this is."""

from importlib.metadata import version

VERSION = version("postbell")
