"""How things went: what ended and how, how long it took, how late it was, and what is next."""

from datetime import timedelta

import streamlit as st

from core import alerts, metrics, overview, schedules
from core.metrics import Window
from core.notifications.message import sentence
from core.schedules import Filter
from core.settings import settings
from pages.parts import length_charts, metric_charts, problems, table, times, words
from pages.parts.figures import number, percent, plain_figures
from pages.parts.language import _, language, ngettext
from pages.parts.period import window
from pages.parts.worker_away import worker_away

REFRESH_SECONDS = 60
IMMINENT = timedelta(hours=1)
IMMINENT_SHOWN = 8


def page() -> None:
    """Shows the page."""
    st.title(_("Metrics"), anchor=False)
    with problems.page():
        with st.container(horizontal=True, vertical_alignment="center"):
            chosen = window(overview.clock())
        _alerts()
        _charts(chosen)
        _imminent(chosen.cron_name)


@st.fragment(run_every=REFRESH_SECONDS)
def _alerts() -> None:
    with problems.told():
        looks = {"critical": st.error, "warning": st.warning, "info": st.info}
        icons = {"critical": ":material/error:", "warning": ":material/warning:", "info": ":material/info:"}
        found = alerts.current()
        for alert in found:
            told = sentence(alert.kind, alert.details, language())
            if alert.since:
                told = _("{alert}, since {when}").format(alert=told, when=times.day_and_time(alert.since))
            if alert.kind == "no_worker":
                told = worker_away()
            looks[alert.severity](words.plain(told[:1].upper() + told[1:]), icon=icons[alert.severity])
        if not found:
            st.caption(_("No alert: a worker is alive, nothing is overdue, and runs start in time."))


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
    decided = ran.get("completed", 0) + ran.get("failed", 0)
    listed: list[dict[str, object]] = [
        {"label": _("Executions"), "value": number(sum(ran.values())), "note": _("ended")},
        *(_counted(words.of_execution(status), status, ran) for status in ("completed", "failed")),
        {"label": _("Success"), "value": percent(ran.get("completed", 0) / decided) if decided else "–"},
        _counted(words.of_schedule("triggered"), "triggered", fired, _("planned runs")),
        _counted(words.of_schedule("failed"), "failed", fired, _("planned runs")),
        _counted(words.of_schedule("cancelled"), "cancelled", fired, _("planned runs")),
        {
            "label": _("Lateness, p95"),
            "value": times.lasted(late.p95) if late else "–",
            "note": _("target {}").format(times.lasted(settings().lateness_target_ms / 1000)),
        },
    ]
    plain_figures("counts", listed)


def _counted(label: str, status: str, found: dict[str, int], note: str | None = None) -> dict[str, object]:
    colour = words.COLOURS[status]
    return {"label": label, "colour": colour, "value": number(found.get(status, 0)), "note": note}


@st.fragment(run_every=REFRESH_SECONDS)
def _imminent(cron_name: str | None) -> None:
    with problems.told():
        st.header(_("Within the next hour"), anchor=False)
        until = overview.clock() + IMMINENT
        wanted = Filter(status="pending", cron_name=cron_name, until=until)
        found = schedules.find(wanted, limit=IMMINENT_SHOWN)
        if not found.rows:
            st.caption(_("Nothing is planned for the next hour."))
            return
        how_many = number(found.count, found.count_is_estimate)
        st.caption(ngettext("{} planned run", "{} planned runs", found.count).format(how_many))
        columns = [
            table.Column("left", _("In"), "narrow"),
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
