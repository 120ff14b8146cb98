"""The forms: what may be entered, and what is said where it may not."""
