"""Fuzzing of every parser that sees outside data: `python -m tests.attacks.fuzz TARGET --seconds N`."""
