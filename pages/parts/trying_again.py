"""Try a failed run again."""

from uuid import UUID

from core import schedules
from core.errors import CrondeskError
from core.schedules import Schedule
from pages.parts import problems, words
from pages.parts.acting import actor
from pages.parts.language import _
from pages.parts.notices import toast_later


def may_be_tried_again(schedule: Schedule) -> bool:
    """Whether it has failed and nobody has tried it again."""
    return schedule.status == "failed" and schedule.retried_by is None


def try_again(schedule_id: UUID) -> Schedule | None:
    """Tries it again, and says in a toast what came of that; returns the new one, where there is one."""
    try:
        again = schedules.try_again(actor(), schedule_id)
    except CrondeskError as error:
        toast_later(problems.sentence_of(error))
        return None
    toast_later(_("It is tried again now: {cron}.").format(cron=words.title_of_cron(again.cron_name)))
    return again
