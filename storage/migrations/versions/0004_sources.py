"""What sources and the native and administrative interfaces keep."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each part of the program has its own function below."""
    _administration()


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
