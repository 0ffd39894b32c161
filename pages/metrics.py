"""How things went: what ended and how, how long it took, how late it was, and what is next."""

from datetime import timedelta

import streamlit as st

from core import database, metrics, schedules
from core.metrics import Window
from core.schedules import Filter
from core.settings import settings
from pages.parts import length_charts, metric_charts, problems, table, times, words
from pages.parts.alert_list import alert_list
from pages.parts.figures import plain_figures
from pages.parts.language import _, ngettext
from pages.parts.numbers import number, percent
from pages.parts.period import window

REFRESH_SECONDS = 60
IMMINENT = timedelta(hours=1)
IMMINENT_SHOWN = 8


def page() -> None:
    """Shows the page."""
    st.title(_("Metrics"), anchor=False)
    with problems.page():
        with st.container(horizontal=True, key="filters"):
            chosen = window(database.clock())
        alert_list()
        _charts(chosen)
        _imminent(chosen.cron_name)


@st.fragment(run_every=REFRESH_SECONDS)
def _charts(chosen: Window) -> None:
    with problems.told():
        _figures(chosen)
        found = metrics.over_time(chosen)
        left, right = st.columns(2)
        with left:
            metric_charts.ended(chosen, found)
        with right:
            metric_charts.success(chosen, found)
        left, right = st.columns(2)
        with left:
            target = settings().lateness_target_ms / 1000
            length_charts.lateness(chosen, metrics.lateness(chosen), target)
        with right:
            length_charts.durations(metrics.durations(chosen))
        metric_charts.hours_of_day(metrics.by_hour_of_day(chosen))


def _figures(chosen: Window) -> None:
    ran, fired = metrics.counts(chosen, "execution"), metrics.counts(chosen, "schedule")
    late = metrics.total_lateness(chosen)
    completed, failed = (ran.get(status, 0) for status in ("completed", "failed"))
    triggered, unfired, cancelled = (fired.get(status, 0) for status in ("triggered", "failed", "cancelled"))
    decided = completed + failed
    listed: list[dict[str, object]] = [
        {"label": _("Executions"), "value": number(sum(ran.values())), "note": _("ended")},
        # A status has one form in English; in French it agrees with the count.
        _counted("completed", completed, ngettext("Completed", "Completed", completed)),
        _counted("failed", failed, ngettext("Failed", "Failed", failed)),
        {"label": _("Success"), "value": percent(completed / decided) if decided else "–"},
        _counted("triggered", triggered, ngettext("Triggered schedule", "Triggered schedules", triggered)),
        _counted("failed", unfired, ngettext("Failed schedule", "Failed schedules", unfired)),
        _counted("cancelled", cancelled, ngettext("Cancelled schedule", "Cancelled schedules", cancelled)),
        {
            "label": _("Lateness, p95"),
            "value": times.lasted(late.p95) if late else "–",
            "note": _("target {}").format(times.lasted(settings().lateness_target_ms / 1000)),
        },
    ]
    plain_figures("counts", listed)


def _counted(status: str, count: int, label: str) -> dict[str, object]:
    return {"label": label, "colour": words.COLOURS[status], "value": number(count)}


@st.fragment(run_every=REFRESH_SECONDS)
def _imminent(cron_name: str | None) -> None:
    with problems.told():
        st.header(_("Within the next hour"), anchor=False)
        until = database.clock() + IMMINENT
        wanted = Filter(status="pending", cron_name=cron_name, due_before=until)
        found = schedules.find(wanted, limit=IMMINENT_SHOWN)
        if not found.rows:
            st.caption(_("Nothing is planned for the next hour."))
            return
        how_many = number(found.count, found.count_is_estimate)
        st.caption(ngettext("{} planned run", "{} planned runs", found.count).format(how_many))
        columns = [
            table.Column("left", _("Starts"), "narrow"),
            table.Column("when", _("When"), "narrow"),
            table.Column("cron", _("Cron"), heads=True),
            table.Column("by", _("Planned by"), "narrow"),
        ]
        rows = [_row(schedule) for schedule in found.rows]
        table.table("imminent", _("Within the next hour"), columns, rows)
        if found.count > len(rows):
            st.page_link("scheduled.py", label=_("All planned runs"), icon=":material/arrow_forward:")


def _row(schedule: schedules.Schedule) -> table.Row:
    title = words.title_of_cron(schedule.cron_name)
    when = times.day_and_time(schedule.scheduled_at)
    return table.Row(
        id=str(schedule.id),
        name=f"{title}, {when}",
        cells={
            "left": [table.countdown(schedule.scheduled_at)],
            "when": [table.text(when, go=table.to("scheduled", id=str(schedule.id)))],
            "cron": [table.text(title, strong=True)],
            "by": [table.text(schedule.created_by or "–", quiet=True)],
        },
    )


page()
