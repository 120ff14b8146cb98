"""What goes out with a release: the list of its parts, and whether any of them is known to be faulty."""
