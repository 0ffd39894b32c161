"""Series and blackouts over HTTP: make, list, change, pause, resume, end; add and remove."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from api.authentication import ACTOR, Authenticated
from api.bodies import Body, parsed, takes
from api.errors import answers
from api.repeating import (
    BlackoutAnswer,
    BlackoutPage,
    BlackoutRequest,
    SeriesAnswer,
    SeriesChange,
    SeriesPage,
    SeriesQuery,
    SeriesRequest,
    ShownBlackout,
    ShownSeries,
)
from api.wire import IdempotencyKey, IdQuery, NoQuery, answer
from core import blackouts, database, series
from core.actors import Actor
from core.blackouts import Period
from core.errors import Invalid
from core.repeating import pattern_at
from core.series import Series

router = APIRouter(
    prefix="/api/admin/cron-executions",
    tags=["series"],
    dependencies=[Depends(Authenticated())],
    responses=answers(401, 422, 503),
)


@router.post(
    "/series",
    status_code=201,
    response_model=SeriesAnswer,
    responses=answers(400, 404, 409, 413),
    openapi_extra=takes(SeriesRequest),
)
def create(body: Body, idempotency_key: IdempotencyKey = None) -> Response:
    """Make a series and plan its first occurrence."""
    asked = parsed(SeriesRequest, body)
    made = series.create(
        ACTOR,
        asked.cron_name,
        _pattern(asked, asked.timezone),
        asked.timezone,
        first=_first(asked),
        parameters=asked.parameters,
        repeat_until=asked.repeat_until,
        repeat_count=asked.repeat_count,
        excluded_dates=asked.excluded_dates,
        missed=asked.missed,
        fire_within=_within(asked),
        late_policy=asked.late_policy,
        created_by=asked.created_by,
        idempotency_key=idempotency_key,
    )
    return _told(made, 201)


@router.get("/series", response_model=SeriesPage)
def find(query: Annotated[SeriesQuery, Query()]) -> Response:
    """List series, latest made first."""
    found = series.find(cron_name=query.cron_name, status=query.status, limit=query.limit)
    matching = series.count(cron_name=query.cron_name, status=query.status)
    return answer(SeriesPage(series=[_shown(one) for one in found], count=matching))


@router.get("/series/{id}", response_model=SeriesAnswer, responses=answers(404))
def get(id: UUID, _query: Annotated[NoQuery, Query()]) -> Response:  # noqa: A002  as on the wire
    """Read one series, and when it happens next."""
    return _told(series.get(id))


@router.patch(
    "/series/{id}",
    response_model=SeriesAnswer,
    responses=answers(400, 404, 409, 413),
    openapi_extra=takes(SeriesChange),
)
def change(id: UUID, body: Body) -> Response:  # noqa: A002
    """Change what a series does from now on; what it has planned is planned anew."""
    asked = parsed(SeriesChange, body)
    given: dict[str, Any] = {name: getattr(asked, name) for name in asked.model_fields_set}
    if "first" in given:
        given["first"] = _first(asked)
    if "repeat_pattern" in given:
        del given["repeat_pattern"]
        given["pattern"] = _pattern(asked, asked.timezone or series.get(id).timezone)
    if "fire_within_seconds" in given:
        del given["fire_within_seconds"]
        given["fire_within"] = _within(asked)
    return _told(series.change(ACTOR, id, **given))


def _pattern(asked: SeriesRequest | SeriesChange, timezone: str) -> Any:
    if asked.repeat_pattern == "once":
        raise Invalid("repeatPattern: once is no series; plan it with POST /schedule")
    first = _first(asked)
    if isinstance(asked.repeat_pattern, str) and first is None:
        raise Invalid("first: must be given with daily, weekly or monthly; it names the time and the day")
    return pattern_at(asked.repeat_pattern, first or database.clock(), timezone, "first")


def _first(asked: SeriesRequest | SeriesChange) -> datetime | None:
    return None if asked.first is None else asked.first.replace(microsecond=0)  # patterns go by the second


def _within(asked: SeriesRequest | SeriesChange) -> timedelta | None:
    within = asked.fire_within_seconds
    return None if within is None else timedelta(seconds=within)


@router.post("/series/{id}/pause", response_model=SeriesAnswer, responses=answers(404, 409))
def pause(id: UUID, _query: Annotated[NoQuery, Query()]) -> Response:  # noqa: A002
    """Pause a series: what it has pending is cancelled."""
    return _changed(series.pause, id)


@router.post("/series/{id}/resume", response_model=SeriesAnswer, responses=answers(404, 409))
def resume(id: UUID, _query: Annotated[NoQuery, Query()]) -> Response:  # noqa: A002
    """Resume a paused series from now on."""
    return _changed(series.resume, id)


@router.post("/series/{id}/end", response_model=SeriesAnswer, responses=answers(404, 409))
def end(id: UUID, _query: Annotated[NoQuery, Query()]) -> Response:  # noqa: A002
    """End a series for good: what it has pending is cancelled."""
    return _changed(series.end, id)


@router.get("/blackouts", response_model=BlackoutPage)
def find_blackouts(_query: Annotated[NoQuery, Query()]) -> Response:
    """List blackouts under way and to come."""
    shown = [ShownBlackout.model_validate(one) for one in blackouts.find()]
    return answer(BlackoutPage(blackouts=shown, count=len(shown)))


@router.post(
    "/blackouts",
    status_code=201,
    response_model=BlackoutAnswer,
    responses=answers(400, 404, 413),
    openapi_extra=takes(BlackoutRequest),
)
def add_blackout(body: Body) -> Response:
    """Add a blackout; occurrences of series that are pending in it are cancelled."""
    asked = parsed(BlackoutRequest, body)
    period = Period(asked.name, asked.starts_at, asked.ends_at, asked.cron_name)
    [added] = blackouts.add(ACTOR, [period])
    return answer(BlackoutAnswer(blackout=ShownBlackout.model_validate(added)), 201)


@router.delete("/blackouts", response_model=BlackoutAnswer, responses=answers(404))
def remove_blackout(query: Annotated[IdQuery, Query()]) -> Response:
    """Remove a blackout."""
    removed = blackouts.remove(ACTOR, query.id)
    return answer(BlackoutAnswer(blackout=ShownBlackout.model_validate(removed)))


def _changed(verb: Callable[[Actor, UUID], Series], series_id: UUID) -> Response:
    return _told(verb(ACTOR, series_id))


def _told(one: Series, status: int = 200) -> Response:
    following = series.next_of([one.id]).get(one.id)
    return answer(
        SeriesAnswer(
            series=_shown(one),
            words=one.in_words("en"),
            next_schedule_id=following.schedule_id if following else None,
            next_scheduled_at=following.at if following else None,
            upcoming=series.ahead(one),
        ),
        status,
    )


def _shown(one: Series) -> ShownSeries:
    given = {name: getattr(one, name) for name in Series.__slots__}
    within = one.fire_within.total_seconds() if one.fire_within else None
    return ShownSeries.model_validate({**given, "fire_within_seconds": within})
