import logging
import traceback
from collections.abc import Mapping

import pytest

from scanner.fetch import Fetcher, FetchError, LogEntry, RefusedError
from scanner.fetch.errands import Errand
from tests.scanner.fetch.site import Answer, Site, answer

TOKEN = {"Authorization": "Bearer very-secret", "x-api-key": "key-secret"}
FLAWED = ["Bearer sec\nret", "Bearer sec\x00ret", "sécret", "\udc80secret", "pass-word ", "€secret"]


def ask(site: Site, headers: Mapping[str, str], log: list[LogEntry], path: str = "/a") -> FetchError:
    with (
        Fetcher(allowed_addresses=[site.origin], sleep=lambda _: None, log=log.append, keep_exchanges=True) as fetcher,
        pytest.raises(FetchError) as failed,
    ):
        fetcher.get(site.url(path), headers=headers, is_api=True)
    return failed.value


@pytest.mark.parametrize("value", FLAWED)
@pytest.mark.parametrize("name", ["Authorization", "x-api-key"])
def test_a_flawed_key_is_not_repeated(name: str, value: str, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    log: list[LogEntry] = []
    failure = ask(site, {name: value}, log)
    assert isinstance(failure, RefusedError)
    assert name in str(failure)
    told = "".join(traceback.format_exception(failure)) + repr(log) + caplog.text
    assert value.strip() not in told
    assert repr(value)[1:-1].strip() not in told
    assert site.asked == []


def test_a_header_without_a_name_is_not_sent(site: Site) -> None:
    assert isinstance(ask(site, {"a b": "c"}, []), RefusedError)


@pytest.mark.parametrize(
    "refusal", [answer(401), answer(503), answer(302, Location="http://[/"), answer(body=b"?", Content_Encoding="br")]
)
def test_no_failure_tells_a_key(refusal: Answer, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    site.answers["/a"] = refusal
    log: list[LogEntry] = []
    failure = ask(site, TOKEN, log)
    assert site.asked[-1][1]["x-api-key"] == "key-secret"
    assert log
    kept = failure.answer.exchanges if failure.answer else ()
    told = "".join(traceback.format_exception(failure)) + repr(failure.answer) + repr(kept) + repr(log) + caplog.text
    assert "very-secret" not in told
    assert "key-secret" not in told


def test_an_errand_shown_by_a_debugger_hides_what_may_be_secret() -> None:
    assert "secret" not in repr(Errand("http://a.example/", 1, headers=TOKEN, form={"client": "secret"}))
