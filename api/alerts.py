"""Alerts over HTTP: what is out of order with the whole now."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api.authentication import Authenticated
from api.errors import answers
from api.wire import Answer, NoQuery, Shown, answer
from core import alerts
from core.alerts import Kind, Severity
from core.notifications.message import sentence

router = APIRouter(
    prefix="/api/admin/alerts",
    tags=["alerts"],
    dependencies=[Depends(Authenticated())],
    responses=answers(401, 422, 503),
)


class ShownAlert(Shown):
    """Something that is out of order, or worth knowing."""

    kind: Kind
    severity: Severity
    since: datetime | None = Field(description="null where there never was a worker")
    message: str
    details: dict[str, Any]


class Alerts(Answer):
    """The alerts of now, the worst first."""

    alerts: list[ShownAlert]
    count: int


@router.get("", response_model=Alerts)
def current(_query: Annotated[NoQuery, Query()]) -> Response:
    """What is out of order now; a worker looks each minute, and whether one lives is looked at now."""
    found = [
        ShownAlert(
            kind=alert.kind,
            severity=alert.severity,
            since=alert.since,
            message=sentence(alert.kind, alert.details, "en"),
            details=alert.details,
        )
        for alert in alerts.current()
    ]
    return answer(Alerts(alerts=found, count=len(found)))
