"""The ways in which networks and their parameters lie in files, and from each of them to the one that is run."""
