"""Schedules: plan, find, move, cancel; each verb is a statement or a transaction; the database decides."""

from core.schedules.changing import cancel, change, decide
from core.schedules.planning import plan, plan_each
from core.schedules.planning_many import plan_many
from core.schedules.reading import conditions_of, find, get
from core.schedules.records import (
    HELD_UNTIL,
    LATE_POLICIES,
    MAX_BATCH,
    STATUSES,
    Filter,
    LatePolicy,
    OwnPlan,
    Plan,
    Schedule,
    Status,
)
from core.schedules.settling import mark_failed, mark_triggered
from core.schedules.trying_again import try_again

__all__ = [
    "HELD_UNTIL",
    "LATE_POLICIES",
    "MAX_BATCH",
    "STATUSES",
    "Filter",
    "LatePolicy",
    "OwnPlan",
    "Plan",
    "Schedule",
    "Status",
    "cancel",
    "change",
    "conditions_of",
    "decide",
    "find",
    "get",
    "mark_failed",
    "mark_triggered",
    "plan",
    "plan_each",
    "plan_many",
    "try_again",
]
