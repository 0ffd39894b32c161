"""Series: what makes runs again and again; what is held for a decision; and blackouts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import streamlit as st

from core import series
from core.series import Series
from pages.parts import filters, notices, problems, table, times, words
from pages.parts.address import identifier
from pages.parts.blackout_list import add_blackout, blackout_list, import_blackouts, remove_blackout
from pages.parts.held_list import held_count, held_list
from pages.parts.language import _, marked, ngettext
from pages.parts.numbers import number
from pages.parts.one_series import change_series, one_series
from pages.parts.rewording import reworded
from pages.parts.series_form import begin_anew, changed_series, new_series

REFRESH_SECONDS = 5
SHOWN = 1000
NEVER = datetime.max.replace(tzinfo=UTC)
VIEWS = {"series": marked("Series"), "held": marked("Too late: decide"), "blackouts": marked("Blackouts")}


def page() -> None:
    """Shows the page."""
    notices.answer(
        {
            "pause": lambda given: change_series("pause", UUID(given)),
            "resume": lambda given: change_series("resume", UUID(given)),
            "end": lambda given: change_series("end", UUID(given)),
            "add_blackout": add_blackout,
            "import_blackouts": import_blackouts,
            "remove_blackout": lambda given: remove_blackout(UUID(given)),
        }
    )
    asked = st.query_params
    if asked.get("id") or asked.get("change") or "new" in asked:
        with problems.page(_("Series")):
            _one(asked)
    else:
        with problems.page():
            _list()


def _one(asked: Mapping[str, str]) -> None:
    if "new" in asked:
        _back()
        like = asked.get("like")
        new_series(asked["new"] or None, identifier(like, "series") if like else None)
    elif wanted := asked.get("change"):
        _back_to(wanted)
        changed_series(identifier(wanted, "series"))
    else:
        _back()
        begin_anew()
        one_series(identifier(asked["id"], "series"))


def _back() -> None:
    if st.button(_("All series"), icon=":material/arrow_back:", type="tertiary"):
        notices.go("series")


def _back_to(series_id: str) -> None:
    if st.button(_("Back to the series"), icon=":material/arrow_back:", type="tertiary"):
        notices.go("series", id=series_id)


def _list() -> None:
    begin_anew()
    st.title(_("Series"), anchor=False)
    labels = {view: _(label) for view, label in VIEWS.items()}
    waiting = held_count()
    if waiting:
        labels["held"] += f" ({number(waiting)})"
    view = filters.choice("view", _("View"), labels, "series")
    if view == "held":
        held_list()
    elif view == "blackouts":
        blackout_list()
    else:
        _series()


def _series() -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="filters"):
        status = filters.choice("status", _("Status"), {"all": _("All"), **_statuses()}, "all")
        cron = filters.cron()
        if st.button(_("New series"), type="primary", icon=":material/add:"):
            notices.go("series", new=cron or "")
    _rows(status, cron)


def _statuses() -> dict[str, str]:
    return {status: _(word) for status, word in words.SERIES.items()}


@st.fragment(run_every=REFRESH_SECONDS)
def _rows(status: str, cron: str | None) -> None:
    with problems.told():
        chosen = next((known for known in ("active", "paused", "ended") if known == status), None)
        found = series.find(cron_name=cron, status=chosen, limit=SHOWN)
        if not found:
            st.info(_("There is no series here. Press New series to let a cron run again and again."))
            return
        st.caption(ngettext("{} series", "{} series", len(found)).format(number(len(found))))
        ahead = series.next_of([one.id for one in found])
        columns = [
            table.Column("status", _("Status"), "narrow"),
            table.Column("what", _("Cron"), heads=True),
            table.Column("when", _("Repeats"), ""),
            table.Column("next", _("Next"), "narrow"),
            table.Column("planned", _("Planned so far"), "number"),
            table.actions_column(),
        ]
        # What runs next stands first; what is paused or has ended comes after what is active.
        found.sort(key=lambda one: (_place(one), ahead[one.id].at if one.id in ahead else NEVER))
        rows = [_row(one, ahead.get(one.id)) for one in found]
        table.table("series", _("Series"), columns, rows, notices.ask)


def _place(one: Series) -> int:
    return list(words.SERIES).index(one.status)


def _row(one: Series, following: series.Upcoming | None) -> table.Row:
    title = words.title_of_cron(one.cron_name)
    said = words.capital(words.repeats(one))
    ahead: list[table.Part] = [table.text("–", quiet=True)]
    if following:
        go = table.to("scheduled", id=str(following.schedule_id))
        ahead = [table.countdown(following.at), table.text(times.day_and_time(following.at), go=go)]
    planned = number(one.planned)
    if one.repeat_count:
        planned = _("{planned} of {count}").format(planned=planned, count=number(one.repeat_count))
    problem = [table.text(reworded(one.error_message), bad=True)] if one.error_message else []
    return table.Row(
        id=str(one.id),
        name=f"{title}, {said}",
        cells={
            "status": [table.badge(one.status, words.of_series(one.status))],
            "what": [table.text(title, strong=True, go=table.to("series", id=str(one.id)))],
            "when": [table.text(said), *problem],
            "next": ahead,
            "planned": [table.text(planned)],
            "actions": _actions(one),
        },
    )


def _actions(one: Series) -> list[table.Part]:
    if one.status == "ended":
        return []
    swap = (
        table.action("pause", _("Pause")) if one.status == "active" else table.action("resume", _("Resume"))
    )
    return [table.actions(swap, table.action("end", _("End"), look="danger"))]


page()
