"""Parameters that are used again: kept under a name, or those of a cron's last plan or run."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, literal, select, text, union_all
from sqlalchemy.dialects.postgresql import insert

from core import events
from core.actors import Actor, require
from core.catalogue import Cron, catalogue, shown
from core.database import reading
from core.errors import Conflict, Invalid, NotFound
from core.ids import all_of
from core.parameters import Parameters, Unreadable, check, validator_of
from core.tables import executions, schedules
from core.tables import presets as table

MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class Preset:
    """Parameters of a cron under a name: a row of cron_presets."""

    cron_name: str
    name: str
    parameters: Parameters
    created_by: str | None
    created_at: datetime

    def __post_init__(self) -> None:
        # Whoever shows it shows no secret: one from before its schema had it may hold it in clear.
        object.__setattr__(self, "parameters", shown(self.cron_name, self.parameters))


_COLUMNS = [table.c[field.name] for field in fields(Preset)]


def find(cron_name: str) -> list[Preset]:
    """A cron's presets, by name.

    Raises:
        Unavailable.
    """
    wanted = select(*_COLUMNS).where(table.c.cron_name == cron_name).order_by(table.c.name)
    with reading() as connection:
        return [Preset(*row) for row in connection.execute(wanted)]


def save(actor: Actor, cron_name: str, name: str, parameters: Parameters, *, replace: bool = False) -> Preset:
    """Keeps parameters under a name.

    Args:
        actor: who keeps them.
        cron_name: a cron of the catalogue.
        name: 1 to 100 printable characters; of two that differ in more than spaces around them both are kept.
        parameters: checked against the cron's schema.
        replace: whether they take the place of those that have the name already.

    Raises:
        NotFound: no such cron.
        Invalid: the name or the parameters break a rule.
        Conflict: the name is taken, and is not to be replaced.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    cron = catalogue().cron(cron_name)
    called = name.strip()
    if not 1 <= len(called) <= MAX_NAME or not called.isprintable():
        raise Invalid(f"name: must be 1 to {MAX_NAME} printable characters")
    values = {
        "cron_name": cron.name,
        "name": called,
        "parameters": check(parameters, cron.parameters),
        "created_by": actor.name,
    }
    inserted = insert(table).values(values)
    key = [table.c.cron_name, table.c.name]
    kept = (
        inserted.on_conflict_do_update(
            index_elements=key,
            set_={
                "parameters": inserted.excluded.parameters,
                "created_by": inserted.excluded.created_by,
                "created_at": text("now()"),
            },
        )
        if replace
        else inserted.on_conflict_do_nothing(index_elements=key)
    )
    made = kept.returning(*_COLUMNS).cte("made")
    details = events.object_of(name=made.c.name, parameters=made.c.parameters)
    told = events.told(actor, "preset.saved", made, details=details)
    with reading() as connection:
        row = connection.execute(select(made).add_cte(told)).one_or_none()
    if row is None:
        raise Conflict("name: another preset of this cron has this name")
    return Preset(*row)


def remove(actor: Actor, cron_name: str, name: str) -> Preset:
    """Forgets a preset, also of a cron that has left the catalogue.

    Raises:
        NotFound: there is none of that name.
        Forbidden, Unavailable.
    """
    require(actor, "schedule")
    gone = (
        delete(table)
        .where(table.c.cron_name == cron_name, table.c.name == name)
        .returning(*_COLUMNS)
        .cte("gone")
    )
    told = events.told(actor, "preset.removed", gone, details=events.object_of(name=gone.c.name))
    with reading() as connection:
        row = connection.execute(select(gone).add_cte(told)).one_or_none()
    if row is None:
        raise NotFound("name: there is no such preset")
    return Preset(*row)


def last_used(cron_name: str) -> Parameters | None:
    """The parameters of the cron's newest pending schedule or execution, whichever is newer; None for none.

    Raises:
        Unavailable.
    """
    name = literal(cron_name)
    newest = [
        select(schedules.c.parameters, schedules.c.created_at.label("at"))
        .where(schedules.c.status == text("'pending'"), *all_of(name, schedules.c.cron_name, schedules.c.id))
        .order_by(schedules.c.cron_name.desc(), schedules.c.id.desc())
        .limit(1)
        .subquery(),
        select(executions.c.parameters, executions.c.queued_at.label("at"))
        .where(*all_of(name, executions.c.cron_name, executions.c.id))
        .order_by(executions.c.cron_name.desc(), executions.c.id.desc())
        .limit(1)
        .subquery(),
    ]
    with reading() as connection:
        rows: list[Row[Any]] = list(connection.execute(union_all(*(select(one) for one in newest))))
    if not rows:
        return None
    parameters = max(rows, key=lambda row: row.at).parameters
    return None if isinstance(parameters, Unreadable) else shown(cron_name, parameters)


def fitting(cron: Cron, parameters: Mapping[str, Any]) -> tuple[Parameters, list[str]]:
    """Of parameters from before, those that fit the cron's schema of today.

    Returns:
        The parameters that fit, each by itself; and the names of those that do not.
    """
    validator = validator_of(cron.parameters)
    unfit: set[str] = set()
    for error in validator.iter_errors(dict(parameters)):
        if error.absolute_path:
            unfit.add(str(error.absolute_path[0]))
        elif error.validator in ("additionalProperties", "unevaluatedProperties"):
            unfit |= parameters.keys() - cron.parameters.get("properties", {}).keys()
    return (
        {name: value for name, value in parameters.items() if name not in unfit},
        [name for name in parameters if name in unfit],
    )
