"""Chat: conversations, identities, codes, statuses that came early, providers, pushed feeds, hubs."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _only(rows: str) -> dict[str, Any]:
    return {"postgresql_where": sa.text(rows), "sqlite_where": sa.text(rows)}


def upgrade() -> None:
    op.create_table(
        "parked_statuses",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("error_code", sa.Text(), server_default="", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("window_closed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("again", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "message_id", "status"),
    )
    op.create_index("parked_statuses_at", "parked_statuses", ["received_at"], unique=False)
    op.create_table(
        "providers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("paused_until", sa.BigInteger(), nullable=True),
        sa.Column("suspensions", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "conversations",
        sa.Column("id", _ID, nullable=False),
        sa.Column("channel", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("direct", sa.Boolean(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("window_until", sa.BigInteger(), nullable=True),
        sa.Column("held_since", sa.BigInteger(), nullable=True),
        sa.Column("nudged_at", sa.BigInteger(), nullable=True),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        sa.Column("greeted_at", sa.BigInteger(), nullable=True),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=True),
        sa.Column("asked", sa.Text(), server_default="", nullable=False),
        sa.Column("undo", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("channel", "address"),
    )
    op.create_index("conversations_account", "conversations", ["account_id"], unique=False)
    op.create_index(
        "conversations_held",
        "conversations",
        ["held_since"],
        unique=False,
        **_only("held_since IS NOT NULL AND nudged_at IS NULL"),
    )
    op.create_table(
        "hubs",
        sa.Column("id", _ID, nullable=False),
        sa.Column("feed_id", sa.BigInteger(), nullable=False),
        sa.Column("hub", sa.Text(), server_default="", nullable=False),
        sa.Column("topic", sa.Text(), server_default="", nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), server_default="wanted", nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("misses", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token"),
    )
    op.create_index("hubs_due", "hubs", ["due_at"], unique=False)
    op.create_index("hubs_feed", "hubs", ["feed_id"], unique=False)
    op.create_table(
        "hub_pushes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("hub_id", sa.BigInteger(), nullable=False),
        sa.Column("content_type", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["hub_id"], ["hubs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("hub_pushes_due", "hub_pushes", ["due_at"], unique=False)
    op.create_index("hub_pushes_hub", "hub_pushes", ["hub_id"], unique=False)
    op.create_table(
        "identities",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("channel", "person"),
        sqlite_with_rowid=False,
    )
    op.create_index("identities_account", "identities", ["account_id"], unique=False)
    op.create_table(
        "push_feeds",
        sa.Column("id", _ID, nullable=False),
        sa.Column("feed_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("mapping", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_digest"),
    )
    op.create_index("push_feeds_feed", "push_feeds", ["feed_id"], unique=False)
    op.create_table(
        "codes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), server_default="", nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("destination_id", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("asked_in", sa.BigInteger(), nullable=True),
        sa.Column("asked_from", sa.Text(), server_default="", nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tried_at", sa.BigInteger(), nullable=True),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("void_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["asked_in"], ["conversations.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["destination_id"], ["destinations.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uid"),
    )
    op.create_index("codes_account", "codes", ["account_id", "issued_at"], unique=False)
    op.create_index("codes_address", "codes", ["address", "issued_at"], unique=False)
    op.create_index(
        "codes_asked_from",
        "codes",
        ["asked_from", "issued_at"],
        unique=False,
        postgresql_where=sa.text("asked_from <> ''"),
        sqlite_where=sa.text("asked_from <> ''"),
    )
    op.create_index(
        "codes_asked_in",
        "codes",
        ["asked_in", "issued_at"],
        unique=False,
        postgresql_where=sa.text("asked_in IS NOT NULL"),
        sqlite_where=sa.text("asked_in IS NOT NULL"),
    )
    op.create_index("codes_issued", "codes", ["issued_at"], unique=False)
    op.create_index(
        "codes_link",
        "codes",
        ["digest"],
        unique=False,
        postgresql_where=sa.text("purpose = 'link'"),
        sqlite_where=sa.text("purpose = 'link'"),
    )
    op.add_column("deliveries", sa.Column("extras", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "deliveries_codes",
        "deliveries",
        ["destination_id"],
        unique=False,
        postgresql_where=sa.text("lane = 'code' AND text <> ''"),
        sqlite_where=sa.text("lane = 'code' AND text <> ''"),
    )
    op.create_index(
        "deliveries_held",
        "deliveries",
        ["destination_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'held'"),
        sqlite_where=sa.text("state = 'held'"),
    )
    op.create_index(
        "deliveries_message",
        "deliveries",
        ["message_id"],
        unique=False,
        postgresql_where=sa.text("message_id <> ''"),
        sqlite_where=sa.text("message_id <> ''"),
    )
    op.create_index("deliveries_uid", "deliveries", ["uid"], unique=False, **_only("uid IS NOT NULL"))
    op.create_index("destinations_address", "destinations", ["channel", "address"], unique=False)
    with op.batch_alter_table("destinations") as batch:
        batch.add_column(sa.Column("conversation_id", sa.BigInteger(), nullable=True))
        batch.create_foreign_key(
            "destinations_conversation_id_fkey", "conversations", ["conversation_id"], ["id"], ondelete="SET NULL"
        )
    op.create_index(
        "destinations_conversation",
        "destinations",
        ["conversation_id"],
        unique=False,
        postgresql_where=sa.text("conversation_id IS NOT NULL"),
        sqlite_where=sa.text("conversation_id IS NOT NULL"),
    )
    op.add_column("feeds", sa.Column("pushed_until", sa.BigInteger(), nullable=True))
    op.add_column("inbox", sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
    op.add_column("inbox", sa.Column("error", sa.Text(), server_default="", nullable=False))
    op.add_column("inbox", sa.Column("chat", sa.Text(), server_default="", nullable=False))
    op.drop_index("inbox_due", "inbox")
    op.create_index("inbox_due", "inbox", ["due_at"], unique=False, **_only("done_at IS NULL AND chat <> ''"))
    op.create_index("inbox_loose", "inbox", ["due_at"], unique=False, **_only("done_at IS NULL AND chat = ''"))
    op.create_index(
        "inbox_chat", "inbox", ["provider", "chat", "id"], unique=False, **_only("done_at IS NULL AND chat <> ''")
    )
    op.add_column("subscriptions", sa.Column("number", sa.Integer(), server_default="0", nullable=False))
    op.add_column("subscriptions", sa.Column("paused_until", sa.BigInteger(), nullable=True))
    # What people call their subscriptions: 1, 2, 3 at each destination.
    op.execute(
        "UPDATE subscriptions SET number = (SELECT count(*) FROM subscriptions AS earlier"
        " WHERE earlier.destination_id = subscriptions.destination_id AND earlier.id <= subscriptions.id)"
    )
