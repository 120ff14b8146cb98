from ipaddress import ip_address

import pytest

from scanner.fetch.addresses import check_addresses, check_url, is_public
from scanner.fetch.errors import AddressError

CLOSED = [
    "0.0.0.0",  # noqa: S104 nothing is bound to it
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:db8::1",
    "::ffff:1.1.1.1",
    "2002:101:101::1",
    "2606:4700::5efe:7f00:1",
    "2606:4700::200:5efe:7f00:1",
    "fc00::1",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
]
OPEN = ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "64:ff9b::101:101"]


@pytest.mark.parametrize("address", CLOSED)
def test_addresses_off_the_open_internet_are_closed(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", OPEN)
def test_addresses_on_the_open_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("url", ["", "example.org", "//example.org/", "/path", "http", "http:", "?", "#"])
def test_what_is_no_whole_address_is_refused(url: str) -> None:
    with pytest.raises(AddressError):
        check_url(url)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("HTTPS://Shop.Example/A?b=1", "https://shop.example/A?b=1"),
        ("http://shop.example:80/", "http://shop.example/"),
        ("https://shop.example:443/a", "https://shop.example/a"),
        ("http://shop.example./", "http://shop.example./"),
        ("http://1.1.1.1/", "http://1.1.1.1/"),
        ("http://[2606:4700:4700::1111]/", "http://[2606:4700:4700::1111]/"),
        ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ("https://商店.example/", "https://xn--czrs0t.example/"),
        ("http://my_shop.example/@seller", "http://my_shop.example/@seller"),
        ("http://3com.example/", "http://3com.example/"),
        ("http://shop.example/?next=http://[::1]/", "http://shop.example/?next=http://[::1]/"),
    ],
)
def test_ordinary_addresses_may_be_asked(text: str, url: str) -> None:
    assert str(check_url(text)) == url


def test_a_port_is_asked_once_its_host_and_port_are_allowed() -> None:
    assert str(check_url("http://127.0.0.1:8001/a", ["127.0.0.1:8001"])) == "http://127.0.0.1:8001/a"
    with pytest.raises(AddressError):
        check_url("http://127.0.0.1:8002/a", ["127.0.0.1:8001"])


def test_the_fragment_is_not_part_of_what_is_asked() -> None:
    assert str(check_url("https://example.org/a?b=1#c")) == "https://example.org/a?b=1"


def test_one_private_address_among_public_ones_closes_the_host() -> None:
    with pytest.raises(AddressError, match=r"10\.0\.0\.1"):
        check_addresses("shop.example", 80, ["1.1.1.1", "10.0.0.1"])


def test_an_allowed_host_may_be_private_on_its_allowed_port_alone() -> None:
    check_addresses("127.0.0.1", 8001, ["127.0.0.1"], ["127.0.0.1:8001"])
    with pytest.raises(AddressError):
        check_addresses("127.0.0.1", 80, ["127.0.0.1"], ["127.0.0.1:8001"])


def test_an_allowed_address_of_version_6_is_written_in_brackets() -> None:
    check_addresses("::1", 8001, ["::1"], ["[::1]:8001"])
