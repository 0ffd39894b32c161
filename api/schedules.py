"""Schedules over HTTP: plan, list, move, cancel, settle."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from starlette.concurrency import run_in_threadpool

from api.authentication import ACTOR, Authenticated
from api.bodies import BatchBody, Body, parsed, takes
from api.errors import answers
from api.gathering import Gathered
from api.repeating import DecideRequest, plan_repeating, repeats, shown_schedule
from api.representations import (
    BatchRequest,
    Cancelled,
    ChangeRequest,
    FailedRequest,
    PlanRequest,
    Scheduled,
    ScheduledBatch,
    ScheduledFirst,
    SchedulePage,
    ScheduleQuery,
    TriggeredRequest,
)
from api.wire import IdempotencyKey, IdQuery, NoQuery, answer
from core import schedules
from core.errors import Invalid
from core.schedules import Filter, OwnPlan, Plan, Schedule
from core.wallclock import zone

router = APIRouter(
    prefix="/api/admin/cron-executions/schedule",
    tags=["schedules"],
    dependencies=[Depends(Authenticated())],
    responses=answers(401, 422, 503),
)
_plan_beside_others = Gathered(partial(schedules.plan_each, ACTOR))


@router.post(
    "",
    status_code=201,
    response_model=ScheduledFirst,
    responses=answers(400, 404, 409, 413),
    openapi_extra=takes(PlanRequest),
)
async def plan(body: Body, idempotency_key: IdempotencyKey = None) -> Response:
    """Plan one execution; or, with `repeatPattern`, a series of them."""
    asked = parsed(PlanRequest, body)
    if _repeats(asked) or idempotency_key is not None:
        return await run_in_threadpool(_plan_apart, asked, idempotency_key)
    wanted = OwnPlan(
        asked.cron_name,
        asked.scheduled_at,
        asked.parameters,
        created_by=asked.created_by,
        not_after=asked.not_after,
        late_policy=asked.late_policy,
    )
    return _answered(await _plan_beside_others(wanted))


def _repeats(asked: PlanRequest) -> bool:
    if asked.repeat_pattern not in (None, "once"):
        return True
    if asked.repeat_until is not None:
        raise Invalid("repeatUntil: is for what repeats; give a repeatPattern too")
    if asked.timezone is not None:
        zone(asked.timezone)
    return False


def _plan_apart(asked: PlanRequest, idempotency_key: str | None) -> Response:
    if _repeats(asked):
        return _answered(plan_repeating(asked, idempotency_key))
    planned = schedules.plan(
        ACTOR,
        asked.cron_name,
        asked.scheduled_at,
        asked.parameters,
        created_by=asked.created_by,
        idempotency_key=idempotency_key,
        not_after=asked.not_after,
        late_policy=asked.late_policy,
    )
    return _answered(planned)


def _answered(planned: Schedule) -> Response:
    return answer(ScheduledFirst(scheduled=shown_schedule(planned), series_id=planned.series_id), 201)


@router.post(
    "/batch",
    status_code=201,
    response_model=ScheduledBatch,
    responses=answers(400, 413),
    openapi_extra=takes(BatchRequest),
)
def plan_batch(
    body: BatchBody,
    idempotency_key: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Plan up to 10,000 executions in one transaction: all of them, or none."""
    if idempotency_key is not None:  # to pass over it would let a repeated call plan everything twice
        raise Invalid("Idempotency-Key: is not honoured for batches")
    asked = parsed(BatchRequest, body)
    plans = [Plan(item.cron_name, item.scheduled_at, item.parameters) for item in asked.items]
    planned = schedules.plan_many(ACTOR, plans, created_by=asked.created_by)
    shown = [shown_schedule(schedule) for schedule in planned]
    return answer(ScheduledBatch(scheduled=shown, count=len(shown), batch_id=planned[0].batch_id), 201)


@router.get("", response_model=SchedulePage)
def find(query: Annotated[ScheduleQuery, Query()]) -> Response:
    """List schedules: pending ones (`status=pending`) next first, all others latest first."""
    wanted = Filter(query.status, query.cron_name, query.from_, query.to, query.search)
    page = schedules.find(wanted, limit=query.limit, cursor=query.cursor)
    known = repeats(page.rows)
    return answer(
        SchedulePage(
            scheduled=[shown_schedule(schedule, known) for schedule in page.rows],
            count=page.count,
            count_is_estimate=page.count_is_estimate,
            next_cursor=page.cursor,
        )
    )


@router.delete("", response_model=Cancelled, responses=answers(404, 409))
def cancel(query: Annotated[IdQuery, Query()]) -> Response:
    """Cancel a schedule that nobody is firing yet."""
    cancelled = schedules.cancel(ACTOR, query.id)
    return answer(Cancelled(message="Scheduled cron cancelled", cron_name=cancelled.cron_name))


@router.patch(
    "/{id}",
    response_model=Scheduled,
    responses=answers(400, 404, 409, 413),
    openapi_extra=takes(ChangeRequest),
)
def change(id: UUID, body: Body) -> Response:  # noqa: A002  as on the wire
    """Move a schedule, or give it other parameters, while nobody is firing it."""
    asked = parsed(ChangeRequest, body)
    changed = schedules.change(ACTOR, id, scheduled_at=asked.scheduled_at, parameters=asked.parameters)
    return answer(Scheduled(scheduled=shown_schedule(changed)))


@router.post(
    "/{id}/decide",
    response_model=Scheduled,
    responses=answers(400, 404, 409, 413),
    openapi_extra=takes(DecideRequest),
)
def decide(id: UUID, body: Body) -> Response:  # noqa: A002
    """Answer for a schedule that is held because its deadline passed: fire it now, or drop it."""
    decided = schedules.decide(ACTOR, id, fire=parsed(DecideRequest, body).fire)
    return answer(Scheduled(scheduled=shown_schedule(decided)))


@router.post("/{id}/retry", status_code=201, response_model=Scheduled, responses=answers(404, 409))
def retry(id: UUID, _query: Annotated[NoQuery, Query()]) -> Response:  # noqa: A002
    """Try a failed schedule again: a new one, due now. A second call answers with the same."""
    return answer(Scheduled(scheduled=shown_schedule(schedules.try_again(ACTOR, id))), 201)


@router.patch(
    "/{id}/triggered",
    response_model=Scheduled,
    responses=answers(400, 404, 409, 413),
    openapi_extra=takes(TriggeredRequest),
)
def mark_triggered(id: UUID, body: Body) -> Response:  # noqa: A002
    """Settle a schedule that a worker of another make has fired; a second call changes nothing."""
    settled = schedules.mark_triggered(ACTOR, id, parsed(TriggeredRequest, body).execution_id)
    return answer(Scheduled(scheduled=shown_schedule(settled)))


@router.patch(
    "/{id}/failed",
    response_model=Scheduled,
    responses=answers(400, 404, 409, 413),
    openapi_extra=takes(FailedRequest),
)
def mark_failed(id: UUID, body: Body) -> Response:  # noqa: A002
    """Write down that a worker of another make could not fire a schedule, and why."""
    settled = schedules.mark_failed(ACTOR, id, parsed(FailedRequest, body).error)
    return answer(Scheduled(scheduled=shown_schedule(settled)))
