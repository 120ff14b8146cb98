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
_OPEN_V6 = IPv6Network("2000::/3")  # the only block from which public addresses are given out
_CLOSED_V6 = tuple(IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")
_UNSAFE_CHARACTERS = re.compile(r"[\\\s\x00-\x1f\x7f]")


def is_public(address: Address) -> bool:
    """True for addresses on the open internet; an IPv4 address inside an IPv6 one is judged by itself."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _CLOSED_V4)
    inner = _inner_addresses(address)
    if inner:
        return all(is_public(each) for each in inner)
    return address in _OPEN_V6 and not any(address in block for block in _CLOSED_V6)


def _inner_addresses(address: IPv6Address) -> list[IPv4Address]:
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address.sixtofour:
        return [address.sixtofour]
    if address.teredo:
        return list(address.teredo)
    if address in _NAT64:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return []


def host_port(host: str, port: int) -> str:
    """`host:port` as the allow-list writes it, an IPv6 address in brackets."""
    host = host.lower().rstrip(".")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def origin_of(url: httpx2.URL) -> str:
    """`host:port` of a URL, its scheme's own port written out."""
    return host_port(url.host, url.port or DEFAULT_PORTS[url.scheme])


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


def check_text(text: str) -> None:
    """Refuse what programs read in two ways, before any parser sees it. Raises AddressError."""
    if len(text) > MAX_URL_CHARACTERS:
        raise AddressError(f"The address is longer than {MAX_URL_CHARACTERS} characters.")
    if _UNSAFE_CHARACTERS.search(text):
        raise AddressError("The address has a backslash, a space or a control character in it.")


def _check_parts(url: httpx2.URL, allowed: Collection[str]) -> None:
    if url.scheme not in DEFAULT_PORTS:
        raise AddressError("Only http and https addresses are fetched.")
    if not url.host:
        raise AddressError("The address names no host.")
    if url.userinfo:
        raise AddressError("Addresses with a user name or password in them are not fetched.")
    if url.port not in (None, 80, 443) and origin_of(url) not in allowed:
        raise AddressError(f"Port {url.port} is not asked; only 80 and 443 are, and addresses that you allow.")


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
