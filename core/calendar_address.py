"""Addresses of the calendar feed: one a person, with a secret in it; given, renewed, revoked, checked."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import Text, cast, delete, func, null, select
from sqlalchemy.dialects.postgresql import insert

from core import events
from core.actors import Actor, require
from core.database import reading
from core.errors import Invalid, NotFound
from core.settings import cron_secret, settings
from core.tables import calendar_addresses as table

MAX_PERSON = 200
PURPOSE = b"crondesk: address of a calendar feed"
SECRET_BYTES = 24
NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a person's calendar programs read what is planned.

    Attributes:
        person: whose it is.
        url: whole, with the secret: whoever has it can read the feed.
        created_at: when it was made or last renewed.
    """

    person: str
    url: str
    created_at: datetime


def give(actor: Actor, person: str, *, renew: bool = False) -> Address:
    """The address of a person's feed, which is made if there is none yet.

    Args:
        actor: who asks; for somebody else's it takes an admin.
        person: whose; 1 to 200 printable characters without a slash.
        renew: whether the address is made anew; the old one is then no more.

    Raises:
        Invalid: the name cannot be used.
        Forbidden, Unavailable.
    """
    _allow(actor, person)
    if not person.strip(" .") or len(person) > MAX_PERSON or not person.isprintable() or "/" in person:
        raise Invalid(f"person: must be 1 to {MAX_PERSON} printable characters without a slash")
    row = None if renew else _row(person)
    if row is None:
        fresh = {"salt": func.gen_random_uuid(), "created_by": actor.name, "created_at": func.now()}
        made = (
            insert(table)
            .values(person=person, **fresh)
            # Two that make it at once get the same one, unless it is to be another.
            .on_conflict_do_update(
                index_elements=[table.c.person], set_=fresh if renew else {"person": person}
            )
            .returning(table.c.person, table.c.salt, table.c.created_at, _NO_CRON)
            .cte("made")
        )
        details = events.object_of(person=made.c.person)
        told = events.told(actor, "calendar.address_given", made, details=details)
        with reading() as connection:
            row = connection.execute(select(made.c.salt, made.c.created_at).add_cte(told)).one()
    return _address(person, *row)


def find(actor: Actor, person: str) -> Address | None:
    """The address of a person's feed; None where there is none. Makes nothing.

    Raises:
        Forbidden, Unavailable.
    """
    _allow(actor, person)
    row = _row(person)
    return None if row is None else _address(person, *row)


def revoke(actor: Actor, person: str) -> None:
    """Takes a person's address away: nobody can read the feed there any more.

    Raises:
        NotFound: the person has none.
        Forbidden, Unavailable.
    """
    _allow(actor, person)
    gone = delete(table).where(table.c.person == person).returning(table.c.person, _NO_CRON).cte("gone")
    told = events.told(
        actor, "calendar.address_revoked", gone, details=events.object_of(person=gone.c.person)
    )
    with reading() as connection:
        row = connection.execute(select(gone.c.person).add_cte(told)).one_or_none()
    if row is None:
        raise NotFound("person: has no address of the calendar feed")


def opens(person: str, secret: str) -> bool:
    """Whether the secret is that of the person's address; takes as long whatever is wrong.

    Raises:
        Unavailable.
    """
    row = _row(person) if "\x00" not in person else None
    expected = _secret(person, row[0] if row else NOBODY)
    matches = hmac.compare_digest(expected.encode(), secret.encode(errors="replace"))
    return matches and row is not None


_NO_CRON = cast(null(), Text).label("cron_name")


def _allow(actor: Actor, person: str) -> None:
    if actor.name != person:
        require(actor, "share_calendar")


def _row(person: str) -> tuple[UUID, datetime] | None:
    wanted = select(table.c.salt, table.c.created_at).where(table.c.person == person)
    with reading() as connection:
        row = connection.execute(wanted).one_or_none()
    return None if row is None else (row[0], row[1])


def _address(person: str, salt: UUID, created_at: datetime) -> Address:
    path = f"/api/calendar/{quote(person, safe='')}/{_secret(person, salt)}.ics"
    return Address(person, settings().public_address + path, created_at)


def _secret(person: str, salt: UUID) -> str:
    # The salt has a fixed length and stands first: no two pairs give the same message.
    message = PURPOSE + salt.bytes + person.encode(errors="replace")
    digest = hmac.new(cron_secret().encode(), message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:SECRET_BYTES]).decode("ascii")
