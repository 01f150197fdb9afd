"""An account's active subscriptions in their order: the console's list, whose first page is asked for most."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "subscriptions_account",
        "subscriptions",
        ["account_id", "id"],
        unique=False,
        postgresql_where=sa.text("active"),
        sqlite_where=sa.text("active"),
    )
