"""The links of a reminder: signed, for one use, for whoever got the reminder."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import ColumnElement, and_, cast, func, select, true, update

from core import events
from core.actors import Actor
from core.database import reading
from core.notifications.kinds import Language
from core.notifications.tables import channels, outbox, rules
from core.schedules.records import FREE
from core.settings import cron_secret, settings
from core.tables import Instant, schedules

Action = Literal["cancel", "delay"]
# 'open': it can be used. 'done': it has just been. The others say why it cannot be.
State = Literal["open", "done", "unknown", "used", "moved", "cancelled", "fired", "firing", "late"]
ACTIONS: tuple[Action, ...] = ("cancel", "delay")
DELAY = timedelta(minutes=30)
SALT = "crondesk: links of reminders"


@dataclass(frozen=True, slots=True)
class Link:
    """What a link is about.

    Attributes:
        scheduled_at: the instant that the reminder told.
        language: of the reminder.
        timezone: of the reminder.
    """

    state: State
    action: Action | None = None
    cron_name: str | None = None
    scheduled_at: datetime | None = None
    language: Language = "en"
    timezone: str = "UTC"


def address_of(reminder: UUID, action: Action) -> str:
    """The address that does it, for those who read the reminder."""
    return f"{settings().public_address}/api/links/{_signer().dumps([reminder.hex, action])}"


def look(token: str) -> Link:
    """What a link would do; changes nothing.

    Raises:
        Unavailable.
    """
    read = _read(token)
    if read is None:
        return Link("unknown")
    reminder, action = read
    told = cast(outbox.c.details["scheduled_at"].astext, Instant).label("told")
    found = (
        select(
            told,
            outbox.c.acted_at,
            outbox.c.cron_name,
            func.coalesce(rules.c.language, "en"),
            func.coalesce(rules.c.timezone, "UTC"),
            schedules.c.status,
            schedules.c.scheduled_at,
            and_(schedules.c.claimed_by.is_not(None), schedules.c.due_at > func.clock_timestamp()),
            told + DELAY > func.clock_timestamp(),
        )
        .select_from(
            outbox.outerjoin(rules, rules.c.id == outbox.c.rule_id).outerjoin(
                schedules, schedules.c.id == outbox.c.schedule_id
            )
        )
        .where(outbox.c.id == reminder, outbox.c.kind == "reminder")
    )
    with reading() as connection:
        row = connection.execute(found).one_or_none()
    if row is None:
        return Link("unknown", action)
    instant, acted_at, cron_name, language, zone, status, scheduled_at, firing, in_time = row
    state = _state(acted_at, status, moved=scheduled_at != instant, firing=firing)
    if state == "open" and action == "delay" and not in_time:
        state = "late"
    return Link(state, action, cron_name, instant, language, zone)


def use(token: str) -> Link:
    """Does what a link says, once.

    Returns:
        The link: 'done', or why not.

    Raises:
        Unavailable.
    """
    before = look(token)
    read = _read(token)
    if before.state != "open" or read is None:
        return before
    reminder, action = read
    with reading() as connection:
        done = connection.execute(_used(reminder, action)).one_or_none() is not None
    if not done:
        return look(token)
    return Link("done", action, before.cron_name, before.scheduled_at, before.language, before.timezone)


def _used(reminder: UUID, action: Action) -> Any:
    """One statement: the schedule as the reminder told it, the one use, the change, the event."""
    told = cast(outbox.c.details["scheduled_at"].astext, Instant)
    free: list[ColumnElement[bool]] = [
        FREE,
        schedules.c.scheduled_at == told,
        (told + DELAY > func.clock_timestamp()) if action == "delay" else true(),
    ]
    target = (
        select(schedules.c.id, outbox.c.id.label("reminder"), schedules.c.scheduled_at, channels.c.name)
        .select_from(
            outbox.join(schedules, schedules.c.id == outbox.c.schedule_id).outerjoin(
                channels, channels.c.id == outbox.c.channel_id
            )
        )
        .where(outbox.c.id == reminder, *free)
        .with_for_update(of=[schedules, outbox])
        .cte("target")
        .prefix_with("MATERIALIZED")
    )
    used = (
        update(outbox)
        .where(outbox.c.id == target.c.reminder, outbox.c.acted_at.is_(None))
        .values(acted=action, acted_at=func.clock_timestamp())
        .returning(target.c.id, target.c.scheduled_at)
        .cte("used")
    )
    later = schedules.c.scheduled_at + DELAY
    values: dict[str, Any] = {"claimed_by": None, "held_at": None}
    if action == "cancel":
        values |= {"status": "cancelled"}
    else:
        values |= {"scheduled_at": later, "due_at": later, "not_after": schedules.c.not_after + DELAY}
    changed = (
        update(schedules)
        .where(schedules.c.id == used.c.id)
        .values(values)
        .returning(
            schedules.c.id,
            schedules.c.cron_name,
            schedules.c.scheduled_at,
            used.c.scheduled_at.label("before"),
        )
        .cte("changed")
    )
    kind = "schedule.cancelled" if action == "cancel" else "schedule.moved"
    moved = {"from": changed.c.before, "to": changed.c.scheduled_at} if action == "delay" else {}
    noted = events.told(
        Actor("link of a reminder", "operator", "api"),
        kind,
        changed,
        schedule_id=changed.c.id,
        details=events.object_of(reminder=reminder, **moved),
    )
    return select(changed.c.id).add_cte(noted)


def _state(acted_at: datetime | None, status: str | None, *, moved: bool, firing: bool) -> State:
    if acted_at is not None:
        return "used"
    if status is None:
        return "unknown"
    if status == "cancelled":
        return "cancelled"
    if status != "pending":
        return "fired"
    if moved:
        return "moved"
    return "firing" if firing else "open"


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(cron_secret(), salt=SALT)


def _read(token: str) -> tuple[UUID, Action] | None:
    try:
        reminder, action = _signer().loads(token)
        return (UUID(reminder), action) if action in ACTIONS else None
    except (BadSignature, ValueError, TypeError, AttributeError):
        return None
