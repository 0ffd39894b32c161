"""The calendar feed over HTTP, and the addresses that people's calendar programs read it at."""

import hashlib
from datetime import UTC
from email.utils import format_datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response

from api.authentication import ACTOR, Authenticated
from api.bodies import Body, parsed, takes
from api.errors import answers
from api.representations import (
    AddressRequest,
    AddressRevoked,
    CalendarAddress,
    FeedQuery,
    PersonQuery,
    ShownAddress,
)
from api.wire import answer
from core import calendar_address, calendar_feed
from core.calendar_feed import Choice
from core.errors import NotFound

MEDIA_TYPE = "text/calendar; charset=utf-8"
# Not even a shared cache's copy may outlive the address.
CACHE_CONTROL = "private, no-cache"
AS_CALENDAR: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/calendar": {}}},
    304: {"description": "As it was"},
}

router = APIRouter(tags=["calendar"])
ADMIN = "/api/admin/calendar-feeds"
FEED = "/api/calendar/{person}/{secret}.ics"
authenticated = [Depends(Authenticated())]


@router.head(FEED, response_class=Response, include_in_schema=False)
@router.get(FEED, response_class=Response, responses={**AS_CALENDAR, **answers(404, 503)})
def read(
    person: str,
    secret: str,
    query: Annotated[FeedQuery, Query()],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Read what is planned as iCalendar; the secret in the path stands for the bearer token."""
    if not calendar_address.opens(person, secret):
        raise NotFound("there is no such calendar")
    chosen = Choice(frozenset(query.cron), person if query.mine else None, query.language)
    feed = calendar_feed.feed(chosen)
    tag = f'"{hashlib.sha256(feed.content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL, "Referrer-Policy": "no-referrer"}
    if feed.changed_at is not None:
        headers["Last-Modified"] = format_datetime(feed.changed_at.astimezone(UTC), usegmt=True)
    # By the tag alone: the instant does not tell that something has left the feed.
    if if_none_match is not None and _holds(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(feed.content, headers=headers, media_type=MEDIA_TYPE)


def _holds(if_none_match: str, tag: str) -> bool:
    """Whether a list of entity tags holds this one (RFC 9110, section 13.1.2: weakly compared)."""
    given = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return tag in given or given == ["*"]


@router.post(
    ADMIN,
    status_code=201,
    response_model=CalendarAddress,
    dependencies=authenticated,
    responses=answers(400, 401, 413, 422, 503),
    openapi_extra=takes(AddressRequest),
)
def give(body: Body) -> Response:
    """Make a person's address of the calendar feed, or read it again; `renew` makes it anew."""
    asked = parsed(AddressRequest, body)
    address = calendar_address.give(ACTOR, asked.person, renew=asked.renew)
    return answer(CalendarAddress(feed=ShownAddress.model_validate(address)), 201)


@router.delete(
    ADMIN, response_model=AddressRevoked, dependencies=authenticated, responses=answers(401, 404, 422, 503)
)
def revoke(query: Annotated[PersonQuery, Query()]) -> Response:
    """Take a person's address away."""
    calendar_address.revoke(ACTOR, query.person)
    return answer(AddressRevoked(message="Calendar address revoked", person=query.person))
