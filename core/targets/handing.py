"""What a target is handed, in full; and the same as people may see it."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core import secrets
from core.catalogue import Cron, argument_of, header_value
from core.parameters import Parameters, as_arguments, with_defaults
from core.secrets import MASK


@dataclass(frozen=True, slots=True)
class Handed:
    """What a target is handed.

    Attributes:
        arguments: of a command, its program first.
        url: of a service, which is asked by POST.
        headers: of that request.
        content: the JSON on a command's standard input, or the body of the request.
    """

    arguments: list[str] = field(default_factory=list)
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: str = ""

    def written(self) -> str:
        """As people read it: a command line and what it reads, or a request."""
        if self.url is None:
            return f"{shlex.join(self.arguments)}\n\n{self.content}" if self.arguments else ""
        head = [f"POST {self.url}", *(f"{name}: {value}" for name, value in self.headers.items())]
        return "\n".join([*head, "", self.content])


def to_command(cron: Cron, parameters: Parameters, *, fill: bool = True) -> Handed:
    """What a command is handed.

    Args:
        cron: one with a command.
        parameters: of the run; what was not given has its default.
        fill: whether secrets are filled in; else each shows as `${NAME}`.

    Raises:
        Invalid: a secret is not set here.
    """
    whole = _filled(cron, parameters, fill=fill)
    values = as_arguments(whole, cron.parameters)
    arguments = [argument_of(template, values) for template in cron.command or ()]
    return Handed(arguments, content=json.dumps(whole, ensure_ascii=False))


def to_service(
    cron: Cron,
    parameters: Parameters,
    *,
    schedule_id: UUID | str | None,
    execution_id: UUID | str | None,
    bearer: str,
    first_id: UUID | str | None = None,
    fill: bool = True,
) -> Handed:
    """What an HTTP target is handed.

    Args:
        cron: one with such a target.
        parameters: of the run; what was not given has its default.
        schedule_id: the schedule; its id is the Idempotency-Key, the same in every attempt.
        execution_id: the run.
        bearer: the token.
        first_id: its first attempt, where it is a later one: the Idempotency-Key of what has no schedule.
        fill: whether secrets and the headers' variables are filled in; else each shows as `${NAME}`.

    Raises:
        Invalid: a secret is not set here.
    """
    assert cron.http is not None
    body: dict[str, Any] = {
        "cronName": cron.name,
        "parameters": _filled(cron, parameters, fill=fill),
        "scheduledId": str(schedule_id) if schedule_id else None,
        "executionId": str(execution_id),
    }
    own = cron.http.headers
    taken = {name.lower() for name in own}
    ours = {
        "Content-Type": "application/json",
        "Idempotency-Key": str(schedule_id or first_id or execution_id),
        "Authorization": f"Bearer {bearer}",
        "Accept-Encoding": "identity",
        "User-Agent": "Crondesk",
    }
    headers = {name: value for name, value in ours.items() if name.lower() not in taken} | (
        {name: header_value(value) for name, value in own.items()} if fill else own
    )
    return Handed(url=cron.http.url, headers=headers, content=json.dumps(body, ensure_ascii=False))


def shown(cron: Cron, parameters: Parameters, *, schedule_id: str | None, execution_id: str) -> str:
    """What the target will be handed, as people may see it: secrets by their names, the token masked.

    Args:
        cron: what will run.
        parameters: of the run.
        schedule_id: stands for the id of a schedule that is not planned yet; None for a run now.
        execution_id: stands for the run's.

    Returns:
        Text for people; empty for a cron that hands nothing to anybody.
    """
    if cron.http is not None:
        ids = {"schedule_id": schedule_id, "execution_id": execution_id}
        return to_service(cron, parameters, **ids, bearer=MASK, fill=False).written()
    return to_command(cron, parameters, fill=False).written()


def _filled(cron: Cron, parameters: Parameters, *, fill: bool) -> Parameters:
    whole = with_defaults(parameters, cron.parameters)
    if not cron.secrets:
        return whole
    value_of = secrets.value_of if fill else "${{{}}}".format
    return secrets.replaced(whole, cron.parameters, value_of)  # type: ignore[no-any-return]
