"""Whether the process lives, and whether it can do its work."""

import json

from fastapi import APIRouter, Depends, Response

from api.authentication import AuthenticatedOrNear
from api.errors import RETRY_AFTER_SECONDS
from api.in_time import in_time
from core.database import migrated
from core.errors import Unavailable

router = APIRouter(tags=["health"], dependencies=[Depends(AuthenticatedOrNear())])


@router.get("/healthz", responses={200: {"description": "The process lives"}})
async def healthz() -> dict[str, bool]:
    """Answers while the process lives; asks nothing of the database."""
    return {"success": True}


@router.get(
    "/readyz",
    responses={
        200: {"description": "The database can be reached and has every migration"},
        503: {"description": "One of both is not so; the answer says which"},
    },
)
async def readyz() -> Response:
    """Whether the database can be reached and has every migration of this version; within five seconds."""
    try:
        current = await in_time(migrated)
    except Unavailable:
        return _answer("cannot be reached", "not known")
    return _answer("reachable", "current" if current else "not current: run `alembic upgrade head`")


def _answer(database: str, migrations: str) -> Response:
    ready = migrations == "current"
    body = {"success": ready, "database": database, "migrations": migrations}
    headers = {"Cache-Control": "no-store"}
    if not ready:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return Response(json.dumps(body), 200 if ready else 503, headers, "application/json")
