"""What Prometheus reads, counted in the database when it asks: any web process answers for all of them."""

import hmac
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version

from flask import Blueprint, abort, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from webapp.extensions import app_settings, db_session
from webapp.models import FindingState, PictureState, ScanState
from webapp.services import figures, processes, queue

pages = Blueprint("metrics", __name__)


@pages.get("/metrics")
def metrics() -> Response:
    """404 without TUSKLINE_METRICS_TOKEN, 401 for a reader who does not show it."""
    check_token(request.headers.get("Authorization", ""))
    registry = CollectorRegistry()
    registry.register(Figures(db_session()))
    answer = Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def check_token(shown: str) -> None:
    token = app_settings().metrics_token
    if token is None or not token.get_secret_value():
        abort(404)
    if not hmac.compare_digest(shown.encode(), f"Bearer {token.get_secret_value()}".encode()):
        abort(Response("Show TUSKLINE_METRICS_TOKEN.\n", 401, {"WWW-Authenticate": "Bearer"}))


class Figures:
    """A collector over one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def describe(self) -> list[Metric]:
        """Nothing: to name what there is would count it all before the first question."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("tuskline_build", "This version.", {"version": version("tuskline")})
        yield from self._scans()
        yield from self._findings()
        yield from self._processes()

    def _scans(self) -> Iterator[Metric]:
        scans, waiting = figures.count_scans(self._session), figures.count_waiting(self._session)
        pictures = {
            PictureState.PENDING: waiting.pictures,
            PictureState.SCORED: scans.photos_scored,
            PictureState.FAILED: scans.photos_failed,
        }
        yield by_state("tuskline_pictures", "Pictures by state; scored and failed as scans counted them.", pictures)
        yield gauge("tuskline_pictures_oldest_pending_seconds", "How long the oldest has waited.", waiting.oldest_s)
        by_all = {state: scans.by_state.get(state, 0) for state in ScanState}
        yield by_state("tuskline_scans", "Scans by state.", by_all)
        yield counter("tuskline_crawl_pages", "Pages that crawls fetched.", scans.fetched_pages)
        yield counter("tuskline_crawl_bytes", "Bytes that crawls fetched.", scans.fetched_bytes)
        yield counter("tuskline_crawl_errors", "Scans whose crawl broke off.", scans.crawl_errors)
        late = figures.read_ticks(self._session).late
        yield gauge("tuskline_schedules_late", "Schedules that should have fired 2 minutes ago and more.", late)

    def _findings(self) -> Iterator[Metric]:
        yield by_state("tuskline_findings", "Suspected findings by state.", queue.counts(self._session))
        removals = figures.count_removals(self._session)
        yield counter("tuskline_listing_removals", "Listings that vanished.", removals)

    def _processes(self) -> Iterator[Metric]:
        known = processes.recent(self._session)
        living = [one for one in known if processes.is_alive(one)]
        kinds = Counter(one.kind for one in living)
        by_kind = {kind: kinds[kind] for kind in (processes.WORKER, processes.BEAT)}
        yield labelled("tuskline_processes", "Workers and beats that live.", "kind", by_kind)
        serving = Counter(queue for one in living for queue in one.queues)
        by_queue = {queue: serving[queue] for queue in dict.fromkeys([*processes.QUEUES, *serving])}
        yield labelled("tuskline_queue_workers", "Workers that serve a queue.", "queue", by_queue)
        silences = [processes.silence_s(one) for one in known if one.kind == processes.BEAT]
        if silences:
            yield gauge("tuskline_beat_silence_seconds", "Since a beat was heard; absent for none.", min(silences))


def gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(name, words, value=value)


def by_state(
    name: str, words: str, counts: dict[PictureState, int] | dict[ScanState, int] | dict[FindingState, int]
) -> Metric:
    return labelled(name, words, "state", {state.value: count for state, count in counts.items()})


def labelled(name: str, words: str, label: str, counts: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family
