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
    _administration()
    _messages()


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
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
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


_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _administration() -> None:
    """Accounts that are disabled, deleted or count credits; channels on hold; the audit log, to which is only added."""
    for name in ("disabled_at", "deleted_at", "erased_at"):
        op.add_column("accounts", sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column("accounts", sa.Column("disabled_reason", sa.Text(), server_default="", nullable=False))
    op.add_column("deliveries", sa.Column("charged", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("providers", sa.Column("held_at", sa.BigInteger(), nullable=True))
    _partial_index("accounts_counted", "accounts", "id", "credits IS NOT NULL")
    _partial_index("accounts_erasing", "accounts", "id", "deleted_at IS NOT NULL AND erased_at IS NULL")
    _partial_index("deliveries_notices", "deliveries", "destination_id", "post_id IS NULL")
    op.create_table(
        "audit",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("key_prefix", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("action", sa.Text(), server_default="", nullable=False),
        sa.Column("target", sa.Text(), server_default="", nullable=False),
        sa.Column("before", sa.Text(), server_default="{}", nullable=False),
        sa.Column("after", sa.Text(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    for statement in _ONLY_ADDED[op.get_bind().dialect.name]:
        op.execute(statement)


def _partial_index(name: str, table: str, column: str, rows: str) -> None:
    op.create_index(name, table, [column], unique=False, postgresql_where=sa.text(rows), sqlite_where=sa.text(rows))


_ONLY_ADDED = {
    "sqlite": [
        f"""CREATE TRIGGER audit_no_{verb} BEFORE {verb} ON audit
        BEGIN SELECT raise(ABORT, 'the audit log is only added to'); END"""
        for verb in ("update", "delete")
    ],
    "postgresql": [
        """CREATE FUNCTION audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'restrict_violation'; END $$""",
        """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION audit_is_only_added_to()""",
    ],
}


def _messages() -> None:
    """Lists over several feeds, by page number."""
    op.create_index("posts_feed", "posts", ["feed_id", "id", "seq"])
