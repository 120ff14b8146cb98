"""Looks get numbers, from which an index is made in files; their bands, sixteen rows a picture, go.

The listings of a seller are found in order, and the near pictures of a picture by their distance.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "photo_looks",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("photo_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name=op.f("fk_photo_looks_photo_id_photos")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_photo_looks")),
        sa.UniqueConstraint("photo_id", name=op.f("uq_photo_looks_photo_id")),
    )
    op.execute(
        "INSERT INTO photo_looks (number, photo_id) "
        "SELECT row_number() OVER (ORDER BY id), id FROM photos WHERE look_hash IS NOT NULL ORDER BY id"
    )
    op.drop_table("photo_bands")
    op.create_index(op.f("ix_near_photos_photo_id_distance"), "near_photos", ["photo_id", "distance", "other_id"])
    op.drop_index(op.f("ix_listings_seller"), "listings")
    op.create_index(op.f("ix_listings_seller"), "listings", ["seller", "source_id", "id"])


def downgrade() -> None:
    raise NotImplementedError("There is no way back: restore the backup that was made before the upgrade.")
