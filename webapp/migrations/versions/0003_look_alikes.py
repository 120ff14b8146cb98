"""What models name as a look-alike stands beside their scores."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("scores") as scores:
        scores.add_column(sa.Column("counters", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("scores") as scores:
        scores.alter_column("counters", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("scores") as scores:
        scores.drop_column("counters")
