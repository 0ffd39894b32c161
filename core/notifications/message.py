"""Makes the message that a person reads from what was known when it happened."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from core.catalogue import catalogue
from core.notifications import links
from core.notifications.delivery import Due
from core.notifications.kinds import Kind, Language
from core.notifications.sending import Message, Severity
from core.notifications.wording import ALERTS, LINES, TITLES
from core.settings import settings

MAX_VALUE = 500
MAX_TITLE = 200
# Line breaks of every kind, and what would turn the direction of the text around.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")
# What makes chat services call everybody.
CALLS = re.compile(r"@(?=everyone|here|channel|all\b)|<(?=[!@#])", re.IGNORECASE)
SEVERITY: dict[Kind, Severity] = {
    "failed": "failure",
    "missed": "warning",
    "slow": "warning",
    "completed": "success",
    "recovered": "success",
}


def message_of(due: Due) -> Message:
    """The message for a row of the outbox, in its rule's language and zone."""
    values = due.details
    title = TITLES[_heading(due.kind, values)].in_language(due.language)
    if due.kind == "alert":
        title = title.format(alert=sentence(values["alert"], values, due.language))
    else:
        time = _instant(values["scheduled_at"], due, "HH:mm") if "scheduled_at" in values else ""
        title = title.format(cron=_title(due), time=time)
    body = "\n".join(_lines(due)) or title
    severity = SEVERITY.get(due.kind, "info")
    if due.kind == "alert":
        severity = "success" if "until" in values else "warning"
    return Message(one_line(title, MAX_TITLE), body, severity)


def _heading(kind: Kind, values: dict[str, Any]) -> str:
    if kind == "alert":
        return "cleared" if "until" in values else "raised"
    if kind == "missed" and values.get("paused"):
        return "paused"
    if kind == "missed" and values.get("held"):
        return "held"
    if kind == "slow" and not values.get("finished_at"):
        return "taking"
    return kind


def sentence(alert: str, details: dict[str, Any], language: Language) -> str:
    """An alert in words, such as '7 runs failed within 24 hours'."""
    wording = ALERTS.get(alert)
    if wording is None:
        return alert
    figures = {
        name: details.get(name, "?")
        for name in ("count", "hours", "minutes", "overdue", "p99_ms", "target_ms")
    }
    return wording.in_language(language).format(**figures)


def one_line(value: object, longest: int = MAX_VALUE) -> str:
    """A value from outside as one harmless line: no line breaks, no calls to everybody."""
    text = UNPRINTABLE.sub(" ", str(value)).strip()
    text = CALLS.sub(lambda match: match[0] + "\u200b", text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _lines(due: Due) -> Iterator[str]:
    values = due.details

    def line(name: str, value: object) -> str:
        return LINES[name].in_language(due.language).format(one_line(value))

    for name in ("scheduled_at", "triggered_at", "started_at", "since", "until"):
        if values.get(name):
            yield line(name, _instant(values[name], due, "d MMM y, HH:mm:ss"))
    if values.get("started_at") and values.get("finished_at"):
        lasted = datetime.fromisoformat(values["finished_at"]) - datetime.fromisoformat(values["started_at"])
        yield line("took", _seconds(lasted.total_seconds()))
    if due.kind == "slow":
        yield line("usual_seconds", _seconds(values["usual_seconds"]))
    for name in ("error", "exit_code", "attempts", "created_by", "by"):
        if values.get(name) is not None:
            yield line(name, values[name])
    if due.kind in ("failed", "recovered") and values.get("failures"):
        yield line("failures" if due.kind == "failed" else "failures_before", values["failures"])
    if due.kind == "reminder":
        for action in links.ACTIONS:
            # Not through one_line: an address is ours, and must stay whole.
            yield LINES[action].in_language(due.language).format(links.address_of(due.id, action))
    if due.cron_name is not None:
        page, query = _page(due)
        address = f"{settings().public_address}/{page}?{urlencode(query)}"
        yield LINES["page"].in_language(due.language).format(address)


def _page(due: Due) -> tuple[str, dict[str, Any]]:
    """Where the dashboard shows what it is about."""
    if due.details.get("paused"):
        return "series", {"cron": due.cron_name}
    if due.execution_id is not None:
        return "executions", {"id": due.execution_id}
    if due.schedule_id is not None:
        return "scheduled", {"id": due.schedule_id}
    return "scheduled", {"cron": due.cron_name}


def _title(due: Due) -> str:
    cron = catalogue().crons.get(due.cron_name or "")
    return one_line(cron.title.in_language(due.language) if cron else due.cron_name or "", MAX_TITLE // 2)


def _instant(iso: str, due: Due, pattern: str) -> str:
    zone = ZoneInfo(due.timezone)
    at = datetime.fromisoformat(iso).astimezone(zone)
    return f"{format_datetime(at, pattern, tzinfo=zone, locale=due.language)} ({due.timezone})"


def _seconds(seconds: float) -> str:
    minutes, rest = divmod(float(seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {round(rest)} s" if minutes else f"{rest:.1f} s"
