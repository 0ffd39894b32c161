"""Rules: which happenings are told to which channel."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from core.actors import Actor, require
from core.catalogue import catalogue
from core.database import changing, reading
from core.errors import Invalid, NotFound, Unavailable
from core.notifications.channels import tell
from core.notifications.kinds import EVENTS, LANGUAGES, Event, Language
from core.notifications.tables import channels, outbox, rules
from core.wallclock import zone

MAX_FAILURES = 100
MAX_REMIND_MINUTES = 1440
# The first and the last rule attach triggers to the busiest tables, and wait for them only briefly.
PATIENCE_SECONDS = 30
TRY_PAUSE_SECONDS = 0.1
BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


@dataclass(frozen=True, slots=True)
class Rule:
    """What is told to one channel.

    Attributes:
        cron_name: of this cron only; with tag: None, of all.
        tag: of the crons that have it.
        after_failures: failures and recoveries count from so many failures in a row.
        remind_minutes: how long before its instant a reminder goes out.
        language: in which it is told.
        timezone: the IANA name of the zone whose wall clock is told.
    """

    id: UUID
    channel_id: UUID
    channel: str
    events: list[Event]
    cron_name: str | None
    tag: str | None
    after_failures: int
    remind_minutes: int
    language: Language
    timezone: str
    enabled: bool
    created_by: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Wish:
    """A rule as it shall be; Rule says what the fields mean."""

    channel_id: UUID
    events: Sequence[Event]
    cron_name: str | None = None
    tag: str | None = None
    after_failures: int = 1
    remind_minutes: int = 5
    language: Language = "en"
    timezone: str = "UTC"
    enabled: bool = True


def add(actor: Actor, wish: Wish) -> UUID:
    """Adds a rule; it is about what happens from now on.

    Returns:
        Its id.

    Raises:
        Invalid, NotFound, Forbidden, Unavailable.
    """
    values = {**_values(actor, wish), "created_by": actor.name}

    def added(connection: Connection) -> UUID:
        rule_id: UUID = connection.execute(insert(rules).values(values).returning(rules.c.id)).scalar_one()
        tell(connection, actor, "rule.added", _told(rule_id, values))
        return rule_id

    return _patiently(actor, added)


def change(actor: Actor, rule_id: UUID, wish: Wish) -> None:
    """Makes a rule as it shall be.

    Raises:
        Invalid, NotFound, Forbidden, Unavailable.
    """
    values = _values(actor, wish)

    def changed(connection: Connection) -> UUID:
        statement = update(rules).where(rules.c.id == rule_id).values(values)
        if not connection.execute(statement).rowcount:
            raise NotFound("id: there is no such rule")
        tell(connection, actor, "rule.changed", _told(rule_id, values))
        return rule_id

    _patiently(actor, changed)


def remove(actor: Actor, rule_id: UUID) -> None:
    """Removes a rule; what waits because of it is not sent any more.

    Raises:
        NotFound, Forbidden, Unavailable.
    """
    require(actor, "notify")

    def removed(connection: Connection) -> UUID:
        unsent = (outbox.c.rule_id == rule_id, outbox.c.sent_at.is_(None), outbox.c.given_up_at.is_(None))
        connection.execute(delete(outbox).where(*unsent))
        if not connection.execute(delete(rules).where(rules.c.id == rule_id)).rowcount:
            raise NotFound("id: there is no such rule")
        tell(connection, actor, "rule.removed", {"rule_id": str(rule_id)})
        return rule_id

    _patiently(actor, removed)


def find() -> list[Rule]:
    """All rules, by channel and age.

    Raises:
        Unavailable.
    """
    columns = [channels.c.name if field.name == "channel" else rules.c[field.name] for field in fields(Rule)]
    found = select(*columns).join(channels, channels.c.id == rules.c.channel_id)
    with reading() as connection:
        return [Rule(*row) for row in connection.execute(found.order_by(channels.c.name, rules.c.id))]


def of_tag(tag: str) -> list[str]:
    """The names of the crons that have the tag now."""
    return sorted(cron.name for cron in catalogue().crons.values() if tag in cron.tags)


def _values(actor: Actor, wish: Wish) -> dict[str, Any]:
    require(actor, "notify")
    if not wish.events or not set(wish.events) <= set(EVENTS):
        raise Invalid(f"events: must be one or more of {', '.join(EVENTS)}")
    if wish.cron_name and wish.tag:
        raise Invalid("tag: give a cron or a tag, not both")
    if wish.cron_name:
        catalogue().cron(wish.cron_name)
    if wish.tag and not of_tag(wish.tag):
        raise Invalid("tag: no cron of the catalogue has it")
    if not 1 <= wish.after_failures <= MAX_FAILURES:
        raise Invalid(f"afterFailures: must be 1 to {MAX_FAILURES}")
    if not 1 <= wish.remind_minutes <= MAX_REMIND_MINUTES:
        raise Invalid(f"remindMinutes: must be 1 to {MAX_REMIND_MINUTES}")
    if wish.language not in LANGUAGES:
        raise Invalid(f"language: must be one of {', '.join(LANGUAGES)}")
    zone(wish.timezone)
    if wish.cron_name:
        names: list[str] | None = [wish.cron_name]
    else:
        names = of_tag(wish.tag) if wish.tag else None
    fields_of_wish = {field.name: getattr(wish, field.name) for field in fields(Wish)}
    return {**fields_of_wish, "events": [e for e in EVENTS if e in wish.events], "cron_names": names}


def _told(rule_id: UUID, values: dict[str, Any]) -> dict[str, Any]:
    return {"rule_id": str(rule_id), **values, "channel_id": str(values["channel_id"])}


def _patiently(actor: Actor, change: Any) -> UUID:
    """Tries until the busiest tables let a trigger be attached or taken off."""
    end = monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with changing(actor) as connection:
                done: UUID = change(connection)
                return done
        except IntegrityError as error:
            if isinstance(error.orig, psycopg.errors.ForeignKeyViolation):
                raise NotFound("channelId: there is no such channel") from None
            raise
        except Unavailable as error:
            cause = error.__cause__
            busy = isinstance(cause, OperationalError) and isinstance(cause.orig, BUSY)
            if not busy or monotonic() > end:
                raise
        sleep(TRY_PAUSE_SECONDS)
