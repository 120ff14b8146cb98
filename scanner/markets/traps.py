"""Pages that are not what they seem: a check for robots, a wall to sign in at, a page that is not there."""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urljoin, urlsplit

from scanner.fetch import Fetched, FetchError, RefusedError
from scanner.markets.pages import Page, attribute, site_of

SHORT_LETTERS = 2000  # a page that shows less than this is not a shop's usual page
MOST_COMPARED_WORDS = 2000
SAME_WORDS = 0.9


class Trap(StrEnum):
    """Each value follows “page” or “pages”."""

    CHALLENGE = "asked us to prove that we are no robot"
    LOGIN = "asked us to sign in"
    MISSING = "turned out to be missing, though the server answered as if all was well"
    TANGLED = "had too many tags inside one another, or attributes, to be read to the end"
    OVERSIZED = "had more data for search engines than is read, so that was passed over"
    ELSEWHERE = "sent us on to another site"


_CHALLENGE_MARKS = re.compile(
    r"cf[-_]chl[-_]|cf-challenge|challenges\.cloudflare\.com|cf-turnstile|g-recaptcha|recaptcha/(?:api|enterprise)\.js|"
    r"h-captcha|hcaptcha\.com|px-captcha|perimeterx|captcha-delivery\.com|datadome|awswaf|arkoselabs|funcaptcha|geetest",
    re.IGNORECASE,
)
_CHALLENGE_WORDS = re.compile(
    r"are you (?:a )?(?:robot|human)|you.?re not a robot|not a robot|verify (?:that )?you are (?:a )?human|"
    r"checking your browser|just a moment|unusual traffic|complete the captcha|press (?:&|and) hold|attention required",
    re.IGNORECASE,
)
_LOGIN_PATH = re.compile(
    r"/(?:log-?in|sign-?in|auth(?:enticate)?|account/login|users/sign_in|sso|wp-login\.php)\b", re.I
)
_LOGIN_WORDS = re.compile(
    r"\b(?:log ?in|sign ?in|anmelden|einloggen|connexion|se connecter|iniciar sesión|accedi|inloggen|войти|"
    r"đăng nhập)\b|登录|登入|ログイン|로그인|เข้าสู่ระบบ",
    re.IGNORECASE,
)
_MISSING_WORDS = re.compile(
    r"\b(?:404|not found|page (?:does not|doesn.t) exist|no longer (?:available|exists)|nicht gefunden|"
    r"existiert nicht|introuvable|n.existe (?:pas|plus)|non trovat[ao]|no encontrad[ao]|não encontrad[ao]|"
    r"niet gevonden|nie znaleziono|не найд\w+|không tìm thấy|tidak ditemukan|bulunamad\u0131|hittades inte)\b|"
    r"ไม่พบ|页面不存在|找不到|未找到|見つかりません|찾을 수 없",
    re.IGNORECASE,
)


def is_challenge(page: Page, headers: Mapping[str, str], is_offer: bool) -> bool:
    """Whether the page asks for a proof that a person reads it. is_offer: it offers something, so it is none."""
    if headers.get("cf-mitigated") == "challenge" or headers.get("x-amzn-waf-action") in ("captcha", "challenge"):
        return True
    has_words = bool(_CHALLENGE_WORDS.search(page.text))
    if is_offer or not (has_words or _CHALLENGE_MARKS.search(page.text)):
        return False
    # A newsletter's form has such a script too, on a page that leads on into the shop.
    leads_on = any(site_of(link) == site_of(page.url) for link in page.links())
    return len(page.shown) < SHORT_LETTERS and (has_words or not leads_on)


def is_challenge_error(error: FetchError) -> bool:
    """Whether the failure is such a page, sent with a status that is no success."""
    answer = error.answer
    return answer is not None and is_challenge(Page.of(answer), answer.headers, is_offer=False)


def is_login(page: Page, asked_url: str, is_offer: bool) -> bool:
    """Whether we were sent to a page to sign in at, or got one in place of the page."""
    if is_offer:
        return False
    was_sent = page.url != asked_url and bool(_LOGIN_PATH.search(urlsplit(page.url).path))
    has_password = page.tree.css_first('input[type="password" i]') is not None
    return was_sent or (has_password and len(page.shown) < SHORT_LETTERS and _says(_LOGIN_WORDS, page))


def says_missing(page: Page) -> bool:
    """Whether its title or heading says that there is no such page."""
    return _says(_MISSING_WORDS, page)


def _says(words: re.Pattern[str], page: Page) -> bool:
    named = page.title or attribute(page.tree.css_first("h2"), "title")
    return bool(words.search(named))


@dataclass(frozen=True, slots=True)
class Lookalike:
    """What a site answers to an address that it can't have."""

    url: str
    title: str
    words: frozenset[str]

    @classmethod
    def of(cls, page: Page) -> "Lookalike":
        return cls(page.url, page.title, _words(page))

    def is_like(self, page: Page, asked_url: str) -> bool:
        """Whether the page is the same answer: the same place that we were sent to, or nearly the same words."""
        if page.url == self.url and page.url != asked_url:
            return True
        words = _words(page)
        together = len(words | self.words)
        return page.title == self.title and (not together or len(words & self.words) / together >= SAME_WORDS)


class Probe:
    """Asks a site once for an address that it can't have, to know its “not found” page when it sees it."""

    def __init__(self, start_url: str, fetch: Callable[[str], Fetched]) -> None:
        self._start_url = start_url
        self._fetch = fetch
        self._seen: Lookalike | None = None
        self._is_asked = False

    def is_missing(self, page: Page, asked_url: str) -> bool:
        """Whether the site answers so to any address. Raises RefusedError where nothing may be asked any more."""
        if not self._is_asked:
            self._is_asked = True
            self._seen = self._ask()
        return self._seen is not None and self._seen.is_like(page, asked_url)

    def _ask(self) -> Lookalike | None:
        """None where the site says plainly that there is no such page, or can't be asked."""
        try:
            return Lookalike.of(Page.of(self._fetch(urljoin(self._start_url, f"/{secrets.token_hex(12)}"))))
        except RefusedError:
            raise
        except FetchError:
            return None


def _words(page: Page) -> frozenset[str]:
    return frozenset(page.shown.split()[:MOST_COMPARED_WORDS])
