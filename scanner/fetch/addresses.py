"""Which addresses may be asked. A listing can name any URL, also one inside our own network."""

import ipaddress
import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import httpx2

from scanner.fetch.errors import AddressError

Address = IPv4Address | IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL_CHARACTERS = 4000

# Written out, not `ipaddress.is_global`: Python 3.11 calls 64:ff9b::7f00:1, fec0::1 and 224.0.0.1 global.
_CLOSED_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Public addresses are given out from this block alone; IPv4-mapped, IPv4-compatible and local ones lie outside it.
_OPEN_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # Teredo and other protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)
# What a network without IPv4 calls every shop that has no IPv6 address: judged by the address inside.
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # the third quarter of an address that hides an IPv4 one in its fourth

_UNSAFE_CHARACTERS = re.compile(r"[\\\s\x00-\x1f\x7f]")
_SCHEME = r"[A-Za-z][A-Za-z0-9+.\-]*:"
# `http:example.org` and `http:///example.org` name a host for some programs and a path for others.
_ODD_SLASHES = re.compile(rf"{_SCHEME}(?!//[^/])|(?:{_SCHEME})?///")
_AUTHORITY = re.compile(rf"(?:{_SCHEME})?//([^/?#]*)")
_HOST_AND_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\[\]:@%]+)(?::[0-9]{0,5})?")
_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?\.)*([a-z0-9_\-]{1,63})")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def is_public(address: Address) -> bool:
    """True for addresses on the open internet; those that carry an IPv4 address for a tunnel are not, but NAT64's."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _CLOSED_V4)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return False
    return address in _OPEN_V6 and not any(address in block for block in _CLOSED_V6)


def host_port(host: str, port: int) -> str:
    """`host:port` as the allow-list writes it, an IPv6 address in brackets."""
    host = host.lower().rstrip(".")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_of(url: httpx2.URL) -> str:
    """The host as it is looked up: in lower case, other alphabets as `xn--...`, without a dot at its end."""
    return url.raw_host.decode("ascii").rstrip(".")


def origin_of(url: httpx2.URL) -> str:
    """`host:port` of a URL, its scheme's own port written out."""
    return host_port(host_of(url), url.port or DEFAULT_PORTS[url.scheme])


def check_url(text: str, allowed: Collection[str] = ()) -> httpx2.URL:
    """The URL, if it may be asked as far as its text tells; the address behind its name is checked on connecting.

    allowed: `host:port` pairs that may also have other ports. Raises AddressError.
    """
    check_text(text)
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError, UnicodeError):
        raise AddressError("This is no address that can be read.") from None
    _check_parts(url, allowed)
    return url.copy_with(fragment=None)


def join_url(base: httpx2.URL, location: str, allowed: Collection[str] = ()) -> httpx2.URL:
    """Where a page at `base` sends us on to, if it may be asked. Raises AddressError.

    Many shops leave the spaces in their addresses as they are; they are taken for %20, as browsers take them.
    """
    location = location.strip(" ").replace(" ", "%20")
    check_text(location)
    try:
        target = str(base.join(location))
    except (httpx2.InvalidURL, ValueError, UnicodeError):
        raise AddressError("The site sent us on to an address that can't be read.") from None
    return check_url(target, allowed)


def check_text(text: str) -> None:
    """Refuse what programs read in two ways, before any parser sees it. Raises AddressError."""
    if len(text) > MAX_URL_CHARACTERS:
        raise AddressError(f"The address is longer than {MAX_URL_CHARACTERS} characters.")
    if _UNSAFE_CHARACTERS.search(text):
        raise AddressError("The address has a backslash, a space or a control character in it.")
    if _ODD_SLASHES.match(text):
        raise AddressError("Only addresses that begin with http:// or https:// and a host are fetched.")
    authority = _AUTHORITY.match(text)
    if authority:
        _check_authority(authority[1])


def _check_authority(authority: str) -> None:
    if "@" in authority:
        raise AddressError("Addresses with a user name or password in them are not fetched.")
    if not _HOST_AND_PORT.fullmatch(authority):
        raise AddressError("The address does not name its host and port plainly.")


def _check_parts(url: httpx2.URL, allowed: Collection[str]) -> None:
    if url.scheme not in DEFAULT_PORTS:
        raise AddressError("Only http and https addresses are fetched.")
    if not url.raw_host:
        raise AddressError("The address names no host.")
    if url.userinfo:
        raise AddressError("Addresses with a user name or password in them are not fetched.")
    if url.port not in (None, 80, 443) and origin_of(url) not in allowed:
        raise AddressError(f"Port {url.port} is not asked; only 80 and 443 are, and addresses that you allow.")
    _check_host(url, allowed)


def _check_host(url: httpx2.URL, allowed: Collection[str]) -> None:
    host = url.raw_host.decode("ascii")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        _check_name(host)
    else:
        check_addresses(host, url.port or DEFAULT_PORTS[url.scheme], [str(address)], allowed)


def _check_name(host: str) -> None:
    """127.1, 0x7f.1 and 2130706433 are no names: the system would read them as numbers of an address."""
    name = _NAME.fullmatch(host.removesuffix("."))
    if name is None or _NUMBER.fullmatch(name[1]):
        raise AddressError("The address names its host in a way that is not asked.")


def check_addresses(host: str, port: int, addresses: Collection[str], allowed: Collection[str] = ()) -> None:
    """Refuse the host if any of its addresses is closed: a name with one public and one private address is a trick.

    Raises AddressError.
    """
    if host_port(host, port) in allowed:
        return
    for text in addresses:
        if not is_public(ipaddress.ip_address(text)):
            raise AddressError(
                f"{host} is on a private network or on this machine ({text}), which is not asked "
                f"unless {host_port(host, port)} is among the allowed addresses."
            )
