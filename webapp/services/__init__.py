"""What Tuskline does, one module a noun: rows in, rows out; no web and no queue."""
