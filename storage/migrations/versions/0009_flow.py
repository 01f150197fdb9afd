"""What is amiss is found without looking at all feeds and destinations."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    amiss = "removed_at IS NULL AND (verified_at IS NULL OR disabled_at IS NOT NULL OR open_until IS NOT NULL)"
    _index("destinations_amiss", "destinations", ["account_id", "id"], amiss)
    _index("feeds_amiss", "feeds", ["id"], "state <> 'active' OR told NOT IN ('', 'quiet')")


def _index(name: str, table: str, columns: list[str], only: str) -> None:
    rows = sa.text(only)
    op.create_index(name, table, columns, unique=False, postgresql_where=rows, sqlite_where=rows)
