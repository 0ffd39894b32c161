"""What commands print: tables for people, or JSON in the words of the REST API."""

import json
import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import click

from core.paging import Page
from core.schedules import Schedule
from core.series import repeats_of

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")
WIDEST_CELL = 80


def document_of(value: Any) -> Any:
    """A value of core as JSON: fields in camelCase, instants in RFC 3339 and UTC, parameters as they are."""
    if is_dataclass(value) and not isinstance(value, type):
        worked_out = [name for name, kind in vars(type(value)).items() if isinstance(kind, property)]
        names = [*(field.name for field in fields(value)), *worked_out]
        return {camel(name): document_of(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {key: document_of(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [document_of(inner) for inner in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def camel(name: str) -> str:
    """snake_case as camelCase."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def answer(document: dict[str, Any]) -> None:
    """Prints a successful answer as one JSON document."""
    if "scheduled" in document:
        document = {**document, "scheduled": _repeating(document["scheduled"])}
    click.echo(json.dumps({"success": True, **document_of(document)}, ensure_ascii=False, indent=2))


def _repeating(scheduled: Schedule | list[Schedule]) -> Any:
    """Schedules with how their series repeat, in the REST API's words."""
    many = scheduled if isinstance(scheduled, list) else [scheduled]
    known = repeats_of({one.series_id for one in many if one.series_id is not None})
    documents = []
    for one in many:
        found = known.get(one.series_id) if one.series_id is not None else None
        repeats = {
            "repeatPattern": found.kind if found else "once",
            "repeatUntil": document_of(found.until) if found else None,
        }
        documents.append(document_of(one) | repeats)
    return documents if isinstance(scheduled, list) else documents[0]


def answer_page(name: str, page: Page[Any]) -> None:
    """Prints a page of a list as one JSON document."""
    answer(
        {
            name: page.rows,
            "count": page.count,
            "countIsEstimate": page.count_is_estimate,
            "nextCursor": page.cursor,
        }
    )


def refuse(message: str, details: Sequence[str], *, as_json: bool) -> None:
    """Says on standard error why a command did not do what was asked."""
    if as_json:
        document = {"success": False, "error": message, "details": list(details)}
        click.echo(json.dumps(document, ensure_ascii=False), err=True)
        return
    click.echo(f"Error: {shown(message, None)}", err=True)
    for detail in details:
        if detail != message:
            click.echo(f"  {shown(detail, None)}", err=True)


def say(text: str) -> None:
    """Prints a line for a person; what came from elsewhere cannot move the cursor."""
    click.echo(shown(text, None))


def note(text: str) -> None:
    """Says something beside the answer, on standard error."""
    click.echo(shown(text, None), err=True)


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Prints rows under headings, in columns as wide as they need to be."""
    cells = [[shown(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(headings))]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def pairs(values: Sequence[tuple[str, Any]]) -> None:
    """Prints names and values, a line each; those without a value are left out."""
    present = [(name, shown(value, None)) for name, value in values if value not in (None, "", (), [], {})]
    width = max((len(name) for name, _ in present), default=0)
    for name, text in present:
        click.echo(f"{name.ljust(width)}  {text}")


def shown(value: Any, widest: int | None = WIDEST_CELL) -> str:
    """A value as it stands in a table: instants on this machine's clock, and no control characters."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone().isoformat(" ", "seconds")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        value = json.dumps(document_of(value), ensure_ascii=False) if value else "-"
    text = UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(value))
    return text if widest is None or len(text) <= widest else text[: widest - 1] + "…"


def length(seconds: float | None) -> str:
    """A duration for a person: '4.2 s', '3 min 20 s', '2 h 5 min'."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
