"""Backups: everything that can't be had again, in a folder or a bucket of the team's, and the way back from it.

A target holds `objects/` (files by their SHA-256, so that a second backup writes what is new alone) and `snapshots/`
(one signed manifest a backup, written last: a backup that was killed left objects, and no snapshot).
"""
