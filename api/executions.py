"""Executions over HTTP: start one now, list them, read what they print, end them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response

from api.authentication import ACTOR, Authenticated
from api.bodies import Body, parsed, takes
from api.errors import answers
from api.representations import (
    Execution,
    ExecutionPage,
    ExecutionQuery,
    Output,
    OutputQuery,
    ShownChunk,
    ShownExecution,
    Triggered,
    TriggerRequest,
)
from api.wire import Key, NoQuery, answer
from core import executions
from core.executions import Filter

router = APIRouter(
    prefix="/api/admin/cron-executions",
    tags=["executions"],
    dependencies=[Depends(Authenticated())],
    responses=answers(401, 422, 503),
)

IdempotencyKey = Annotated[
    Key | None,
    Header(alias="Idempotency-Key", description="the same key twice starts once; 1 to 200 characters"),
]


@router.post(
    "/trigger",
    status_code=202,
    response_model=Triggered,
    responses=answers(400, 404, 409, 413),
    openapi_extra=takes(TriggerRequest),
)
def trigger(body: Body, idempotency_key: IdempotencyKey = None) -> Response:
    """Start an execution now: a worker with a free place takes it."""
    asked = parsed(TriggerRequest, body)
    started = executions.trigger(
        ACTOR,
        asked.cron_name,
        asked.parameters,
        scheduled_id=asked.scheduled_id,
        idempotency_key=idempotency_key,
    )
    return answer(Triggered(execution_id=started.id), 202)


@router.get("", include_in_schema=False)
@router.get("/", response_model=ExecutionPage)
def find(query: Annotated[ExecutionQuery, Query()]) -> Response:
    """List executions, latest first."""
    wanted = Filter(query.status, query.cron_name, query.from_, query.to, query.search)
    page = executions.find(wanted, limit=query.limit, cursor=query.cursor)
    return answer(
        ExecutionPage(
            executions=[_shown(execution) for execution in page.rows],
            count=page.count,
            count_is_estimate=page.count_is_estimate,
            next_cursor=page.cursor,
        )
    )


@router.get("/{id}", response_model=Execution, responses=answers(404))
def get(id: UUID, _query: Annotated[NoQuery, Query()]) -> Response:  # noqa: A002  as on the wire
    """Read one execution."""
    return answer(Execution(execution=_shown(executions.get(id))))


@router.get("/{id}/output", response_model=Output, responses=answers(404))
def output(id: UUID, query: Annotated[OutputQuery, Query()]) -> Response:  # noqa: A002
    """Read what an execution printed, in pieces."""
    # The status first: when it says ended, no piece can come after those that are read then.
    execution = executions.get(id)
    chunks = executions.output_of(id, after=query.after, limit=query.limit)
    return answer(
        Output(
            execution_id=execution.id,
            status=execution.status,
            output=[ShownChunk.model_validate(chunk) for chunk in chunks],
            next=chunks[-1].seq if chunks else query.after,
        )
    )


@router.post("/{id}/cancel", response_model=Execution, responses=answers(404, 409))
def cancel(id: UUID, _query: Annotated[NoQuery, Query()]) -> Response:  # noqa: A002
    """End an execution: a queued one at once; a running one is killed by its worker within seconds."""
    return answer(Execution(execution=_shown(executions.cancel(ACTOR, id))))


def _shown(execution: executions.Execution) -> ShownExecution:
    return ShownExecution.model_validate(execution)
