"""How a planned run stands, in a list: its status, and the time to go or the way to its decision."""

from core.schedules import Schedule
from pages.parts import table, words
from pages.parts.language import _


def is_held(schedule: Schedule) -> bool:
    """Whether it waits for a person to decide if it still runs."""
    return schedule.status == "pending" and schedule.held_at is not None


def badge(schedule: Schedule) -> table.Part:
    """Its status in its colour; what is held says so."""
    state = "held" if is_held(schedule) else schedule.status
    return table.badge(state, words.of_schedule(state))


def time_left(schedule: Schedule) -> list[table.Part]:
    """The time to go of a pending one; of one that is held the way to where it is decided."""
    if is_held(schedule):
        return [badge(schedule), table.text(_("Decide"), go=table.to("scheduled", id=str(schedule.id)))]
    return [table.countdown(schedule.scheduled_at)]


def standing(schedule: Schedule) -> list[table.Part]:
    """Its status, and below it the time to go while it is pending."""
    if is_held(schedule):
        return time_left(schedule)
    left = [table.countdown(schedule.scheduled_at, alone=True)] if schedule.status == "pending" else []
    return [badge(schedule), *left]
