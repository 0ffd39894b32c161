"""The charts of lengths of time: how long each cron takes, and how late schedules fire."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from core import metrics
from core.metrics import Window
from pages.parts import charts, times
from pages.parts.charts import Card
from pages.parts.language import _, ngettext
from pages.parts.words import title_of_cron


def durations(found: Sequence[metrics.Duration]) -> None:
    """Shows how long each cron usually takes, and at most in 19 of 20 cases."""
    frame = pd.DataFrame(
        [(one.cron_name, title_of_cron(one.cron_name), one.count, one.median, one.p95) for one in found],
        columns=["cron", "title", "count", "median", "p95"],
    )
    for name in ("median", "p95"):
        frame[f"{name}_text"] = frame[name].map(times.lasted)
        frame[name] = frame[name].clip(lower=0.001)
    kinds = {"median": _("Median"), "p95": _("95th percentile")}

    def draw() -> alt.Chart | alt.LayerChart:
        lengths = [*frame["median"], *frame["p95"]]
        shown = charts.length_axis(lengths)
        tooltip = [
            alt.Tooltip("title", title=_("Cron")),
            alt.Tooltip("median_text", title=kinds["median"]),
            alt.Tooltip("p95_text", title=kinds["p95"]),
            alt.Tooltip("count", title=_("Executions")),
        ]
        base = alt.Chart(frame).encode(y=charts.cron_axis(sort=None), tooltip=tooltip)
        lines = base.mark_rule(strokeWidth=2, color=charts.colour("gray"), opacity=0.5).encode(
            x=alt.X("median:Q", title=None, **shown), x2=alt.X2("p95")
        )
        named = base.transform_fold(["median", "p95"], as_=["which", "length"]).transform_calculate(
            name=f"datum.which == 'median' ? '{_quoted(kinds['median'])}' : '{_quoted(kinds['p95'])}'"
        )
        names = list(kinds.values())
        points = named.mark_point(filled=True, size=80, opacity=1).encode(
            x=alt.X("length:Q", title=None, **shown),
            shape=alt.Shape("name:N", title=None, scale=alt.Scale(domain=names, range=["circle", "diamond"])),
            color=alt.Color(
                "name:N",
                title=None,
                scale=alt.Scale(domain=names, range=[charts.colour("blue"), charts.colour("orange")]),
                legend=charts.legend(),
            ),
        )
        layered: alt.LayerChart = lines + points
        return layered

    told = ""
    if found:
        told = _("The longest is {cron}: {median} at the median, and {p95} at most in 19 of 20 runs.").format(
            cron=frame["title"].iloc[0],
            median=frame["median_text"].iloc[0],
            p95=frame["p95_text"].iloc[0],
        )
        told += " " + _("Logarithmic scale; the lengths are right to within 10\u00a0%.")
    headings = {"title": _("Cron"), "count": _("Executions")}
    headings |= {f"{name}_text": kind for name, kind in kinds.items()}
    height = max(charts.HEIGHT, 70 + 30 * len(frame))
    charts.show(Card("durations", _("Durations by cron"), told, frame, headings, height), draw)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def lateness(window: Window, found: Sequence[metrics.Lateness], target_seconds: float) -> None:
    """Shows how late schedules fired, with the target as a line."""
    frame = pd.DataFrame(
        [
            (one.at, charts.step_name(one.at, window.step), one.count, one.p50, one.p95, one.p99)
            for one in found
        ],
        columns=["begin", "step", "count", "p50", "p95", "p99"],
    )
    shares = ["p50", "p95", "p99"]
    for share in shares:
        frame[f"{share}_text"] = frame[share].map(times.lasted)

    def draw() -> alt.Chart | alt.LayerChart:
        long = frame.melt(["begin", "step", "count"], shares, var_name="share", value_name="length")
        long["length"] = long["length"].clip(lower=0.001)
        long["text"] = long["length"].map(times.lasted)
        axis = charts.length_axis([*long["length"], target_seconds])
        names = [charts.colour("blue"), charts.colour("violet"), charts.colour("orange")]
        base = alt.Chart(long).encode(
            x=charts.time_axis(window),
            y=alt.Y("length:Q", title=None, **axis),
            color=alt.Color(
                "share:N",
                title=None,
                scale=alt.Scale(domain=shares, range=names),
                legend=charts.legend(symbolStrokeWidth=0),
            ),
            tooltip=[
                alt.Tooltip("step", title=_("From")),
                alt.Tooltip("share", title=_("Percentile")),
                alt.Tooltip("text", title=_("Lateness")),
                alt.Tooltip("count", title=_("Runs")),
            ],
        )
        dashes = alt.Scale(domain=shares, range=[[1, 0], [6, 3], [2, 3]])
        lines = base.mark_line(strokeWidth=2).encode(
            strokeDash=alt.StrokeDash("share:N", scale=dashes, legend=None)
        )
        dots = base.mark_point(filled=True, size=30, opacity=1).encode(
            shape=alt.Shape(
                "share:N",
                title=None,
                scale=alt.Scale(domain=shares, range=["circle", "square", "triangle-up"]),
            )
        )
        target = pd.DataFrame(
            {"target": [target_seconds], "text": [_("Target {}").format(times.lasted(target_seconds))]}
        )
        rule = (
            alt.Chart(target)
            .mark_rule(color=charts.colour("red"), strokeWidth=1.5)
            .encode(y=alt.Y("target:Q"))
        )
        label = (
            alt.Chart(target)
            .mark_text(align="left", dx=4, dy=-7, color=charts.colour("redText"), fontSize=12)
            .encode(y=alt.Y("target:Q"), x=alt.value(0), text=alt.Text("text"))
        )
        layered: alt.LayerChart = lines + dots + rule + label
        return layered

    late = int((frame["p99"] > target_seconds).sum())
    told = ngettext(
        "Fired minus planned. p99 was above the target of {target} in {late} of {all} intervals.",
        "Fired minus planned. p99 was above the target of {target} in {late} of {all} intervals.",
        late,
    ).format(target=times.lasted(target_seconds), late=late, all=len(frame))
    told += " " + _("Logarithmic scale; the lengths are right to within 10\u00a0%.")
    headings = {"step": _("From"), "count": _("Runs")} | {f"{share}_text": share for share in shares}
    charts.show(
        Card(
            "lateness",
            _("Lateness"),
            told,
            frame,
            headings,
            given=(*charts.steps_around(window), target_seconds),
        ),
        draw,
    )
