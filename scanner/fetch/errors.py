"""Why something could not be fetched; each message is one sentence for people."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanner.fetch.exchanges import Fetched


class FetchError(Exception):
    """`status` and `answer` tell what the server answered, where it answered and that is no success.

    answer: for an archive; a page that is gone is evidence too. requests: made until it failed, without robots.txt.
    """

    requests = 0

    def __init__(self, sentence: str, status: int | None = None, answer: "Fetched | None" = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.answer = answer


class RefusedError(FetchError):
    """It was not asked, or not to its end, because of a rule of our own; the site's health is another matter."""


class BusyError(FetchError):
    """The host has had enough of requests, or does not answer any more: whatever else is wanted of it has to wait.

    wait_s: seconds after which it may be asked again.
    """

    def __init__(self, sentence: str, status: int | None = None, wait_s: float = 0.0) -> None:
        super().__init__(sentence, status)
        self.wait_s = wait_s


class AddressError(RefusedError):
    """The address is none that may be asked: another scheme or port, a private network, this machine."""


class BudgetError(RefusedError):
    """The crawl has used up its pages, bytes or time."""


class HostStoppedError(RefusedError):
    """Somebody has stopped all crawls of this host. host: its name as it is looked up: in ASCII and lower case."""

    def __init__(self, sentence: str, host: str = "") -> None:
        super().__init__(sentence)
        self.host = host


class StoppedError(RefusedError):
    """The worker was asked to end."""


class RobotsError(FetchError):
    """The site asks crawlers, in its robots.txt, to leave this page alone. words: the decision in short, for a log."""

    def __init__(self, sentence: str, words: str = "forbidden") -> None:
        super().__init__(sentence)
        self.words = words
