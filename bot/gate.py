"""Whether there is any point in claiming work: the database must be able to keep what comes of it."""

from storage.database import StorageError, StorageFull


class Gate:
    """Shut when storage fails, opened by the janitor's probe; ``low`` disk stops new posts before that."""

    def __init__(self) -> None:
        self.writable = True
        self.low = False  # the disk is nearly full
        self.draining = False

    @property
    def may_ingest(self) -> bool:
        return self.writable and not self.low

    def failed(self, error: StorageError) -> None:
        if isinstance(error, StorageFull):
            self.writable = False
