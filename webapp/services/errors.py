"""What services refuse, in words for people."""


class NotFound(LookupError):  # an answer, as in HTTP
    """There is no row of that id."""


class Refused(ValueError):  # an answer too
    """A value that can't be taken; the message is one sentence that says what to give."""
