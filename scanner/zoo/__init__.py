"""Models: what there is, what is installed, and what they say of a picture."""
