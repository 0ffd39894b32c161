"""What Prometheus reads: how the crons stand, and how the API is used."""

import time
from collections.abc import Callable, Iterable
from functools import partial

from fastapi import APIRouter, Depends, Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.authentication import AuthenticatedOrNear
from api.in_time import in_time
from core import alerts, overview, workers
from core.errors import Unavailable

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
METHODS = frozenset({"GET", "POST", "PATCH", "DELETE"})

disable_created_metrics()  # type: ignore[no-untyped-call]
registry = CollectorRegistry()
ProcessCollector(registry=registry)
requests = Counter(
    "crondesk_api_requests",
    "Requests to the REST API",
    ["method", "route", "status"],
    registry=registry,
)
seconds = Histogram(
    "crondesk_api_request_seconds",
    "How long requests to the REST API took",
    ["method", "route"],
    buckets=BUCKETS,
    registry=registry,
)

router = APIRouter(tags=["health"], dependencies=[Depends(AuthenticatedOrNear())])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics() -> Response:
    """Figures for Prometheus, within five seconds; those of the database only while it can be reached."""
    try:
        text = await in_time(partial(_text, _standing))
    except Unavailable:
        text = _text(_away)
    return Response(text, headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE_PLAIN_0_0_4)


class Measured:
    """Counts requests and measures how long they take.

    Args:
        app: what answers them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            # The route's pattern and known methods only: a caller must not be able to make new series.
            route = getattr(scope.get("route"), "path", "unknown")
            method = scope["method"] if scope["method"] in METHODS else "other"
            requests.labels(method, route, str(status)).inc()
            seconds.labels(method, route).observe(time.perf_counter() - began)


class _Read(Collector):
    """What has been read, for Prometheus' own writer."""

    def __init__(self, gauges: Iterable[GaugeMetricFamily]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._gauges


def _text(read: Callable[[], Iterable[GaugeMetricFamily]]) -> bytes:
    return generate_latest(registry) + generate_latest(_Read(read()))


def _away() -> list[GaugeMetricFamily]:
    return [_gauge("database_up", "Whether the database can be reached", 0)]


def _standing() -> list[GaugeMetricFamily]:
    """How the crons stand now.

    Raises:
        Unavailable: the database cannot be reached.
    """
    figures, pulse, current = overview.figures(), workers.pulse(), alerts.current()
    gauges = [
        _gauge("database_up", "Whether the database can be reached", 1),
        _gauge("schedules_pending", "Pending schedules; above 5,000 the planner's estimate", figures.pending),
        _gauge(
            "schedules_overdue", "Due for over five seconds and fired by nobody; up to 1,000", pulse.overdue
        ),
        _gauge("executions_running", "Executions that run now", figures.running),
        _gauge("executions_queued", "Executions that wait for a worker", figures.queued),
        _gauge("workers_alive", "Workers that gave a sign of life lately", len(pulse.alive)),
        _alerts(current),
    ]
    if pulse.last_beat_at is not None:
        silence = max(0.0, (pulse.now - pulse.last_beat_at).total_seconds())
        gauges.append(_gauge("worker_beat_age_seconds", "Since the last sign of life of any worker", silence))
    return gauges


def _alerts(current: list[alerts.Alert]) -> GaugeMetricFamily:
    """A series for every alert there can be, so that one that is over goes back to 0."""
    raised = {alert.kind for alert in current}
    gauge = GaugeMetricFamily("crondesk_alert", "Whether the alert is raised", labels=["kind", "severity"])
    for kind, severity in alerts.SEVERITY.items():
        gauge.add_metric([kind, severity], float(kind in raised))
    return gauge


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"crondesk_{name}", meaning, value=value)
