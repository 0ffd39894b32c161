"""Puts the REST API together: `uvicorn api.app:app` serves it apart, `routes` beside the dashboard."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.routing import Route

from api import (
    access_log,
    alerts,
    calendar,
    docs_page,
    errors,
    executions,
    health,
    links,
    metrics,
    schedules,
    series,
)
from core import collector, log
from core.notifications.standing_in import standing_in

DESCRIPTION = """\
Plan executions of crons, follow them, and end them. JSON in camelCase; instants in RFC 3339 with a zone.

Every call needs `Authorization: Bearer …` with the shared secret. Every error is
`{"success": false, "error": "one sentence", "details": ["field: what is wrong with it"]}`.
"""


@asynccontextmanager
async def _served_apart(_app: FastAPI) -> AsyncIterator[None]:
    log.configure()
    collector.spare_what_is_loaded()
    async with standing_in():
        yield


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = docs_page.document(self)
        return self.openapi_schema


# FastAPI would hand traces to whatever the environment names; /metrics says what there is to say.
NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}

app = _Api(
    title="Crondesk",
    version="1",
    description=DESCRIPTION,
    openapi_url="/api/openapi.json",
    docs_url=None,
    redoc_url=None,
    redirect_slashes=False,
    lifespan=_served_apart,
    telemetry=NO_TELEMETRY,
)
app.add_middleware(metrics.Measured)
errors.install(app)
# A server has set its log up by the time it imports this.
access_log.hide_secrets()
# Schedules and series first: /schedule would be taken for the id of an execution.
for part in (schedules, series, executions, calendar, alerts, links, health, metrics, docs_page):
    app.include_router(part.router)

# The paths stay whole, as a Mount would not leave them: the same app answers on both ports.
routes = [
    Route(path, app, include_in_schema=False)
    for path in ("/api", "/api/{rest:path}", "/healthz", "/readyz", "/metrics")
]
