"""The public APIs: keys, rates, plans of accounts, phones that were deleted, the list of alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", _ID, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("prefix", sa.Text(), server_default="", nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "prefix"),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "buckets",
        sa.Column("key_id", sa.BigInteger(), nullable=False),
        sa.Column("full_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key_id"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE buckets SET UNLOGGED")
    op.add_column("accounts", sa.Column("credits", sa.Integer(), nullable=True))
    op.add_column("accounts", sa.Column("overrides", sa.Text(), server_default="", nullable=False))
    op.add_column("destinations", sa.Column("removed_at", sa.BigInteger(), nullable=True))
    op.add_column("feeds", sa.Column("name", sa.Text(), server_default="", nullable=False))
    op.add_column("feeds", sa.Column("image", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "deliveries_alerts",
        "deliveries",
        ["destination_id", "account_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("lane = 'chat' AND post_id IS NOT NULL"),
        sqlite_where=sa.text("lane = 'chat' AND post_id IS NOT NULL"),
    )
