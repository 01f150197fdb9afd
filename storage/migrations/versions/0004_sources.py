"""What sources and the native and administrative interfaces keep."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each part of the program has its own function below."""
    _kinds()
    _spending()
    _native()
    _official()


def _kinds() -> None:
    """Kinds of posts that only some subscribers want."""
    op.add_column("posts", sa.Column("kind", sa.Text(), server_default="", nullable=False))
    op.add_column("subscriptions", sa.Column("options", sa.Text(), server_default="", nullable=False))
    op.add_column("subscriptions", sa.Column("wants", sa.Integer(), server_default="0", nullable=False))
    op.add_column("feeds", sa.Column("wants", sa.Integer(), server_default="0", nullable=False))
    op.create_index(
        "subscriptions_wants",
        "subscriptions",
        ["feed_id", "wants"],
        unique=False,
        postgresql_where=sa.text("active AND wants <> 0"),
        sqlite_where=sa.text("active AND wants <> 0"),
    )


def _spending() -> None:
    """Sources that cost money or are listened to."""
    op.create_table(
        "usage",
        sa.Column("feed_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("reads", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("feed_id", "month", "via"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "spending",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("reads", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("told", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("source", "month"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "listeners",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("well", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source"),
        sqlite_with_rowid=False,
    )


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


def _official() -> None:
    """Posts that were taken back, and the official-account history API."""
    op.add_column("posts", sa.Column("withdrawn_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "official_accounts",
        sa.Column("feed_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("feed_id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "official_buckets",
        sa.Column("sdkappid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("full_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sdkappid"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE official_buckets SET UNLOGGED")
