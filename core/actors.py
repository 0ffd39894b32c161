"""Who acts, by way of what, and what each role may do."""

from dataclasses import dataclass
from typing import Literal

from core.errors import Forbidden

Role = Literal["viewer", "operator", "admin"]
Via = Literal["dashboard", "api", "worker", "cli", "sql"]
Verb = Literal["schedule", "settle", "run", "cancel_execution", "notify", "share_calendar"]

ALLOWED: dict[Role, frozenset[Verb]] = {
    "viewer": frozenset(),
    "operator": frozenset({"schedule", "run", "cancel_execution", "notify"}),
    "admin": frozenset({"schedule", "settle", "run", "cancel_execution", "notify", "share_calendar"}),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody, or some program, that changes something.

    Attributes:
        name: as it shall stand in the history, such as 'alice' or 'worker:host:4711'.
        role: what the actor may do.
        via: the way it came.
    """

    name: str
    role: Role
    via: Via


def require(actor: Actor, verb: Verb) -> None:
    """Lets the actor pass, or not.

    Raises:
        Forbidden: the actor's role does not allow the verb.
    """
    if verb not in ALLOWED[actor.role]:
        raise Forbidden(f"{actor.name} is a {actor.role} and may not {verb.replace('_', ' ')}")
