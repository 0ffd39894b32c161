"""The one map from what can go wrong to what HTTP says of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from core.errors import Conflict, CrondeskError, Forbidden, Invalid, NotFound, TooLarge, Unavailable
from core.log import logger

RETRY_AFTER_SECONDS = 5
MAX_DETAILS = 100


class Malformed(Invalid):
    """The body is no JSON."""


STATUS: Mapping[type[CrondeskError], int] = {
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Malformed: 400,
    TooLarge: 413,
    Invalid: 422,
    Unavailable: 503,
}

MEANING = {
    400: "The body is not JSON",
    401: "The bearer token is missing or wrong",
    403: "The actor's role does not allow it",
    404: "There is no such thing",
    405: "The path has no such method",
    409: "Not possible in the state that things are in now",
    413: "The body is larger than is taken",
    422: "Something given breaks a rule; `details` name the fields",
    503: "The database cannot be reached; try again later",
}


class ErrorAnswer(BaseModel):
    """What every error looks like."""

    success: bool = Field(examples=[False])
    error: str = Field(description="one sentence")
    details: list[str] = Field(description="sentences that each begin with the field they are about")


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that a call can answer with, as the OpenAPI document lists them."""
    return {status: {"model": ErrorAnswer, "description": MEANING[status]} for status in statuses}


def refused(
    status: int, error: str, details: Sequence[str] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """An error as a response."""
    # Escaped to ASCII: what was given may hold what UTF-8 cannot, and is told back.
    body = json.dumps({"success": False, "error": error, "details": list(details)})
    return Response(body, status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")


def problems(errors: Sequence[Any]) -> list[str]:
    """What pydantic found wrong, as sentences that begin with the field's name on the wire.

    Args:
        errors: as `ValidationError.errors()` gives them, their `loc` relative to what was given.
    """
    told = []
    for error in errors[:MAX_DETAILS]:
        field = ".".join(str(part) for part in error["loc"])
        told.append(f"{field or 'body'}: {_sentence(error['type'], error['msg'])}")
    return told


def _sentence(kind: str, message: str) -> str:
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not known here"
    if kind == "model_type":
        return "must be a JSON object"
    if kind.startswith("uuid"):
        return "must be a UUID"
    if kind == "string_unicode":
        return "contains half of a surrogate pair"
    for beginning in ("Input should", "String should", "List should"):
        message = message.replace(beginning, "must")
    return message


def install(app: FastAPI) -> None:
    """Lets the app answer every error in the one shape."""
    app.add_exception_handler(CrondeskError, _ours)
    app.add_exception_handler(RequestValidationError, _query)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


async def _ours(_request: Request, error: Exception) -> Response:
    assert isinstance(error, CrondeskError)
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == STATUS[Unavailable] else None
    details = error.details
    if not details and isinstance(error, Invalid):
        details = [error.message]
    return refused(status, error.message, details, headers)


async def _query(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [{**problem, "loc": problem["loc"][1:]} for problem in error.errors()]
    told = problems(found)
    return refused(STATUS[Invalid], told[0], told)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = {
        404: f"there is no {request.url.path}"[:300],
        405: f"{request.method} is not possible here",
    }.get(error.status_code, error.detail)
    return refused(error.status_code, sentence, headers=error.headers)


async def _unforeseen(request: Request, error: Exception) -> Response:
    # The server, to which the error goes on, prints the traceback.
    # The route's pattern: a path may hold a link's secret.
    route = getattr(request.scope.get("route"), "path", "unknown")
    logger().error("api.failed", method=request.method, route=route, error=repr(error)[:500])
    return refused(500, "something went wrong here; the log says what")
