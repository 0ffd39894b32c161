"""Channels: where notifications go; their addresses go in and never come out."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Connection, Text, cast, delete, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from core.actors import Actor, require
from core.database import changing, reading
from core.errors import Conflict, Invalid, NotFound
from core.events import object_of
from core.notifications.sending import MAX_ADDRESS, shown
from core.notifications.tables import channels, outbox
from core.sealing import seal
from core.tables import events

MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class Channel:
    """Where notifications go.

    Attributes:
        shown: what may be shown of its address.
    """

    id: UUID
    name: str
    shown: str
    created_by: str | None
    created_at: datetime


_COLUMNS = [channels.c[field.name] for field in fields(Channel)]


def add(actor: Actor, name: str, address: str) -> Channel:
    """Adds a channel.

    Args:
        actor: who adds it.
        name: what people call it; no other channel has it.
        address: an Apprise URL, with its secrets.

    Raises:
        Invalid: the name or the address cannot be used.
        Conflict: the name is taken.
        Forbidden, Unavailable.
    """
    require(actor, "notify")
    values = {**_named(name), **_addressed(address), "created_by": actor.name}
    try:
        with changing(actor) as connection:
            channel = Channel(*connection.execute(insert(channels).values(values).returning(*_COLUMNS)).one())
            tell(connection, actor, "channel.added", {"channel": channel.name, "shown": channel.shown})
    except IntegrityError as error:
        raise _taken(error) from error
    return channel


def change(actor: Actor, channel_id: UUID, *, name: str | None = None, address: str | None = None) -> Channel:
    """Gives a channel another name, another address, or both.

    Raises:
        NotFound, Invalid, Conflict, Forbidden, Unavailable.
    """
    require(actor, "notify")
    values = {**(_named(name) if name else {}), **(_addressed(address) if address else {})}
    if not values:
        raise Invalid("name, address: give at least one of them")
    changed = update(channels).where(channels.c.id == channel_id).values(values).returning(*_COLUMNS)
    try:
        with changing(actor) as connection:
            row = connection.execute(changed).one_or_none()
            if row is None:
                raise _unknown()
            channel = Channel(*row)
            tell(connection, actor, "channel.changed", {"channel": channel.name, "shown": channel.shown})
    except IntegrityError as error:
        raise _taken(error) from error
    return channel


def remove(actor: Actor, channel_id: UUID) -> None:
    """Removes a channel with its rules; what waits for it is not sent any more.

    Raises:
        NotFound, Forbidden, Unavailable.
    """
    require(actor, "notify")
    with changing(actor) as connection:
        # A worker that sends to it now settles a row that is gone: nothing happens.
        unsent = (
            outbox.c.channel_id == channel_id,
            outbox.c.sent_at.is_(None),
            outbox.c.given_up_at.is_(None),
        )
        connection.execute(delete(outbox).where(*unsent))
        gone = delete(channels).where(channels.c.id == channel_id).returning(channels.c.name)
        name = connection.execute(gone).scalar()
        if name is None:
            raise _unknown()
        tell(connection, actor, "channel.removed", {"channel": name})


def find() -> list[Channel]:
    """All channels, by name.

    Raises:
        Unavailable.
    """
    with reading() as connection:
        return [Channel(*row) for row in connection.execute(select(*_COLUMNS).order_by(channels.c.name))]


def test(actor: Actor, channel_id: UUID) -> UUID:
    """Puts a test message into the outbox: it goes the way that all others go.

    Returns:
        The id of its row; core.notifications.outbox tells what came of it.

    Raises:
        NotFound, Forbidden, Unavailable.
    """
    require(actor, "notify")
    made = (
        insert(outbox)
        .from_select(
            ["channel_id", "kind", "happening", "details"],
            select(
                channels.c.id,
                literal("test", Text),
                func.concat(literal("test:", Text), cast(func.crondesk_uuid(), Text)),
                object_of(by=literal(actor.name, Text)),
            ).where(channels.c.id == channel_id),
        )
        .returning(outbox.c.id)
    )
    with changing(actor) as connection:
        row_id: UUID | None = connection.execute(made).scalar()
        if row_id is None:
            raise _unknown()
        return row_id


def tell(connection: Connection, actor: Actor, kind: str, details: dict[str, Any]) -> None:
    """Writes an event about a channel or a rule; never with an address."""
    connection.execute(
        insert(events).values(actor=actor.name, role=actor.role, via=actor.via, kind=kind, details=details)
    )


def _named(name: str) -> dict[str, str]:
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(f"name: must be 1 to {MAX_NAME} printable characters")
    return {"name": name}


def _addressed(address: str) -> dict[str, str]:
    address = address.strip()
    if not address or len(address) > MAX_ADDRESS or not address.isprintable():
        raise Invalid(f"address: must be 1 to {MAX_ADDRESS} printable characters")
    return {"shown": shown(address), "address": seal(address)}


def _unknown() -> NotFound:
    return NotFound("id: there is no such channel")


def _taken(error: IntegrityError) -> Conflict:
    if isinstance(error.orig, psycopg.errors.UniqueViolation):
        return Conflict("name: another channel has this name already")
    raise error
