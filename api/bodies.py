"""Bodies: JSON within limits, held to a model."""

from typing import Annotated, Any, TypeVar

from fastapi import Depends, HTTPException, Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from api.errors import Malformed, problems
from core.errors import Invalid, TooLarge
from core.parameters import parse_json

CALL_BYTES = 64 * 1024
BATCH_BYTES = 16 * 1024 * 1024

Model = TypeVar("Model", bound=BaseModel)


async def _of_a_call(request: Request) -> bytes:
    return await _read(request, CALL_BYTES)


async def _of_a_batch(request: Request) -> bytes:
    return await _read(request, BATCH_BYTES)


Body = Annotated[bytes, Depends(_of_a_call)]
BatchBody = Annotated[bytes, Depends(_of_a_batch)]


async def _read(request: Request, limit: int) -> bytes:
    if request.scope["query_string"]:
        unknown = [f"{name}: is not known here" for name in request.query_params]
        raise Invalid("a call with a body takes nothing after the question mark", unknown)
    too_large = TooLarge(f"the body is larger than {limit // 1024} KiB")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:  # a chunked body does not say before how large it is
                raise too_large
            parts.append(part)
    except ClientDisconnect:
        raise HTTPException(400, "the body broke off") from None
    return b"".join(parts)


def parsed(model: type[Model], body: bytes) -> Model:
    """The body as the model; to be called where it may take its time, a batch has megabytes.

    Raises:
        Malformed: it is no JSON; the details name the field where there is one.
        Invalid: it breaks a rule of the model; the details name the fields.
    """
    try:
        given = parse_json(body)
    except Invalid as error:
        raise Malformed(error.message, error.details or [f"body: {error.message}"]) from None
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = problems(error.errors(include_url=False, include_context=False, include_input=False))
        raise Invalid(found[0], found) from None


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """The body of a call, as the OpenAPI document describes it; api.docs_page adds the model itself."""
    reference = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": reference}}}}
