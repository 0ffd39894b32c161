"""Series: make schedules again and again; pause, resume and end them."""

from core.series.changing import end, pause, resume
from core.series.making import MAX_EXCLUDED, create, preview
from core.series.occurrences import to_plan, upcoming
from core.series.reading import (
    blackouts_of,
    count,
    fetch_blackouts,
    find,
    first_of,
    get,
    made_with,
    next_of,
    repeats_of,
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
    "MAX_EXCLUDED",
    "PREVIEWED",
    "Blackout",
    "Missed",
    "Repeats",
    "Series",
    "Status",
    "Upcoming",
    "blackouts_of",
    "count",
    "create",
    "end",
    "fetch_blackouts",
    "find",
    "first_of",
    "get",
    "made_with",
    "next_of",
    "pause",
    "preview",
    "repeats_of",
    "resume",
    "to_plan",
    "upcoming",
]
