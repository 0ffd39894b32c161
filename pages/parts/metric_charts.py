"""The charts of what ended: how many, how often well, and at which hours."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from core import metrics
from core.executions import Status
from core.metrics import Window
from pages.parts import charts, words
from pages.parts.charts import Card
from pages.parts.language import _, ngettext
from pages.parts.numbers import number, percent
from pages.parts.words import title_of_cron

# Of more crons the shade alone tells how many: hundreds of numbers are drawn slowly, and read by nobody.
NUMBERED_CRONS = 10
ENDS: tuple[Status, ...] = ("completed", "failed", "cancelled")


def ended(window: Window, found: Sequence[metrics.Count]) -> None:
    """Shows how many executions ended and how: what failed stands below the line."""
    frame = _by_step(window, found)
    total, failed = int(frame[list(ENDS)].to_numpy().sum()), int(frame["failed"].sum())
    names = [words.of_execution(status) for status in ENDS]

    def draw() -> alt.Chart | alt.LayerChart:
        long = frame.melt(["begin", "step"], list(ENDS), var_name="status", value_name="count")
        long["end"] = long["begin"] + charts.WIDTHS[window.step] * 0.85
        # Stacked here: Vega does not stack bars that have a width in time.
        below, above = long["status"] == "failed", long["status"] == "cancelled"
        long["foot"] = long.merge(frame, on="begin")["completed"].where(above, 0)
        long["top"] = (long["foot"] + long["count"]).where(~below, -long["count"])
        long["label"] = long["status"].map(lambda status: words.of_execution(status))
        counts = alt.Axis(tickMinStep=1, labelExpr="format(abs(datum.value), '~s')")
        bars: alt.Chart = (
            alt.Chart(long)
            .mark_bar(cornerRadius=1)
            .encode(
                x=charts.time_axis(window),
                x2=alt.X2("end"),
                y=alt.Y("foot:Q", title=None, axis=counts),
                y2=alt.Y2("top"),
                color=alt.Color(
                    "label:N",
                    title=None,
                    scale=alt.Scale(domain=names, range=[charts.of_status(status) for status in ENDS]),
                    legend=charts.legend(),
                ),
                tooltip=[
                    alt.Tooltip("step", title=_("From")),
                    alt.Tooltip("label", title=_("Status")),
                    alt.Tooltip("count", title=_("Executions")),
                ],
            )
        )
        return bars

    told = ngettext(
        "{count} execution, {failed} failed: what failed stands below the line.",
        "{count} executions, {failed} of them failed: these stand below the line.",
        total,
    )
    charts.show(
        Card(
            "executions",
            _("Executions over time"),
            told.format(count=number(total), failed=number(failed)),
            frame,
            {"step": _("From"), **dict(zip(ENDS, names, strict=True))},
            given=charts.steps_around(window),
        ),
        draw,
    )


def success(window: Window, found: Sequence[metrics.Count]) -> None:
    """Shows the share of completed ones among completed and failed ones."""
    frame = _by_step(window, found)
    decided = frame["completed"] + frame["failed"]
    frame = frame.assign(rate=frame["completed"] / decided.where(decided > 0)).dropna(subset=["rate"])
    frame["text"] = frame["rate"].map(percent)
    frame["any_failed"] = frame["failed"] > 0
    lowest = frame["rate"].min() if not frame.empty else 1.0

    def draw() -> alt.Chart | alt.LayerChart:
        line = alt.Chart(frame).encode(
            x=charts.time_axis(window),
            y=alt.Y(
                "rate:Q",
                title=None,
                scale=alt.Scale(domain=[max(0.0, lowest - 0.05), 1], clamp=True, nice=False),
                axis=alt.Axis(labelExpr=f"round(datum.value * 1000) / 10 + '{_percent()}'", tickCount=5),
            ),
            tooltip=[
                alt.Tooltip("step", title=_("From")),
                alt.Tooltip("text", title=_("Success")),
                alt.Tooltip("failed", title=words.of_execution("failed")),
            ],
        )
        points = line.mark_point(filled=True, size=55, opacity=1).encode(
            color=alt.ColorValue(
                charts.of_status("completed"),
                condition={"test": "datum.any_failed", "value": charts.of_status("failed")},
            ),
            shape=alt.ShapeValue("circle", condition={"test": "datum.any_failed", "value": "triangle-down"}),
        )
        layered: alt.LayerChart = line.mark_line(strokeWidth=1.5, color=charts.colour("gray")) + points
        return layered

    told = ""
    if not frame.empty:
        worst = frame.iloc[frame["rate"].argmin()]
        told = _("At worst {rate}, in the interval that begins {when}. A triangle marks failures.").format(
            rate=worst["text"], when=worst["step"]
        )
    charts.show(
        Card(
            "success",
            _("Success rate over time"),
            told,
            frame[["begin", "step", "completed", "failed", "rate", "text"]],
            {"step": _("From"), "text": _("Success"), "failed": words.of_execution("failed")},
            given=charts.steps_around(window),
        ),
        draw,
    )


def _percent() -> str:
    return percent(0).removeprefix("0")


def _by_step(window: Window, found: Sequence[metrics.Count]) -> pd.DataFrame:
    frame = pd.DataFrame(
        [(one.at, one.status, one.count) for one in found], columns=["begin", "status", "count"]
    )
    wide = frame.pivot_table(index="begin", columns="status", values="count", aggfunc="sum", fill_value=0)
    wide = wide.reindex(columns=list(ENDS), fill_value=0).astype(int).reset_index()
    wide.insert(1, "step", [charts.step_name(at, window.step) for at in wide["begin"]])
    return wide.rename_axis(columns=None)


def hours_of_day(found: Sequence[metrics.HourOfDay]) -> None:
    """Shows how many executions of each cron began in each hour of the day."""
    frame = pd.DataFrame(
        [(one.cron_name, title_of_cron(one.cron_name), one.hour, one.count, one.failed) for one in found],
        columns=["cron", "title", "hour", "count", "failed"],
    )
    most = int(frame["count"].max()) if not frame.empty else 0
    many = frame["cron"].nunique() > NUMBERED_CRONS

    def draw() -> alt.Chart | alt.LayerChart:
        base = alt.Chart(frame).encode(
            x=alt.X(
                "hour:O",
                title=None,
                scale=alt.Scale(domain=alt.ExprRef("sequence(24)")),
                axis=alt.Axis(labelAngle=0, labelOverlap="greedy", labelExpr="datum.value + ' h'"),
            ),
            y=charts.cron_axis(),
            tooltip=[
                alt.Tooltip("title", title=_("Cron")),
                alt.Tooltip("hour", title=_("Hour")),
                alt.Tooltip("count", title=_("Executions")),
                alt.Tooltip("failed", title=words.of_execution("failed")),
            ],
        )
        cells = base.mark_rect(cornerRadius=2).encode(
            color=alt.Color("count:Q", scale=alt.Scale(range=charts.shades(), domainMin=0), legend=None)
        )
        # On each shade whichever can be told apart best: 4.5 to 1 at least.
        weak, strong, turns_at = (
            ("white", "black", 0.44) if charts.theme() == "dark" else ("black", "white", 0.56)
        )
        dense = f"datum.count > {most} * {turns_at}"
        text = base.mark_text(fontSize=alt.ExprRef("width < 450 ? 0 : 11")).encode(
            text=alt.Text("count:Q", format="~s"),
            color=alt.ColorValue(weak, condition={"test": dense, "value": strong}),
        )
        marks = (
            base.transform_filter("datum.failed > 0")
            .mark_point(
                shape="triangle-down",
                filled=True,
                # Seen on cells of any shade.
                stroke=charts.colour("background"),
                strokeWidth=1.5,
                opacity=1,
                size=alt.ExprRef("width < 450 ? 16 : 60"),
                xOffset=alt.ExprRef("width < 450 ? 0 : width / 24 * 0.35"),
                yOffset=-7,
            )
            .encode(color=alt.ColorValue(charts.of_status("failed")))
        )
        layered: alt.LayerChart = cells + marks if many else cells + text + marks
        return layered

    busiest = frame.iloc[frame["count"].argmax()] if not frame.empty else None
    told = ""
    if busiest is not None:
        most = int(busiest["count"])
        told = ngettext(
            "Most often {cron} at {hour}:00, once. A triangle marks hours with failures.",
            "Most often {cron} at {hour}:00, {count} times. A triangle marks hours with failures.",
            most,
        ).format(cron=busiest["title"], hour=f"{busiest['hour']:02}", count=number(most))
    headings = {"title": _("Cron"), "hour": _("Hour"), "count": _("Executions")}
    headings["failed"] = words.of_execution("failed")
    height = 60 + 30 * frame["cron"].nunique()
    card = Card("hours", _("Executions by cron and hour of the day"), told, frame, headings, height)
    charts.show(card, draw)
