"""The table of what operators tell everybody."""

from datetime import datetime

from sqlalchemy import Index

from storage.columns import Base, id_, text_, time, to


class Announcement(Base, table=True):
    """A text that stands on everybody's pages for a while."""

    __tablename__ = "announcements"
    __table_args__ = (Index("announcements_end", "ends_at"),)
    id: int = id_()
    level: str = text_("info")  # "info", "warning", "critical"
    text: str = text_()
    begins_at: datetime = time(nullable=False)
    ends_at: datetime = time(nullable=False)  # earlier than was said, when it was withdrawn
    made_by: int | None = to("accounts.id", nullable=True, cascade=False)
    created_at: datetime = time(nullable=False)
    withdrawn_at: datetime | None = time()
