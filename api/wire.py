"""What goes over the wire is made of these: JSON in camelCase, instants in RFC 3339."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Header, Response
from pydantic import AfterValidator, AliasGenerator, BaseModel, ConfigDict, PlainValidator, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from core.errors import Invalid
from core.instants import parse_instant
from core.names import MAX_NAME
from core.repeating import REPEATS


def _instant(given: Any) -> datetime:
    try:
        return parse_instant(given)
    except Invalid as error:
        raise PydanticCustomError(
            "instant", "{reason}", {"reason": error.message.partition(": ")[2]}
        ) from None


def _object(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise PydanticCustomError("object", "must be a JSON object")
    return given


def _pattern(given: Any) -> str | dict[str, Any]:
    if given in REPEATS or isinstance(given, dict):
        return given  # type: ignore[no-any-return]
    raise PydanticCustomError("pattern", f"must be one of {', '.join(REPEATS)}, or a pattern object")


def _storable(given: str) -> str:
    if "\x00" in given:
        raise PydanticCustomError("nul", "contains a NUL byte")
    return given


def _key(given: str) -> str:
    if not 1 <= len(given) <= MAX_NAME or not given.isprintable():
        raise PydanticCustomError("key", f"must be 1 to {MAX_NAME} printable characters")
    return given


GivenInstant = Annotated[
    datetime,
    PlainValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2030-01-31T09:00:00+01:00"]}),
]
# What they hold is checked once, by core, against the cron's own schema.
GivenParameters = Annotated[dict[str, Any], PlainValidator(_object), WithJsonSchema({"type": "object"})]
Text = Annotated[str, AfterValidator(_storable)]
Key = Annotated[str, AfterValidator(_key)]
IdempotencyKey = Annotated[
    Key | None,
    Header(alias="Idempotency-Key", description="the same key twice plans once; 1 to 200 characters"),
]


GivenPattern = Annotated[
    str | dict[str, Any],
    PlainValidator(_pattern),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": list(REPEATS)},
                {"type": "object", "examples": [{"kind": "cron", "expression": "0 2 * * 1-5"}]},
            ]
        }
    ),
]


class Given(BaseModel):
    """What is given: a field that is not known is refused."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class IdQuery(Given):
    """Which schedule."""

    id: UUID


class NoQuery(Given):
    """Nothing is asked for beside the path."""


class Shown(BaseModel):
    """What is told."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(serialization_alias=to_camel), from_attributes=True
    )


# As they are kept, whatever they are: a list is not to fail for one row that psql wrote.
ShownParameters = Annotated[Any, WithJsonSchema({"type": "object", "additionalProperties": True})]


class Answer(Shown):
    """What a call that succeeds is answered."""

    success: Literal[True] = True


def answer(shown: Answer, status: int = 200) -> Response:
    """A representation as a response."""
    # As a Response: FastAPI would validate it once more, and serialise it on another thread.
    content = shown.model_dump_json(by_alias=True)
    return Response(content, status, {"Cache-Control": "no-store"}, "application/json")
