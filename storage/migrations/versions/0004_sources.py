"""What sources and the native and administrative interfaces keep."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each part of the program has its own function below."""
    _native()


def _native() -> None:
    """Answers that are given again, and posts of many feeds in the order in which they were found."""
    op.create_table(
        "idempotency",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "operation", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index("idempotency_age", "idempotency", ["created_at"], unique=False)
    op.create_index("posts_found", "posts", ["feed_id", "found_at", "id"], unique=False)
    op.create_index("push_feeds_account", "push_feeds", ["account_id", "feed_id"], unique=False)
