"""Series: make schedules again and again; change, pause, resume and end them."""

from core.series.changing import Changes, change, end, pause, preview_change, resume
from core.series.checking import MAX_COUNT, MAX_EXCLUDED
from core.series.making import create, preview
from core.series.occurrences import to_plan, upcoming
from core.series.planning import ahead
from core.series.reading import (
    blackouts_of,
    count,
    fetch_blackouts,
    fetch_touched,
    find,
    first_of,
    get,
    made_with,
    next_of,
    repeats_of,
    touched_of,
)
from core.series.records import (
    COLUMNS,
    PREVIEWED,
    Blackout,
    Missed,
    Repeats,
    Series,
    Status,
    Upcoming,
)

__all__ = [
    "COLUMNS",
    "MAX_COUNT",
    "MAX_EXCLUDED",
    "PREVIEWED",
    "Blackout",
    "Changes",
    "Missed",
    "Repeats",
    "Series",
    "Status",
    "Upcoming",
    "ahead",
    "blackouts_of",
    "change",
    "count",
    "create",
    "end",
    "fetch_blackouts",
    "fetch_touched",
    "find",
    "first_of",
    "get",
    "made_with",
    "next_of",
    "pause",
    "preview",
    "preview_change",
    "repeats_of",
    "resume",
    "to_plan",
    "touched_of",
    "upcoming",
]
