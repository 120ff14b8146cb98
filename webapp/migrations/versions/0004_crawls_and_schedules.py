"""Schedules, pictures that wait with a lease, what crawls remember, archives, stopped hosts, workers."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Columns that older rows get a value for here.
SERVED = {
    "scan_photos": ("state", "attempts"),
    "scans": ("requested_by", "warnings", "shape", "fetched_pages", "fetched_bytes"),
}


def upgrade() -> None:
    op.create_table(
        "stopped_hosts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stopped_hosts")),
        sa.UniqueConstraint("host", name=op.f("uq_stopped_hosts_host")),
    )
    op.create_table(
        "quota_uses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota_uses")),
        sa.UniqueConstraint("name", "day", name=op.f("uq_quota_uses_name_day")),
    )
    op.create_table(
        "worker_processes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("queues", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker_processes")),
        sa.UniqueConstraint("name", name=op.f("uq_worker_processes_name")),
    )
    with op.batch_alter_table("worker_processes") as table:
        table.create_index(table.f("ix_worker_processes_seen_at"), ["seen_at"], unique=False)

    op.create_table(
        "schedules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("cron", sa.String(length=120), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("jitter_s", sa.Integer(), nullable=False),
        sa.Column("overlap", sa.String(length=16), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_fired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_schedules_source_id_sources")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
    )
    with op.batch_alter_table("schedules") as table:
        table.create_index(table.f("ix_schedules_fires_at"), ["fires_at"], unique=False)
        table.create_index(table.f("ix_schedules_source_id"), ["source_id"], unique=False)

    op.create_table(
        "crawled_pages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("listing_id", sa.Integer(), nullable=True),
        sa.Column("etag", sa.String(length=300), nullable=True),
        sa.Column("last_modified", sa.String(length=60), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("links", sa.JSON(), nullable=False),
        sa.Column("visited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visited_scan_id", sa.Integer(), nullable=True),
        sa.Column("unchanged_count", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_crawled_pages_listing_id_listings")),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_crawled_pages_source_id_sources")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crawled_pages")),
        sa.UniqueConstraint("source_id", "url", name=op.f("uq_crawled_pages_source_id_url")),
    )
    with op.batch_alter_table("crawled_pages") as table:
        table.create_index(table.f("ix_crawled_pages_listing_id"), ["listing_id"], unique=False)

    op.create_table(
        "captures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("listing_id", sa.Integer(), nullable=False),
        sa.Column("scan_id", sa.Integer(), nullable=True),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("archive", sa.String(length=200), nullable=False),
        sa.Column("record_id", sa.String(length=60), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_captures_listing_id_listings")),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name=op.f("fk_captures_scan_id_scans")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_captures")),
    )
    with op.batch_alter_table("captures") as table:
        table.create_index(table.f("ix_captures_archive"), ["archive"], unique=False)
        table.create_index(table.f("ix_captures_listing_id"), ["listing_id"], unique=False)

    op.create_table(
        "listing_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("listing_id", sa.Integer(), nullable=False),
        sa.Column("scan_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("takedown_s", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_listing_events_listing_id_listings")),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name=op.f("fk_listing_events_scan_id_scans")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_events")),
    )
    with op.batch_alter_table("listing_events") as table:
        table.create_index("ix_listing_events_kind_at", ["kind", "at"], unique=False)
        table.create_index(table.f("ix_listing_events_listing_id"), ["listing_id"], unique=False)

    op.create_table(
        "listing_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("listing_id", sa.Integer(), nullable=False),
        sa.Column("scan_id", sa.Integer(), nullable=True),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_listing_versions_listing_id_listings")),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name=op.f("fk_listing_versions_scan_id_scans")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_versions")),
    )
    with op.batch_alter_table("listing_versions") as table:
        table.create_index(table.f("ix_listing_versions_listing_id"), ["listing_id"], unique=False)

    with op.batch_alter_table("appearances") as table:
        table.add_column(sa.Column("etag", sa.String(length=300), nullable=True))
        table.add_column(sa.Column("last_modified", sa.String(length=60), nullable=True))
        table.add_column(sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("listings") as table:
        table.add_column(sa.Column("content_sha256", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("last_scan_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
        table.create_index(table.f("ix_listings_last_scan_id"), ["last_scan_id"], unique=False)
        table.create_index(table.f("ix_listings_removed_at"), ["removed_at"], unique=False)

    with op.batch_alter_table("scan_photos") as table:
        table.add_column(sa.Column("state", sa.String(length=16), nullable=False, server_default="scored"))
        table.add_column(sa.Column("lease_owner", sa.String(length=80), nullable=True))
        table.add_column(sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
        table.create_index(
            "ix_scan_photos_pending",
            ["id"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        table.create_index("ix_scan_photos_scan_id_state", ["scan_id", "state"], unique=False)

    with op.batch_alter_table("scans") as table:
        table.add_column(sa.Column("schedule_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("requested_by", sa.String(length=80), nullable=False, server_default="system"))
        table.add_column(sa.Column("crawled_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("crawl_error", sa.String(), nullable=True))
        table.add_column(sa.Column("warnings", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("shape", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("fetched_pages", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("fetched_bytes", sa.BigInteger(), nullable=False, server_default="0"))
        table.create_unique_constraint(table.f("uq_scans_schedule_id_due_at"), ["schedule_id", "due_at"])
        table.create_foreign_key(
            table.f("fk_scans_schedule_id_schedules"), "schedules", ["schedule_id"], ["id"], ondelete="SET NULL"
        )

    op.execute(
        "UPDATE appearances SET checked_at = "
        "(SELECT last_seen_at FROM listings WHERE listings.id = appearances.listing_id)"
    )
    with op.batch_alter_table("appearances") as table:
        table.alter_column("checked_at", existing_type=sa.DateTime(timezone=True), nullable=False)
    op.execute("UPDATE scan_photos SET state = 'failed' WHERE failure IS NOT NULL")
    # What stood so far is told from what comes; from now on the application says it itself.
    for name, columns in SERVED.items():
        with op.batch_alter_table(name) as table:
            for column in columns:
                table.alter_column(column, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("scans") as table:
        table.drop_constraint(table.f("fk_scans_schedule_id_schedules"), type_="foreignkey")
        table.drop_constraint(table.f("uq_scans_schedule_id_due_at"), type_="unique")
        table.drop_column("fetched_bytes")
        table.drop_column("fetched_pages")
        table.drop_column("shape")
        table.drop_column("warnings")
        table.drop_column("crawl_error")
        table.drop_column("crawled_at")
        table.drop_column("requested_by")
        table.drop_column("due_at")
        table.drop_column("schedule_id")

    with op.batch_alter_table("scan_photos") as table:
        table.drop_index("ix_scan_photos_scan_id_state")
        table.drop_index(
            "ix_scan_photos_pending",
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        table.drop_column("attempts")
        table.drop_column("lease_until")
        table.drop_column("lease_owner")
        table.drop_column("state")

    with op.batch_alter_table("listings") as table:
        table.drop_index(table.f("ix_listings_removed_at"))
        table.drop_index(table.f("ix_listings_last_scan_id"))
        table.drop_column("removed_at")
        table.drop_column("last_scan_id")
        table.drop_column("content_sha256")

    with op.batch_alter_table("appearances") as table:
        table.drop_column("checked_at")
        table.drop_column("last_modified")
        table.drop_column("etag")

    with op.batch_alter_table("listing_versions") as table:
        table.drop_index(table.f("ix_listing_versions_listing_id"))

    op.drop_table("listing_versions")
    with op.batch_alter_table("listing_events") as table:
        table.drop_index(table.f("ix_listing_events_listing_id"))
        table.drop_index("ix_listing_events_kind_at")

    op.drop_table("listing_events")
    with op.batch_alter_table("captures") as table:
        table.drop_index(table.f("ix_captures_listing_id"))
        table.drop_index(table.f("ix_captures_archive"))

    op.drop_table("captures")
    with op.batch_alter_table("crawled_pages") as table:
        table.drop_index(table.f("ix_crawled_pages_listing_id"))

    op.drop_table("crawled_pages")
    with op.batch_alter_table("schedules") as table:
        table.drop_index(table.f("ix_schedules_source_id"))
        table.drop_index(table.f("ix_schedules_fires_at"))

    op.drop_table("schedules")
    with op.batch_alter_table("worker_processes") as table:
        table.drop_index(table.f("ix_worker_processes_seen_at"))

    op.drop_table("worker_processes")
    op.drop_table("quota_uses")
    op.drop_table("stopped_hosts")
