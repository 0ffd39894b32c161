"""A chart as all pages show it: in the colours of the badges, as a table too, and to be taken away as CSV."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from core import wallclock
from core.metrics import Step, Window
from pages.parts import times
from pages.parts.language import _, language
from pages.parts.words import COLOURS

HEIGHT = 240
# Streamlit's theme leaves a quarter of a chart empty below its axis and above its legend.
PADDING = {"left": 0, "right": 16, "top": 4, "bottom": 4}
WIDTHS: dict[Step, timedelta] = {
    "hour": timedelta(hours=1),
    "quarter": timedelta(hours=6),
    "day": timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class Card:
    """A chart with what belongs to it.

    Attributes:
        key: names it on its page, and its CSV.
        title: its heading.
        told: one sentence that says what it shows, for those too who do not see it.
        frame: its figures, a column each.
        headings: what the columns are called in the table that is shown; others are left out of it.
        height: in pixels.
        given: what else its drawing depends on, beside the theme and the language.
    """

    key: str
    title: str
    told: str
    frame: pd.DataFrame
    headings: Mapping[str, str]
    height: int = HEIGHT
    given: tuple[object, ...] = ()


Draw = Callable[[], alt.Chart | alt.LayerChart]


def show(card: Card, draw: Draw) -> None:
    """Shows the chart; where it has no figures, says so instead.

    Args:
        draw: makes the chart of what the card holds, and of the theme's colours.
    """
    with st.container(border=True, height="stretch", key=f"card {card.key}"):
        st.header(card.title, anchor=False)
        if card.frame.empty:
            st.caption(_("Nothing in this time. Choose a longer one, or another cron."))
            return
        st.caption(card.told)
        spec = _drawn(card, theme(), language(), draw)
        st.vega_lite_chart(spec, key=f"chart {card.key}", alt=f"{card.title}. {card.told}")
        with st.container(horizontal=True, gap="small"):
            st.download_button(
                "CSV",
                card.frame.to_csv(index=False).encode(),
                f"crondesk-{card.key}.csv",
                "text/csv",
                icon=":material/download:",
                type="tertiary",
                key=f"csv {card.key}",
                on_click="ignore",
                help=_("Download the figures of “{chart}” as CSV").format(chart=card.title),
            )
            _table(card)


@st.fragment
def _table(card: Card) -> None:
    """The card's figures, sent when somebody opens them."""
    key = f"table {card.key}"
    popover = st.popover(
        _("As a table"), icon=":material/table:", type="tertiary", key=key, on_change="rerun"
    )
    if popover.open:
        with popover:
            shown = card.frame[list(card.headings)].rename(columns=dict(card.headings))
            st.table(shown, hide_index=True, height=360, alt=card.title)


# What has not changed since is not drawn anew, for whoever looks at it.
@st.cache_data(max_entries=200, show_spinner=False)
def _drawn(card: Card, theme: str, locale: str, _draw: Draw) -> dict[str, Any]:  # noqa: ARG001  known by them
    chart = _draw().properties(height=card.height, background="transparent", padding=PADDING)
    # Streamlit's own gray is too pale for text this small.
    chart = chart.configure_axis(labelColor=colour("grayText"), labelFlush=False)
    chart = chart.configure_legend(labelColor=colour("grayText"))
    # Without Altair's own check of the chart: it took a sixth of the page's time beside other viewers.
    spec: dict[str, Any] = chart.to_dict(validate=False)
    return spec


def theme() -> str:
    """The reader's theme: 'light' or 'dark'."""
    return "dark" if st.context.theme.type == "dark" else "light"


def colour(name: str) -> str:
    """One of the theme's colours, such as 'green', as the reader's theme has it."""
    return str(st.get_option(f"theme.{theme()}.{name}Color"))


def of_status(status: str) -> str:
    """The colour of a status: the same as that of its badge."""
    return colour(COLOURS[status])


def legend(**properties: Any) -> alt.Legend:
    """A legend above the chart."""
    return alt.Legend(orient="top", padding=0, offset=12, **properties)


def shades() -> list[str]:
    """The theme's shades of one colour, from little to much."""
    return list(st.get_option(f"theme.{theme()}.chartSequentialColors"))


def cron_axis(field: str = "title", **properties: Any) -> alt.Y:
    """The axis of a chart with a row for each cron; on a phone the charts need the room of long titles."""
    limit = alt.ExprRef("windowSize()[0] < 640 ? 130 : 260")
    return alt.Y(f"{field}:N", title=None, axis=alt.Axis(labelLimit=limit), **properties)


def time_axis(window: Window, field: str = "begin") -> alt.X:
    """The axis of a chart over time: of the whole window, also where nothing was."""
    step = window.step
    day = "%d/%m" if language() == "fr" else "%-d %b"
    labels = f"timeFormat(datum.value, '{day}')"
    if step == "hour":
        labels = f"timeFormat(datum.value, hours(datum.value) == 0 ? '{day}' : '%H:%M')"
    # Its first and last step begin before the window and end after it.
    ends = [_vega(end) for end in steps_around(window)]
    return alt.X(
        f"{field}:T",
        title=None,
        scale=alt.Scale(domain=ends, nice=False),
        axis=alt.Axis(labelExpr=labels, grid=False, tickCount=_ticks(window)),
    )


def steps_around(window: Window) -> tuple[datetime, datetime]:
    """The begin of the window's first step and the end of its last, by the clock of its zone (naive)."""
    where, width = wallclock.zone(window.zone), WIDTHS[window.step]

    def begin(instant: datetime) -> datetime:
        there = instant.astimezone(where).replace(tzinfo=None)
        midnight = datetime.combine(there.date(), time())
        return there - (there - midnight) % width

    return begin(window.since), begin(window.until - datetime.resolution) + width


def _ticks(window: Window) -> alt.ExprRef:
    # Labels tell hours or days: finer ticks would tell the same one twice.
    first, end = steps_around(window)
    most = 8 if window.step == "hour" else min(8, (end - first) // timedelta(days=1))
    return alt.ExprRef(f"windowSize()[0] < 640 ? {min(4, most)} : {most}")


def _vega(there: datetime) -> alt.DateTime:
    return alt.DateTime(year=there.year, month=there.month, date=there.day, hours=there.hour)


def step_name(at: datetime, step: Step) -> str:
    """Such as 'Tue 24 Nov', '24 Nov, 06:00'."""
    day = times.written(at.date(), "EEE d MMM")
    return day if step == "day" else f"{day}, {at:%H:%M}"


TICKS = [
    *(digit * 10.0**power for power in (-3, -2, -1, 0) for digit in (1, 2, 5)),
    *(10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 36000, 86400, 172800, 604800),
]
# Lengths from microseconds to hours on one axis.
LENGTH_LABELS = (
    "datum.value < 1 ? format(datum.value * 1000, '~g') + ' ms' : datum.value < 60 ? "
    "format(datum.value, '~g') + ' s' : datum.value < 3600 ? format(datum.value / 60, '.2~g') + ' min' : "
    "format(datum.value / 3600, '.2~g') + ' h'"
)


def length_axis(lengths: Sequence[float], title: str | None = None) -> dict[str, Any]:
    """Scale and axis for lengths of time, in seconds; it goes by factors of ten, for they differ by many."""
    known = [length for length in lengths if length > 0] or [1.0]
    domain = [max(0.001, min(known)) / 1.5, max(0.001, max(known)) * 1.5]
    ticks = [tick for tick in TICKS if domain[0] <= tick <= domain[1]]
    values = ticks[:: len(ticks) // 8 + 1]
    return {
        "scale": alt.Scale(type="log", domain=domain, nice=False, clamp=True),
        "axis": alt.Axis(labelExpr=LENGTH_LABELS, values=values, title=title),
    }
