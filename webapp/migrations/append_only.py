"""Tables whose rows are only ever added: the database itself refuses what would rewrite the past."""

from alembic import op


def refuse_changes(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        refuse_on_postgresql(table)
    else:
        refuse_on_sqlite(table)


def refuse_on_sqlite(table: str) -> None:
    for verb in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def refuse_on_postgresql(table: str) -> None:
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    # A statement trigger, so that TRUNCATE is refused too (rows do not fire for it).
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
    )
