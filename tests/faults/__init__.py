"""What happens when a machine fails: kills, restarts, full disks, clocks, upgrades. `make faults` runs all of it."""
