"""One series in full: what it does, its next instants; and the dialogs that pause, resume and end it."""

from uuid import UUID

import streamlit as st

from core import series
from core.series import Series
from pages.parts import facts, notices, problems, table, times
from pages.parts.acting import actor
from pages.parts.confirming import confirmed, dangerous
from pages.parts.language import _, marked
from pages.parts.lateness import POLICIES
from pages.parts.notices import fresh_key, toast_later
from pages.parts.numbers import number
from pages.parts.rewording import reworded
from pages.parts.series_fields import MISSED
from pages.parts.series_form import listed
from pages.parts.words import of_series, plain, repeats, title_of_cron

ASKED = {
    "pause": (
        marked("Pause this series?"),
        marked("What it has pending is cancelled, and nothing is planned until it is resumed."),
        marked("Pause"),
    ),
    "resume": (
        marked("Resume this series?"),
        marked("Its next run is planned. What it would have done in the meantime is not made up for."),
        marked("Resume"),
    ),
    "end": (
        marked("End this series?"),
        marked("What it has pending is cancelled, and it plans nothing any more. This cannot be undone."),
        marked("End"),
    ),
}
VERBS = {"pause": series.pause, "resume": series.resume, "end": series.end}


def one_series(series_id: UUID) -> None:
    """Shows the series of that id.

    Raises:
        NotFound, Unavailable.
    """
    one = series.get(series_id)
    said = repeats(one)
    facts.heading(title_of_cron(one.cron_name), said)
    with st.container(horizontal=True):
        identifier = str(one.id)
        if one.status != "ended" and st.button(_("Change")):
            notices.go("series", change=identifier)
        if st.button(_("Duplicate")):
            notices.go("series", new=one.cron_name, like=identifier)
        if one.status == "active":
            st.button(_("Pause"), on_click=notices.ask, args=("pause", identifier))
        elif one.status == "paused":
            st.button(_("Resume"), type="primary", on_click=notices.ask, args=("resume", identifier))
        if one.status != "ended":
            st.button(dangerous(_("End")), on_click=notices.ask, args=("end", identifier))
    _facts(one)
    facts.parameters(one.parameters, one.cron_name)
    if one.status == "active":
        _ahead(one)


def _facts(one: Series) -> None:
    following = series.next_of([one.id]).get(one.id)
    ahead = []
    if following:
        go = table.to("scheduled", id=str(following.schedule_id))
        ahead = [table.countdown(following.at), table.text(times.day_and_time(following.at), go=go)]
    late = []
    if one.fire_within:
        within = _("at most {} late").format(times.spelled_out(one.fire_within))
        late = [table.text(within), table.text(_(POLICIES[one.late_policy]), quiet=True)]
    excluded = ", ".join(times.date_in_words(day) for day in one.excluded_dates)
    count = number(one.repeat_count) if one.repeat_count else None
    facts.facts(
        "one series",
        [
            (_("Status"), [table.badge(one.status, of_series(one.status))]),
            (_("Problem"), [table.text(reworded(one.error_message), bad=True)] if one.error_message else []),
            (_("Next"), ahead),
            (_("Cron"), facts.cron(one.cron_name)),
            (_("Time zone"), [table.text(one.timezone)]),
            (_("Begins"), facts.instant(one.first) if one.first else []),
            (_("Until"), facts.instant(one.repeat_until) if one.repeat_until else []),
            (_("Number of runs"), [table.text(count)] if count else []),
            (_("Planned so far"), [table.text(number(one.planned))]),
            (_("Except on"), [table.text(excluded)] if excluded else []),
            (_("Deadline"), late),
            (_("After an outage it runs"), [table.text(_(MISSED[one.missed]))]),
            (_("Planned by"), [table.text(one.created_by or "–")]),
            (_("Changed by"), _changed_by(one)),
            (_("Identifier"), [table.text(str(one.id), mono=True, quiet=True)]),
        ],
    )


def _changed_by(one: Series) -> list[table.Part]:
    if one.changed_at is None:
        return []
    return [table.text(one.changed_by or "–"), table.text(times.day_and_time(one.changed_at), quiet=True)]


def _ahead(one: Series) -> None:
    st.subheader(_("After the next one"), anchor=False)
    instants = series.ahead(one)
    if instants:
        st.markdown(listed(instants, one.timezone))
    else:
        st.caption(_("None: the next one is the last."))


def change_series(verb: str, series_id: UUID) -> None:
    """Opens the dialog that pauses, resumes or ends a series.

    Raises:
        NotFound, Unavailable.
    """
    one = series.get(series_id)
    st.dialog(_(ASKED[verb][0]))(_change)(verb, one, fresh_key(verb))


def _change(verb: str, one: Series, key: str) -> None:
    said = repeats(one)
    st.markdown(f"**{plain(title_of_cron(one.cron_name))}**, {plain(said)}")
    st.markdown(_(ASKED[verb][1]))
    if confirmed(_(ASKED[verb][2]), key, danger=verb == "end"):
        with problems.told():
            VERBS[verb](actor(), one.id)
            done = {
                "pause": _("The series is paused."),
                "resume": _("The series goes on."),
                "end": _("The series has ended."),
            }
            toast_later(done[verb])
            st.rerun()
