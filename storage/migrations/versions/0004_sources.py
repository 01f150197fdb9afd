"""What sources and the native and administrative interfaces keep."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each part of the program has its own function below."""
    _official()


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
