"""What was planned together: how it stands, and its undoing as one."""

from uuid import UUID

import streamlit as st

from core import bulk, schedules, undo
from core.schedules import STATUSES, Filter, Schedule
from pages.parts import notices, problems, table, times, words
from pages.parts.acting import actor
from pages.parts.confirming import dangerous
from pages.parts.language import _, ngettext
from pages.parts.numbers import number
from pages.parts.parameters import listed
from pages.parts.standing import standing
from pages.parts.taking_back import offer_act

REFRESH_SECONDS = 3
SHOWN = 100


def one_batch(batch_id: UUID) -> None:
    """Shows the schedules of a batch."""
    if st.button(_("Plan more at once"), icon=":material/arrow_back:", type="tertiary"):
        notices.go("bulk")
    st.title(_("Planned together"), anchor=False)
    _state(batch_id)


@st.fragment(run_every=REFRESH_SECONDS)
def _state(batch_id: UUID) -> None:
    with problems.told():
        counts = bulk.count_by_status(Filter(batch_id=batch_id))
        total = sum(counts.values())
        if not total:
            st.info(_("There is no such batch (any more)."))
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            told = ngettext("{} run", "{} runs", total).format(number(total))
            by_status = [
                _("{status}: {count}").format(status=words.of_schedule(status), count=number(counts[status]))
                for status in STATUSES
                if counts.get(status)
            ]
            st.markdown(f"**{told}** · " + " · ".join(by_status), width="stretch")
            _undoing(batch_id, counts.get("pending", 0))
        found = _next_ones(batch_id)
        columns = [
            table.Column("left", _("Status"), "narrow"),
            table.Column("when", _("When"), "narrow"),
            table.Column("cron", _("Cron"), heads=True),
            table.Column("parameters", _("Parameters"), "clip"),
        ]
        table.table("batch", _("Planned together"), columns, [_row(schedule) for schedule in found])
        if total > len(found):
            more = total - len(found)
            st.caption(ngettext("… and {} more", "… and {} more", more).format(number(more)))


def _next_ones(batch_id: UUID) -> list[Schedule]:
    """Those to come, the next first; where there is room, the latest of the others before them."""
    found = schedules.find(Filter(status="pending", batch_id=batch_id), limit=SHOWN).rows
    if len(found) < SHOWN:
        latest = schedules.find(Filter(batch_id=batch_id), limit=SHOWN).rows
        others = [schedule for schedule in latest if schedule.status != "pending"]
        found += others[: SHOWN - len(found)]
    return sorted(found, key=lambda schedule: (schedule.scheduled_at, schedule.id))


def _undoing(batch_id: UUID, pending: int) -> None:
    label = ngettext("Undo: cancel the {} pending one", "Undo: cancel the {} pending ones", pending)
    label = label.format(number(pending))
    if pending and st.button(dangerous(label), icon=":material/undo:", key="undo batch"):
        with st.spinner(label):
            act = undo.undo_batch(actor(), batch_id)
        told = ngettext("{} run cancelled.", "{} runs cancelled.", act.changed).format(number(act.changed))
        offer_act(act, told)
        st.rerun()


def _row(schedule: Schedule) -> table.Row:
    title, when = words.title_of_cron(schedule.cron_name), times.day_and_time(schedule.scheduled_at)
    return table.Row(
        id=str(schedule.id),
        name=f"{title}, {when}",
        cells={
            "left": standing(schedule),
            "when": [table.text(when, go=table.to("scheduled", id=str(schedule.id)))],
            "cron": [table.text(title, strong=True)],
            "parameters": listed(schedule.parameters),
        },
    )
