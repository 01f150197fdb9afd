"""What sources and the native and administrative interfaces keep."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each part of the program has its own function below."""
    _withdrawn()
    _messages()


def _withdrawn() -> None:
    op.add_column("posts", sa.Column("withdrawn_at", sa.BigInteger(), nullable=True))


def _messages() -> None:
    """Lists over several feeds, by page number."""
    op.create_index("posts_feed", "posts", ["feed_id", "id", "seq"])
