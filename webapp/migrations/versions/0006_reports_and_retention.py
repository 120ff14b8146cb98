"""Reports with their files, schedules and deliveries; case files; retention, legal holds, and what was purged."""

import sqlalchemy as sa
from alembic import op

from webapp.migrations.append_only import refuse_changes

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "purges",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purges")),
    )
    with op.batch_alter_table("purges") as table:
        table.create_index(table.f("ix_purges_name"), ["name"], unique=False)
        table.create_index(table.f("ix_purges_sha256"), ["sha256"], unique=False)

    op.create_table(
        "pending_purges",
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pending_purges")),
    )
    op.create_table(
        "case_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("findings_count", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("manifest_sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("timestamp_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notices", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_case_files_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_files")),
    )
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("seller", sa.String(length=300), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("placed_by_id", sa.Integer(), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("release_reason", sa.String(), nullable=True),
        sa.Column("released_by_id", sa.Integer(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["placed_by_id"], ["users.id"], name=op.f("fk_legal_holds_placed_by_id_users")),
        sa.ForeignKeyConstraint(["released_by_id"], ["users.id"], name=op.f("fk_legal_holds_released_by_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_holds")),
    )
    with op.batch_alter_table("legal_holds") as table:
        table.create_index(table.f("ix_legal_holds_released_at"), ["released_at"], unique=False)
        table.create_index("ix_legal_holds_scope_target_id", ["scope", "target_id"], unique=False)

    op.create_table(
        "retention_policies",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_retention_policies_user_id_users")),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_retention_policies")),
    )
    op.create_table(
        "report_schedules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("cron", sa.String(length=120), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("span", sa.String(length=16), nullable=False),
        sa.Column("filter_id", sa.Integer(), nullable=True),
        sa.Column("filter_name", sa.String(length=80), nullable=True),
        sa.Column("formats", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("redaction", sa.String(length=16), nullable=False),
        sa.Column("pictures", sa.String(length=16), nullable=False),
        sa.Column("folder", sa.String(length=200), nullable=True),
        sa.Column("mail_to", sa.JSON(), nullable=False),
        sa.Column("tells_webhooks", sa.Boolean(), nullable=False),
        sa.Column("keep_days", sa.Integer(), nullable=True),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_fired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["filter_id"],
            ["saved_filters.id"],
            name=op.f("fk_report_schedules_filter_id_saved_filters"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_report_schedules_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_schedules")),
        sa.UniqueConstraint("name", name=op.f("uq_report_schedules_name")),
    )
    with op.batch_alter_table("report_schedules") as table:
        table.create_index(table.f("ix_report_schedules_due_at"), ["due_at"], unique=False)

    op.create_table(
        "report_deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("report_id", sa.Integer(), nullable=False),
        sa.Column("schedule_id", sa.Integer(), nullable=True),
        sa.Column("way", sa.String(length=16), nullable=False),
        sa.Column("target", sa.String(length=320), nullable=False),
        sa.Column("file_ids", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name=op.f("fk_report_deliveries_report_id_reports")),
        sa.ForeignKeyConstraint(
            ["schedule_id"],
            ["report_schedules.id"],
            name=op.f("fk_report_deliveries_schedule_id_report_schedules"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_deliveries")),
        sa.UniqueConstraint("report_id", "way", "target", name=op.f("uq_report_deliveries_report_id_way_target")),
    )
    with op.batch_alter_table("report_deliveries") as table:
        table.create_index(table.f("ix_report_deliveries_schedule_id"), ["schedule_id"], unique=False)
        table.create_index("ix_report_deliveries_state_due_at", ["state", "due_at"], unique=False)

    op.create_table(
        "report_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("report_id", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("redaction", sa.String(length=16), nullable=False),
        sa.Column("pictures", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("notices", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name=op.f("fk_report_files_report_id_reports")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_report_files_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_files")),
        sa.UniqueConstraint(
            "report_id",
            "format",
            "language",
            "redaction",
            "pictures",
            name=op.f("uq_report_files_report_id_format_language_redaction_pictures"),
        ),
    )
    with op.batch_alter_table("report_files") as table:
        table.create_index(table.f("ix_report_files_sha256"), ["sha256"], unique=False)

    with op.batch_alter_table("photos") as table:
        table.add_column(sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("reports") as table:
        table.add_column(sa.Column("title", sa.String(length=200), nullable=False, server_default=""))
        table.add_column(sa.Column("filters", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("filters_name", sa.String(length=80), nullable=True))
        table.add_column(sa.Column("size_bytes", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("corrects_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("correction", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("schedule_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True))
        table.create_index(table.f("ix_reports_corrects_id"), ["corrects_id"], unique=False)
        table.create_unique_constraint(table.f("uq_reports_schedule_id_due_at"), ["schedule_id", "due_at"])
        table.create_foreign_key(table.f("fk_reports_corrects_id_reports"), "reports", ["corrects_id"], ["id"])
        table.create_foreign_key(
            table.f("fk_reports_schedule_id_report_schedules"),
            "report_schedules",
            ["schedule_id"],
            ["id"],
            ondelete="SET NULL",
        )

    # A default was for the rows that stand; new ones say it themselves.
    with op.batch_alter_table("reports") as table:
        table.alter_column("title", existing_type=sa.String(length=200), server_default=None)
        table.alter_column("filters", existing_type=sa.JSON(), server_default=None)
        table.alter_column("correction", existing_type=sa.String(), server_default=None)

    refuse_changes("purges")


def downgrade() -> None:
    raise NotImplementedError("There is no way back: restore the backup that was made before the upgrade.")
