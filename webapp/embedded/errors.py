"""Why it can't be run."""


class EmbeddedError(Exception):
    """Something that a person has to do first; the message says what."""
