"""Programs people use today, doing the same work: `reader` polls, `apprise` sends JSON posts.

Each is used as its manual says, with no setting that would make it slower or safer than it is.
"""

import logging
import sys
import tempfile
from pathlib import Path

import apprise
import feedparser_sgmllib
import reader

from bench.children import Answer, obey_plainly

# The copy of feedparser inside reader imports `sgmllib`, which nothing it requires brings any more; this is
# the successor that feedparser itself requires.
sys.modules["sgmllib"] = feedparser_sgmllib


class Reader:
    """https://reader.readthedocs.io: feeds into SQLite, with a reader's full feed of features."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prepared = 0

    def prepare(self, origin: str, first: int, count: int) -> Answer:
        self._prepared += 1
        self._reader = reader.make_reader(str(self._folder / f"reader-{self._prepared}.db"))
        for n in range(first, first + count):
            self._reader.add_feed(f"{origin}/f/{n}")
        return {}

    def run(self) -> Answer:
        """``done`` counts feeds that were read, changed or not; ``new`` their new items."""
        results = [result.value for result in self._reader.update_feeds_iter(scheduled=False)]
        read = [result for result in results if not isinstance(result, Exception)]
        return {"done": len(read), "new": sum(result.new for result in read if result)}


class Apprise:
    """https://github.com/caronc/apprise: one notification to many services."""

    def prepare(self, sink: str, count: int) -> Answer:
        self._count = count
        self._apprise = apprise.Apprise()
        for n in range(count):
            self._apprise.add(f"{sink.replace('http:', 'json:')}/d/{n}")
        return {}

    def run(self) -> Answer:
        sent = self._apprise.notify(title="Post 21 of feed 1", body="x" * 1_000)
        return {"done": self._count if sent else 0}


def main() -> None:
    logging.disable()
    with tempfile.TemporaryDirectory(prefix="postbell-bench-") as folder:
        peer = Reader(Path(folder)) if sys.argv[1] == "reader" else Apprise()
        obey_plainly({"prepare": peer.prepare, "run": peer.run})


if __name__ == "__main__":
    main()
