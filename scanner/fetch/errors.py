"""Why something could not be fetched; each message is one sentence for people."""


class FetchError(Exception):
    """`status` is the HTTP status where the server answered with one that is no success."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class AddressError(FetchError):
    """The address is none that may be asked: another scheme or port, a private network, this machine."""


class RobotsError(FetchError):
    """The site asks crawlers, in its robots.txt, to leave this page alone."""
