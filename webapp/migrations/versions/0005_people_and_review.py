"""People's settings, review in company, recall audits, shadow runs, the audit chain, alike pictures, webhooks."""

import sqlalchemy as sa
from alembic import op

from webapp.migrations.append_only import refuse_changes

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Rows are only ever added, as in the first revision.
APPEND_ONLY = ("audit_seals", "sealed_entries", "decision_undos")

# What a decision says beside what it said before.
DECIDED = {
    "concept": sa.String(length=40),
    "reason": sa.String(length=40),
    "batch": sa.String(length=32),
    "state_before": sa.String(length=16),
    "seconds": sa.Double(),
    "role": sa.String(length=16),
}

# All that the overview counts by: it reads this index alone, never the findings with their trees of reasons.
OVERVIEW = ["state", "found_at", "concept", "source_id", "seller", "listing_id"]

# The index of the full-text search over listing_texts.body, which holds words and single letters of scripts without
# spaces, parted by spaces (services.search).
SEARCH = {
    "sqlite": (
        "CREATE VIRTUAL TABLE listing_search USING fts5("
        "body, content='listing_texts', content_rowid='listing_id', tokenize=\"unicode61 remove_diacritics 2\")",
        "CREATE TRIGGER listing_texts_added AFTER INSERT ON listing_texts BEGIN "
        "INSERT INTO listing_search(rowid, body) VALUES (new.listing_id, new.body); END",
        "CREATE TRIGGER listing_texts_gone AFTER DELETE ON listing_texts BEGIN "
        "INSERT INTO listing_search(listing_search, rowid, body) VALUES ('delete', old.listing_id, old.body); END",
        "CREATE TRIGGER listing_texts_changed AFTER UPDATE ON listing_texts BEGIN "
        "INSERT INTO listing_search(listing_search, rowid, body) VALUES ('delete', old.listing_id, old.body); "
        "INSERT INTO listing_search(rowid, body) VALUES (new.listing_id, new.body); END",
    ),
    "postgresql": ("CREATE INDEX ix_listing_texts_search ON listing_texts USING gin (to_tsvector('simple', body))",),
}


def upgrade() -> None:
    op.create_table(
        "audit_seals",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("entries_sha256", sa.String(length=64), nullable=False),
        sa.Column("previous_sha256", sa.String(length=64), nullable=False),
        sa.Column("seal_sha256", sa.String(length=64), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=True),
        sa.Column("signature", sa.String(length=128), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seals")),
        sa.UniqueConstraint("seal_sha256", name=op.f("uq_audit_seals_seal_sha256")),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("head", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_tokens_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )
    with op.batch_alter_table("api_tokens") as table:
        table.create_index(table.f("ix_api_tokens_user_id"), ["user_id"], unique=False)

    op.create_table(
        "near_photos",
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("distance", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["other_id"], ["photos.id"], name=op.f("fk_near_photos_other_id_photos")),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name=op.f("fk_near_photos_photo_id_photos")),
        sa.PrimaryKeyConstraint("photo_id", "other_id", name=op.f("pk_near_photos")),
    )
    op.create_table(
        "photo_bands",
        sa.Column("band", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name=op.f("fk_photo_bands_photo_id_photos")),
        sa.PrimaryKeyConstraint("band", "value", "photo_id", name=op.f("pk_photo_bands")),
    )
    op.create_table(
        "recall_audits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("strata", sa.JSON(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recall_audits_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall_audits")),
    )
    op.create_table(
        "recheck_policies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=True),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recheck_policies_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recheck_policies")),
        sa.UniqueConstraint("rule", name=op.f("uq_recheck_policies_rule")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
    )
    with op.batch_alter_table("recovery_codes") as table:
        table.create_index(table.f("ix_recovery_codes_user_id"), ["user_id"], unique=False)

    op.create_table(
        "reveals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name=op.f("fk_reveals_photo_id_photos")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_reveals_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reveals")),
    )
    with op.batch_alter_table("reveals") as table:
        table.create_index("ix_reveals_user_id_at", ["user_id", "at"], unique=False)

    op.create_table(
        "saved_filters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_saved_filters_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filters")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_saved_filters_user_id_name")),
    )
    op.create_table(
        "sealed_entries",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("seal_number", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["audit_entries.id"], name=op.f("fk_sealed_entries_entry_id_audit_entries")
        ),
        sa.ForeignKeyConstraint(
            ["seal_number"], ["audit_seals.number"], name=op.f("fk_sealed_entries_seal_number_audit_seals")
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_sealed_entries")),
    )
    with op.batch_alter_table("sealed_entries") as table:
        table.create_index(table.f("ix_sealed_entries_seal_number"), ["seal_number"], unique=False)

    op.create_table(
        "shadow_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("thresholds", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("restores_version", sa.Integer(), nullable=True),
        sa.Column("preview", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("listings_seen", sa.Integer(), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["decided_by_id"], ["users.id"], name=op.f("fk_shadow_runs_decided_by_id_users")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_shadow_runs_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shadow_runs")),
    )
    with op.batch_alter_table("shadow_runs") as table:
        table.create_index(table.f("ix_shadow_runs_rule"), ["rule"], unique=False)
        table.create_index(table.f("ix_shadow_runs_state"), ["state"], unique=False)

    op.create_table(
        "team_settings",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_team_settings_user_id_users")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_team_settings")),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("secret", sa.String(length=300), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_webhooks_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("name", name=op.f("uq_webhooks_name")),
    )
    op.create_table(
        "listing_texts",
        sa.Column("listing_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_listing_texts_listing_id_listings")),
        sa.PrimaryKeyConstraint("listing_id", name=op.f("pk_listing_texts")),
    )
    op.create_table(
        "review_claims",
        sa.Column("listing_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_review_claims_listing_id_listings")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_review_claims_user_id_users")),
        sa.PrimaryKeyConstraint("listing_id", name=op.f("pk_review_claims")),
    )
    with op.batch_alter_table("review_claims") as table:
        table.create_index(table.f("ix_review_claims_user_id"), ["user_id"], unique=False)

    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("webhook_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id_webhooks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint("key", name=op.f("uq_webhook_deliveries_key")),
    )
    with op.batch_alter_table("webhook_deliveries") as table:
        table.create_index("ix_webhook_deliveries_state_due_at", ["state", "due_at"], unique=False)
        table.create_index(table.f("ix_webhook_deliveries_webhook_id"), ["webhook_id"], unique=False)

    op.create_table(
        "shadow_hits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("scan_id", sa.Integer(), nullable=True),
        sa.Column("listing_id", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=True),
        sa.Column("appearance_key", sa.String(length=50), nullable=False),
        sa.Column("flags", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_shadow_hits_listing_id_listings")),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name=op.f("fk_shadow_hits_photo_id_photos")),
        sa.ForeignKeyConstraint(["run_id"], ["shadow_runs.id"], name=op.f("fk_shadow_hits_run_id_shadow_runs")),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name=op.f("fk_shadow_hits_scan_id_scans")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shadow_hits")),
        sa.UniqueConstraint("run_id", "appearance_key", name=op.f("uq_shadow_hits_run_id_appearance_key")),
    )
    with op.batch_alter_table("shadow_hits") as table:
        table.create_index("ix_shadow_hits_run_id_flags", ["run_id", "flags"], unique=False)

    op.create_table(
        "finding_terms",
        sa.Column("finding_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("term", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name=op.f("fk_finding_terms_finding_id_findings")),
        sa.PrimaryKeyConstraint("finding_id", "language", "term", name=op.f("pk_finding_terms")),
    )
    with op.batch_alter_table("finding_terms") as table:
        table.create_index("ix_finding_terms_language_term", ["language", "term"], unique=False)

    op.create_table(
        "recall_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("audit_id", sa.Integer(), nullable=False),
        sa.Column("listing_id", sa.Integer(), nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=True),
        sa.Column("stratum", sa.String(length=40), nullable=False),
        sa.Column("answer", sa.String(length=40), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finding_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["audit_id"], ["recall_audits.id"], name=op.f("fk_recall_items_audit_id_recall_audits")
        ),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name=op.f("fk_recall_items_finding_id_findings")),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_recall_items_listing_id_listings")),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name=op.f("fk_recall_items_photo_id_photos")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recall_items_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall_items")),
    )
    with op.batch_alter_table("recall_items") as table:
        table.create_index("ix_recall_items_audit_id_answer", ["audit_id", "answer"], unique=False)
        table.create_index(table.f("ix_recall_items_listing_id"), ["listing_id"], unique=False)

    op.create_table(
        "review_skips",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("finding_id", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name=op.f("fk_review_skips_finding_id_findings")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_review_skips_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "finding_id", name=op.f("pk_review_skips")),
    )
    op.create_table(
        "decision_undos",
        sa.Column("decision_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name=op.f("fk_decision_undos_decision_id_decisions")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_decision_undos_user_id_users")),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_decision_undos")),
    )
    op.create_table(
        "rechecks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("finding_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("claim", sa.String(), nullable=False),
        sa.Column("raised_by", sa.String(length=80), nullable=False),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("second_id", sa.Integer(), nullable=True),
        sa.Column("final_id", sa.Integer(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["final_id"], ["decisions.id"], name=op.f("fk_rechecks_final_id_decisions")),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name=op.f("fk_rechecks_finding_id_findings")),
        sa.ForeignKeyConstraint(["first_id"], ["decisions.id"], name=op.f("fk_rechecks_first_id_decisions")),
        sa.ForeignKeyConstraint(["second_id"], ["decisions.id"], name=op.f("fk_rechecks_second_id_decisions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rechecks")),
        sa.UniqueConstraint("first_id", "kind", name=op.f("uq_rechecks_first_id_kind")),
    )
    with op.batch_alter_table("rechecks") as table:
        table.create_index(table.f("ix_rechecks_closed_at"), ["closed_at"], unique=False)
        table.create_index(table.f("ix_rechecks_finding_id"), ["finding_id"], unique=False)
        table.create_index("ix_rechecks_state_id", ["state", "id"], unique=False)

    # Not by batch: copying these tables would lose the triggers that keep them append-only.
    op.add_column("audit_entries", sa.Column("content_sha256", sa.String(length=64), nullable=True))
    op.create_index("ix_audit_entries_actor_id", "audit_entries", ["actor", "id"])
    op.add_column("decisions", sa.Column("stage", sa.String(length=16), nullable=False, server_default="first"))
    for name, kind in DECIDED.items():
        op.add_column("decisions", sa.Column(name, kind, nullable=True))
    op.execute(
        "ALTER TABLE decisions ADD COLUMN revises_id INTEGER "
        "CONSTRAINT fk_decisions_revises_id_decisions REFERENCES decisions (id)"
    )
    op.create_index("ix_decisions_batch", "decisions", ["batch"])
    op.create_index("ix_decisions_user_id", "decisions", ["user_id"])

    with op.batch_alter_table("findings") as table:
        table.add_column(sa.Column("source_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("seller", sa.String(length=300), nullable=True))
        table.add_column(sa.Column("language", sa.String(length=8), nullable=True))
    op.execute(
        "UPDATE findings SET (source_id, seller) = "
        "(SELECT source_id, seller FROM listings WHERE listings.id = findings.listing_id)"
    )
    with op.batch_alter_table("findings") as table:
        table.alter_column("source_id", existing_type=sa.Integer(), nullable=False)
        for name in ("concept", "language", "rule", "seller", "severity", "source_id"):
            table.create_index(f"ix_findings_queue_{name}", ["state", name, "priority", "id"], unique=False)
        table.create_index("ix_findings_pack", ["state", "pack_digest"], unique=False)
        table.create_index("ix_findings_overview", OVERVIEW, unique=False)
        table.create_foreign_key(table.f("fk_findings_source_id_sources"), "sources", ["source_id"], ["id"])

    with op.batch_alter_table("listings") as table:
        table.add_column(sa.Column("language", sa.String(length=8), nullable=True))

    with op.batch_alter_table("photos") as table:
        table.add_column(sa.Column("look_hash", sa.String(length=64), nullable=True))

    with op.batch_alter_table("scan_photos") as table:
        table.add_column(sa.Column("failure_kind", sa.String(length=40), nullable=True))

    with op.batch_alter_table("threshold_changes") as table:
        table.add_column(sa.Column("shadow_run_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("approved_by_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("restores_version", sa.Integer(), nullable=True))
        table.create_foreign_key(
            table.f("fk_threshold_changes_shadow_run_id_shadow_runs"), "shadow_runs", ["shadow_run_id"], ["id"]
        )
        table.create_foreign_key(
            table.f("fk_threshold_changes_approved_by_id_users"), "users", ["approved_by_id"], ["id"]
        )

    with op.batch_alter_table("users") as table:
        table.add_column(sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("sign_ins_from", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("language", sa.String(length=16), nullable=True))
        table.add_column(sa.Column("theme", sa.String(length=8), nullable=True))
        table.add_column(sa.Column("country", sa.String(length=2), nullable=True))
        table.add_column(sa.Column("preferences", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("totp_secret", sa.String(length=300), nullable=True))
        table.add_column(sa.Column("totp_since", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("totp_step", sa.Integer(), nullable=True))
        table.add_column(sa.Column("oidc_subject", sa.String(length=500), nullable=True))
        table.create_unique_constraint(table.f("uq_users_oidc_subject"), ["oidc_subject"])

    # A default was for the rows that stand; new ones say it themselves.
    with op.batch_alter_table("users") as table:
        table.alter_column("sign_ins_from", existing_type=sa.Integer(), server_default=None)
        table.alter_column("preferences", existing_type=sa.JSON(), server_default=None)

    dialect = op.get_bind().dialect.name
    for name in APPEND_ONLY:
        refuse_changes(name)
    for statement in SEARCH[dialect]:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("There is no way back: restore the backup that was made before the upgrade.")
