"""What could not run in time and waits for a person to decide: run it late, or not at all."""

from uuid import UUID

import streamlit as st

from core import schedules
from core.errors import CrondeskError
from core.schedules import Filter, Schedule
from pages.parts import problems, table, times, words
from pages.parts.acting import actor
from pages.parts.language import _
from pages.parts.notices import toast_later
from pages.parts.parameters import listed

REFRESH_SECONDS = 3
SHOWN = 200
HELD = Filter(status="pending", held=True)


def held_count() -> int:
    """How many wait for a decision."""
    return schedules.find(HELD, limit=1).count


@st.fragment(run_every=REFRESH_SECONDS)
def held_list() -> None:
    """Shows them, each with its two answers."""
    with problems.told():
        found = schedules.find(HELD, limit=SHOWN).rows
        if not found:
            st.info(_("Nothing is too late: there is nothing to decide."))
            return
        st.caption(_("These could not run before their deadline. They wait until you decide."))
        columns = [
            table.Column("cron", _("Cron"), heads=True),
            table.Column("when", _("When"), "narrow"),
            table.Column("deadline", _("Deadline"), "narrow"),
            table.Column("parameters", _("Parameters"), "clip"),
            table.actions_column(),
        ]
        table.table("held", _("Too late: decide"), columns, [_row(one) for one in found], decide)


def _row(schedule: Schedule) -> table.Row:
    title, when = words.title_of_cron(schedule.cron_name), times.day_and_time(schedule.scheduled_at)
    deadline = [table.text("–", quiet=True)]
    if schedule.not_after:
        deadline = [table.text(times.day_and_time(schedule.not_after)), table.ago(schedule.not_after)]
    return table.Row(
        id=str(schedule.id),
        name=f"{title}, {when}",
        cells={
            "cron": [table.text(title, strong=True)],
            "when": [table.text(when, go=table.to("scheduled", id=str(schedule.id)))],
            "deadline": deadline,
            "parameters": listed(schedule.parameters),
            "actions": [
                table.actions(
                    table.action("fire", _("Run now"), look="main"),
                    table.action("drop", _("Drop it"), look="danger"),
                )
            ],
        },
    )


def decide(answer: str, schedule_id: str) -> None:
    try:
        decided = schedules.decide(actor(), UUID(schedule_id), fire=answer == "fire")
    except CrondeskError as error:
        toast_later(problems.sentence_of(error))
    else:
        told = _("It runs now: {cron}.") if answer == "fire" else _("Dropped: {cron}.")
        toast_later(told.format(cron=words.title_of_cron(decided.cron_name)))
    st.rerun()
