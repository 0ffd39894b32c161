"""What a batch would plan, row by row, each problem beside its row."""

from collections.abc import Sequence

import streamlit as st

from core.catalogue import shown
from pages.parts import table, times, words
from pages.parts.drafts import Checked
from pages.parts.language import _, ngettext
from pages.parts.numbers import number
from pages.parts.parameters import listed

SHOWN = 100


def preview(rows: Sequence[Checked]) -> None:
    """Shows the rows as they would be planned; where there are many, those with problems first."""
    wrong = [row for row in rows if row.problems]
    good = [row for row in rows if not row.problems]
    shown = list(rows) if len(rows) <= SHOWN else [*wrong, *good][:SHOWN]
    if wrong:
        told = ngettext("{} row has a problem.", "{} rows have a problem.", len(wrong))
        st.error(told.format(number(len(wrong))), icon=":material/error:")
    columns = [
        table.Column("place", _("Row"), "narrow"),
        table.Column("cron", _("Cron"), heads=True),
        table.Column("when", _("When"), "narrow"),
        table.Column("check", _("Check"), "" if wrong else "narrow"),
        table.Column("parameters", _("Parameters"), "clip"),
    ]
    table.table("preview", _("What will be planned"), columns, [_row(row) for row in shown])
    if len(shown) < len(rows):
        more = len(rows) - len(shown)
        st.caption(ngettext("… and {} more", "… and {} more", more).format(number(more)))


def _row(row: Checked) -> table.Row:
    title = words.title_of_cron(row.cron.name) if row.cron else row.draft.cron or "–"
    place = str(row.draft.place)
    return table.Row(
        id=place,
        name=_("row {}").format(place),
        cells={
            "place": [table.text(place, quiet=True)],
            "check": [table.text(problem, bad=True) for problem in row.problems]
            or [{"kind": "badge", "text": _("Fine"), "colour": "green"}],
            "cron": [table.text(title, strong=True)],
            "when": _when(row),
            "parameters": _parameters(row),
        },
    )


def _when(row: Checked) -> list[table.Part]:
    if row.instant is None:
        return [table.text(str(row.draft.when) or "–", mono=True)]
    in_utc = times.day_and_time_utc(row.instant)
    return [table.text(times.day_and_time(row.instant)), table.text(f"{in_utc}\u00a0UTC", quiet=True)]


def _parameters(row: Checked) -> list[table.Part]:
    if row.parameters is None:
        return [table.text(str(row.draft.parameters), mono=True)]
    seen = shown(row.cron.name, row.parameters) if row.cron else row.parameters
    return listed(seen)
