"""The outbox as people see it: what was sent, what waits, and what was not sent, with why."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import case, select

from core.database import reading
from core.notifications.kinds import Kind
from core.notifications.tables import channels, outbox
from core.paging import check_limit

State = Literal["waiting", "sent", "not sent"]


@dataclass(frozen=True, slots=True)
class Notification:
    """A row of the outbox.

    Attributes:
        channel: its name; None once the channel is gone.
        due_at: of a waiting one: the next attempt.
        error: why it was not sent, or why the last attempt did not succeed.
    """

    id: UUID
    kind: Kind
    channel: str | None
    cron_name: str | None
    schedule_id: UUID | None
    execution_id: UUID | None
    created_at: datetime
    due_at: datetime
    attempts: int
    sent_at: datetime | None
    state: State
    error: str | None


_STATE = case(
    (outbox.c.sent_at.is_not(None), "sent"), (outbox.c.given_up_at.is_not(None), "not sent"), else_="waiting"
)


def find(*, state: State | None = None, limit: int = 100) -> list[Notification]:
    """The notifications, latest first.

    Args:
        state: only such ones.
        limit: how many at most, 1 to 1000.

    Raises:
        Invalid: the limit is none.
        Unavailable.
    """
    check_limit(limit)
    named = {"channel": channels.c.name, "state": _STATE}
    columns = [
        named[field.name] if field.name in named else outbox.c[field.name] for field in fields(Notification)
    ]
    found = select(*columns).join(channels, channels.c.id == outbox.c.channel_id, isouter=True)
    if state is not None:
        found = found.where(_STATE.in_([state]))
    with reading() as connection:
        latest = found.order_by(outbox.c.created_at.desc(), outbox.c.id.desc()).limit(limit)
        return [Notification(*row) for row in connection.execute(latest)]
