"""Measurements. Each module says what it measures; `make bench` runs all and writes bench/results/."""
