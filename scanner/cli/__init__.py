"""The scanner's commands. Heavy imports wait until a command runs."""
