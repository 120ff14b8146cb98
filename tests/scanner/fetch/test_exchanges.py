import gzip
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

import pytest

from scanner.fetch import Fetcher, FetchError
from tests.scanner.fetch.site import Answer, Site, answer

TOKEN = {"Authorization": "Bearer very-secret", "X-Api-Key": "key-secret", "Accept-Language": "de"}


def test_an_exchange_is_what_went_over_the_wire(site: Site, fetcher: Fetcher) -> None:
    packed = gzip.compress(b"page")
    site.answers["/a"] = answer(body=packed, Content_Encoding="gzip", X_Odd="MiXed")
    fetched = fetcher.get(site.url("/a"))
    (exchange,) = fetched.exchanges
    assert (fetched.body, exchange.body) == (b"page", packed)
    assert exchange.head.startswith(b"HTTP/1.0 200 OK\r\n")
    assert b"\r\nX-Odd: MiXed\r\n" in exchange.head
    assert exchange.head.endswith(b"\r\n\r\n")
    assert (exchange.url, exchange.address, exchange.certificate_sha256) == (site.url("/a"), "127.0.0.1", None)
    assert abs((datetime.now(UTC) - exchange.started_at).total_seconds()) < 60
    assert exchange.robots == "allowed: the site has no robots.txt (404)"


def test_the_request_is_kept_as_the_site_received_it(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a?b=%20c"] = answer()
    fetched = fetcher.get(site.url("/a?b=%20c"), headers={"Accept-Language": "de"})
    first, *lines = fetched.exchanges[0].request.decode().removesuffix("\r\n\r\n").split("\r\n")
    assert first == "GET /a?b=%20c HTTP/1.1"
    sent = dict(line.split(": ", 1) for line in lines)
    assert {name.lower(): value for name, value in sent.items()} == site.asked[-1][1]


def test_every_hop_and_every_try_is_kept_but_not_robots_txt(site: Site, fetcher: Fetcher) -> None:
    answers = iter([answer(503, b"busy"), answer(302, b"there", Location="/b")])
    site.answers["/a"] = lambda handler: next(answers)(handler)
    site.answers["/b"] = answer(body=b"here")
    fetched = fetcher.get(site.url("/a"))
    assert [exchange.body for exchange in fetched.exchanges] == [b"busy", b"there", b"here"]
    assert [exchange.head[9:12] for exchange in fetched.exchanges] == [b"503", b"302", b"200"]


def test_nothing_is_kept_where_nobody_asks_for_it(site: Site) -> None:
    site.answers["/a"] = answer(body=b"x")
    with Fetcher(allowed_addresses=[site.origin]) as fetcher:
        assert fetcher.get(site.url("/a")).exchanges == ()


def test_a_page_that_is_gone_is_kept_with_the_failure(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(410, b"sold")
    with pytest.raises(FetchError) as failed:
        fetcher.get(site.url("/a"))
    gone = failed.value.answer
    assert gone is not None
    assert (gone.status, gone.exchanges[0].body) == (410, b"sold")


def test_of_a_failure_only_the_beginning_is_kept(site: Site, fetcher: Fetcher) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(404)
        handler.end_headers()
        for _ in range(1000):
            handler.wfile.write(b"x" * 65536)

    site.answers["/a"] = endless
    with pytest.raises(FetchError, match="404") as failed:
        fetcher.get(site.url("/a"))
    assert failed.value.answer is not None
    (exchange,) = failed.value.answer.exchanges
    assert (len(exchange.body), exchange.is_cut) == (256 * 1024, True)


def test_a_redirect_whose_body_breaks_off_is_followed(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(302, b"half", Location="/b", Content_Length="9", Connection="close")
    site.answers["/b"] = answer(body=b"here")
    fetched = fetcher.get(site.url("/a"))
    assert [exchange.is_cut for exchange in fetched.exchanges] == [True, False]


def test_secrets_are_sent_but_not_kept(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer()
    fetched = fetcher.get(site.url("/a"), headers=TOKEN)
    received = site.asked[-1][1]
    assert (received["authorization"], received["x-api-key"]) == ("Bearer very-secret", "key-secret")
    request = fetched.exchanges[0].request
    assert b"secret" not in request
    assert b"Authorization: (left out)\r\n" in request
    assert b"Accept-Language: de\r\n" in request


def test_secrets_do_not_follow_a_redirect_to_another_host(site: Site, fetcher: Fetcher) -> None:
    elsewhere = f"localhost:{site.port}"
    with Fetcher(
        allowed_addresses=[site.origin, elsewhere], resolver=lambda *_: ["127.0.0.1"], sleep=lambda _: None
    ) as fetcher:
        site.answers["/near"] = answer(302, Location="/b")
        site.answers["/far"] = answer(302, Location=f"http://{elsewhere}/b")
        site.answers["/b"] = answer()
        fetcher.get(site.url("/near"), headers=TOKEN)
        assert site.asked[-1][1]["authorization"] == "Bearer very-secret"
        fetcher.get(site.url("/far"), headers=TOKEN)
    last = site.asked[-1][1]
    assert last["host"] == elsewhere
    assert not {"authorization", "x-api-key"} & last.keys()


def form_answer(received: list[bytes], status: int = 200, **headers: str) -> Answer:
    def write(handler: BaseHTTPRequestHandler) -> None:
        received.append(handler.rfile.read(int(handler.headers["Content-Length"])))
        answer(status, b'{"access_token": "t"}', **headers)(handler)

    return write


def test_a_form_is_posted_and_nothing_of_it_is_kept(site: Site, fetcher: Fetcher) -> None:
    received: list[bytes] = []
    site.answers["/robots.txt"] = answer(body=b"User-agent: *\nDisallow: /")
    site.answers["/token"] = form_answer(received)
    fetched = fetcher.post_form(site.url("/token"), {"grant_type": "client_credentials"}, headers=TOKEN)
    assert (fetched.body, fetched.exchanges) == (b'{"access_token": "t"}', ())
    assert received == [b"grant_type=client_credentials"]
    assert site.asked[-1][1]["authorization"] == "Bearer very-secret"


@pytest.mark.parametrize("status", [302, 307, 401])
def test_a_form_is_not_sent_on(status: int, site: Site, fetcher: Fetcher) -> None:
    received: list[bytes] = []
    site.answers["/token"] = form_answer(received, status, Location="/other")
    site.answers["/other"] = form_answer(received)
    with pytest.raises(FetchError, match=str(status)) as failed:
        fetcher.post_form(site.url("/token"), {"a": "b"})
    assert failed.value.answer is not None
    assert failed.value.answer.exchanges == ()
    assert len(received) == 1


def test_an_api_whose_owner_gave_us_a_key_is_not_crawled(site: Site, fetcher: Fetcher) -> None:
    site.answers["/robots.txt"] = answer(body=b"User-agent: *\nDisallow: /")
    site.answers["/v1/items"] = answer(body=b"{}")
    fetched = fetcher.get(site.url("/v1/items"), headers=TOKEN, is_api=True)
    assert fetched.body == b"{}"
    assert fetched.exchanges[0].robots == "not asked"


def test_a_page_that_did_not_change_is_not_sent_again(site: Site, fetcher: Fetcher) -> None:
    def write(handler: BaseHTTPRequestHandler) -> None:
        is_known = handler.headers["If-None-Match"] == 'W/"1"' and handler.headers["If-Modified-Since"] == "Mon"
        answer(304, ETag='W/"1"')(handler) if is_known else answer(body=b"page", ETag='W/"1"')(handler)

    site.answers["/a"] = write
    first = fetcher.get(site.url("/a"))
    again = fetcher.get(site.url("/a"), etag=first.headers["etag"], last_modified="Mon")
    assert (first.is_unchanged, first.body) == (False, b"page")
    assert (again.is_unchanged, again.status, again.body) == (True, 304, b"")
    assert len(again.exchanges) == 1


def test_a_server_that_says_unchanged_though_nobody_asked_is_a_failure(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer(304, Location="/b")
    with pytest.raises(FetchError, match="304"):
        fetcher.get(site.url("/a"))


def test_a_mark_that_would_break_the_request_is_not_sent(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a"] = answer()
    fetcher.get(site.url("/a"), etag='"1"\r\nX-Injected: 1', last_modified="Montag, dem zwölften")
    assert not {"if-none-match", "if-modified-since", "x-injected"} & site.asked[-1][1].keys()
