"""Read by each Python process that has this folder on its PYTHONPATH: those of a fleet, and what they start."""

from tests.faults import clock, deaths, haste

deaths.install()
haste.install()
clock.install()
