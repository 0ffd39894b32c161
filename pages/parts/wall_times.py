"""Wall-clock times that bound a stretch of time: they always name an instant."""

from datetime import datetime, time, timedelta

import streamlit as st

from core.wallclock import instant_of
from pages.parts import times
from pages.parts.date_field import EARLIEST, LATEST
from pages.parts.language import _
from pages.parts.remembered import remembered


def instant_of_wall(wall: datetime, which: int) -> datetime:
    """The instant of a time by the browser's clock.

    Args:
        wall: naive.
        which: of two instants 0 takes the first, for a beginning, and -1 the second, for an end.
            Where the clocks jump over it, it is the first instant after their jump.
    """
    return instant_of(wall, times.browser_zone(), which)


def stretch_fields(begin: datetime, end: datetime, key: str) -> tuple[datetime, datetime]:
    """Two fields by the browser's clock.

    Args:
        begin: what the first shows at first; naive.
        end: the same of the second.
        key: names the fields.

    Returns:
        The first instant of the stretch, and the one after its last.
    """
    zone = times.browser_zone().key
    labels = {"from": _("From ({zone})"), "until": _("Until ({zone})")}
    walls = []
    with st.container(horizontal=True):
        for (name, label), start in zip(labels.items(), (begin, end), strict=True):
            walls.append(
                st.datetime_input(
                    label.format(zone=zone),
                    value=remembered(f"{key} {name}", start),
                    # By itself it throws away what lies more than ten years off, and says nothing.
                    min_value=datetime.combine(EARLIEST, time()),
                    max_value=datetime.combine(LATEST, time()),
                    key=f"{key} {name}",
                    persist_state="page",
                    format=times.date_format(),
                    step=timedelta(minutes=1),
                )
            )
    return instant_of_wall(walls[0], 0), instant_of_wall(walls[1], -1)
