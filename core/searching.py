"""Searches for a text in the rows of a list: stretch by stretch in the list's order, and not without end.

No index serves a search for any text within parameters, and reading a million rows takes seconds.
Each statement reads a bounded stretch, and a call a bounded number of them; its cursor goes on.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, Text, cast, or_, select, true, tuple_

from core.catalogue import catalogue

STRETCH_ROWS = 2_500
STRETCHES = 40

Key = tuple[Any, ...]


def mentions(columns: Sequence[ColumnElement[Any]], sought: str) -> ColumnElement[bool]:
    """Whether one of the columns contains the text, in whatever case; of a cron, its title too.

    Args:
        columns: of text or JSON.
        sought: any text; nothing in it is a wildcard.
    """
    wanted = [cast(column, Text).icontains(sought, autoescape=True) for column in columns]
    titled = catalogue().titled(sought)
    wanted += [column.in_(titled) for column in columns if titled and column.key == "cron_name"]
    return or_(*wanted)


def search(
    connection: Connection,
    listed: Select[Any],
    key: Sequence[Column[Any]],
    searched: Sequence[Column[Any]],
    sought: str,
    *,
    begin: Key | None,
    ascending: bool,
    limit: int,
) -> tuple[list[tuple[Any, ...]], Key | None]:
    """Looks through a list.

    Args:
        connection: to read with.
        listed: the rows to look through, in no order yet; key and searched are among its columns.
        key: what the list is ordered by; no two rows have the same.
        searched: where to look for the text.
        sought: the text.
        begin: the key after which to begin; None for the list's begin.
        ascending: the list's order.
        limit: how many rows are wanted.

    Returns:
        At most limit rows, and the key after which to search on; None when the list's end was reached.
    """
    found: list[tuple[Any, ...]] = []
    end = begin
    for _ in range(STRETCHES):
        stretch = beyond(listed, key, end, ascending=ascending).limit(STRETCH_ROWS).cte("stretch")
        place = [stretch.c[column.name] for column in key]
        matching = mentions([stretch.c[column.name] for column in searched], sought)
        wanted = select(stretch, true().label("matched")).where(matching)
        wanted = wanted.order_by(*_order(place, ascending=ascending)).limit(limit + 1 - len(found))
        last = select(*place).order_by(*_order(place, ascending=not ascending)).limit(1)
        ends, matches = last.subquery("last"), wanted.subquery("matches")
        order = _order([matches.c[column.name] for column in key], ascending=ascending)
        joined = select(ends, matches).outerjoin_from(ends, matches, true()).order_by(*order)
        rows = connection.execute(joined).all()
        if not rows:
            return found, None
        width = len(key)
        found += [tuple(row[width:-1]) for row in rows if row[-1]]
        if len(found) > limit:
            names = list(listed.selected_columns.keys())
            return found[:limit], tuple(found[limit - 1][names.index(column.name)] for column in key)
        end = tuple(rows[0][:width])
    return found, end


def beyond(
    listed: Select[Any], key: Sequence[Column[Any]], end: Key | None, *, ascending: bool
) -> Select[Any]:
    """A list in its order, from after a key on; from its begin without one."""
    ordered = listed.order_by(*_order(key, ascending=ascending))
    if end is None:
        return ordered
    after, here = tuple_(*end), tuple_(*key)
    return ordered.where(here > after if ascending else here < after)


def _order(key: Sequence[ColumnElement[Any]], *, ascending: bool) -> list[ColumnElement[Any]]:
    return [column if ascending else column.desc() for column in key]
