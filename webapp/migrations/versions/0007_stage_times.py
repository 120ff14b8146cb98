"""How long each stage of a scan worked and waited, by machine and set-up."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scan_stages",
        sa.Column("scan_id", sa.Integer(), nullable=False),
        sa.Column("machine", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("device", sa.String(length=32), nullable=False),
        sa.Column("engine", sa.String(length=16), nullable=False),
        sa.Column("precision", sa.String(length=16), nullable=False),
        sa.Column("decoding", sa.String(length=16), nullable=False),
        sa.Column("pictures", sa.BigInteger(), nullable=False),
        sa.Column("busy_s", sa.Double(), nullable=False),
        sa.Column("waited_s", sa.Double(), nullable=False),
        sa.Column("blocked_s", sa.Double(), nullable=False),
        sa.Column("workers", sa.Integer(), nullable=False),
        sa.Column("pages", sa.BigInteger(), nullable=False),
        sa.Column("fetched_bytes", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name=op.f("fk_scan_stages_scan_id_scans")),
        sa.PrimaryKeyConstraint(
            "scan_id", "machine", "stage", "device", "engine", "precision", "decoding", name=op.f("pk_scan_stages")
        ),
    )
    with op.batch_alter_table("scan_stages") as table:
        table.create_index(table.f("ix_scan_stages_updated_at"), ["updated_at"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("There is no way back: restore the backup that was made before the upgrade.")
