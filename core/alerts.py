"""Alerts: what is out of order with the whole, as it was noted and as it is seen where no worker is left."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Interval, case, cast, column, func, literal, select

from core import series
from core.database import reading
from core.forecast import count_until
from core.notifications.tables import alerts
from core.notifications.watching import PLANNED_WITHIN
from core.settings import settings
from core.workers import any_alive, pulse

Kind = Literal["failures", "stalled", "no_worker", "busy", "lateness"]
Severity = Literal["critical", "warning", "info"]
SEVERITY: dict[Kind, Severity] = {
    "no_worker": "critical",
    "stalled": "critical",
    "failures": "warning",
    "lateness": "warning",
    "busy": "info",
}


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is out of order, or worth knowing.

    Attributes:
        since: since when; of 'no_worker' the last sign of life of any; None where there never was one.
        details: figures: 'count' and 'hours', 'overdue' and 'minutes', or 'p99_ms' and 'target_ms'.
    """

    kind: Kind
    severity: Severity
    since: datetime | None
    details: dict[str, Any]


def current() -> list[Alert]:
    """The alerts of now, the worst first.

    Raises:
        Unavailable.
    """
    if any_alive():
        return _noted()
    beats = pulse()
    # Whoever asks sees it at once, and what was noted may be old.
    return [Alert("no_worker", "critical", beats.last_beat_at, {}), *_seen(beats.now)]


def _noted() -> list[Alert]:
    worst_first = case({"critical": 0, "warning": 1}, value=alerts.c.severity, else_=2)
    found = (
        select(alerts.c.kind, alerts.c.severity, alerts.c.since, alerts.c.details)
        # A worker that has just come has not said yet that it is there.
        .where(alerts.c.until.is_(None), alerts.c.kind != "no_worker")
        .order_by(worst_first, alerts.c.since)
    )
    with reading() as connection:
        return [Alert(*row) for row in connection.execute(found)]


def _seen(now: datetime) -> list[Alert]:
    active = series.find(status="active")
    planned = count_until(active, series.blackouts_of(after=now), now, now + PLANNED_WITHIN) if active else 0
    target = cast(literal(timedelta(milliseconds=settings().lateness_target_ms)), Interval)
    conditions = func.crondesk_alert_conditions(target, planned).table_valued(
        column("kind"), column("severity"), column("details", alerts.c.details.type)
    )
    open_ones = alerts.alias("open_ones")
    found = select(
        conditions.c.kind, conditions.c.severity, open_ones.c.since, conditions.c.details
    ).select_from(
        conditions.outerjoin(open_ones, (open_ones.c.kind == conditions.c.kind) & open_ones.c.until.is_(None))
    )
    order = list(SEVERITY)
    with reading() as connection:
        seen = [Alert(*row) for row in connection.execute(found)]
    return sorted(seen, key=lambda alert: order.index(alert.kind))
