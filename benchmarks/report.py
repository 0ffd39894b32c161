"""Writes what was measured: Markdown tables and a chart in docs/performance.md."""

import importlib.metadata
from collections.abc import Sequence
from html import escape

from benchmarks.measuring import Section
from core.settings import ROOT

DOCUMENT = ROOT / "docs" / "performance.md"
CHART = ROOT / "docs" / "performance.svg"
PACKAGES = ("psycopg", "uvloop", "aiohttp", "apscheduler", "fastapi", "uvicorn", "sqlalchemy")
OURS, THEIRS, INK, FAINT = "#2563eb", "#94a3b8", "#334155", "#64748b"
WIDTH, LABEL, BAR, ROW = 860, 330, 350, 22


def versions() -> dict[str, str]:
    """The packages that the product's speed rests on."""
    return {"packages": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)}


def section(told: Section) -> str:
    """One benchmark as Markdown."""
    lines = [f"## {told.title}", ""]
    if told.quick:
        lines += ["*Measured with `--quick`: to try the benchmark, no figures.*", ""]
    lines += [told.how, ""]
    lines += _table(
        ["who", "settings", *told.columns],
        [[_name(row.who, row.ours), row.settings, *row.cells] for row in told.rows],
    )
    if told.targets:
        lines.append("")
        cells = [[t.what, t.wanted, t.reached, "yes" if t.met else "**no**"] for t in told.targets]
        lines += _table(["target", "to reach", "reached", "met"], cells)
    for note in told.notes:
        lines += ["", note]
    command = f"python -m benchmarks.{told.name}{' --long' if told.long else ''}"
    lines += ["", f"`{command}`; load average before it: {told.load}"]
    return "\n".join(lines) + "\n"


def write(sections: Sequence[Section], settings: dict[str, str]) -> None:
    """Writes the document and its chart."""
    lines = [
        "# Performance",
        "",
        "Written by `make bench`, or by `python -m benchmarks --write` where each was run by itself. "
        "Product and peers of a table were measured in the same run, on the same machine, against the "
        "same PostgreSQL server; the product with its default settings, by its own processes. Each figure "
        "is a "
        "median [lowest … highest] of r runs. At the end of every run the benchmark checks that each "
        "schedule fired "
        "once, left one execution, and that none was lost, doubled or early; otherwise it fails.",
        "",
        *(f"- {what}: {value}" for what, value in settings.items()),
        "",
        "![The figures as bars](performance.svg)",
        "",
    ]
    DOCUMENT.write_text(
        "\n".join(lines) + "\n" + "\n".join(section(told) for told in sections), encoding="utf-8"
    )
    CHART.write_text(chart(sections), encoding="utf-8")


def chart(sections: Sequence[Section]) -> str:
    """The bars of all sections that have some, as SVG."""
    parts: list[str] = []
    y = 24
    for told in sections:
        rows = [row for row in told.rows if row.bar is not None]
        if not rows:
            continue
        reading = "less is better" if told.lower_is_better else "more is better"
        parts.append(_text(12, y, f"{told.title} ({told.unit}; {reading})", INK, "600"))
        longest = max(row.bar or 0 for row in rows) or 1
        for row in rows:
            y += ROW
            width = max(1.0, (row.bar or 0) / longest * BAR)
            colour = OURS if row.ours else THEIRS
            parts.append(
                _text(
                    LABEL - 8,
                    y + 4,
                    _short(f"{row.who}, {row.settings}"),
                    INK if row.ours else FAINT,
                    anchor="end",
                )
            )
            parts.append(
                f'<rect x="{LABEL}" y="{y - 7}" width="{width:.1f}" height="14" rx="2" fill="{colour}"/>'
            )
            parts.append(
                _text(
                    LABEL + width + 6,
                    y + 4,
                    f"{row.bar:,.4g}" if (row.bar or 0) < 100 else f"{row.bar:,.0f}",
                    INK,
                )
            )
        y += ROW + 18
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" '
        f'height="{y}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12"><title>Crondesk beside its peers</title>'
        f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>'
    )
    return head + "\n".join(parts) + "</svg>\n"


def _text(x: float, y: float, text: str, colour: str, weight: str = "400", anchor: str = "start") -> str:
    style = f'fill="{colour}" font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y}" {style}>{escape(text)}</text>'


def _short(text: str, length: int = 46) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _name(who: str, ours: bool) -> str:
    return f"**{who}**" if ours else who


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
