"""The target 'http': a POST, and what its answer means."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from uuid import UUID

import aiohttp

from core import secrets
from core.catalogue import Cron
from core.parameters import Parameters
from core.targets.handing import to_service
from core.targets.output import masked

MAX_ANSWER_BYTES = 65_536
MAX_EXTERNAL_ID = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a POST.

    Attributes:
        status: the HTTP status; None when there was no answer.
        error: one sentence for a person; None for 2xx.
        external_id: the `executionId` that the target answered with.
        text: status line and body, bounded.
    """

    status: int | None
    error: str | None
    external_id: str | None = None
    text: str = ""

    @property
    def conflict(self) -> bool:
        """Whether the target is busy with an earlier run (409)."""
        return self.status == HTTPStatus.CONFLICT


def session(connections: int) -> aiohttp.ClientSession:
    """The connections of a worker to all its targets, kept open between requests."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, ttl_dns_cache=30),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


@cache
def _proxy_of(url: str) -> str | None:
    """The proxy that the environment names for a URL; read once, as aiohttp reads it for each request."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


async def post(
    http: aiohttp.ClientSession,
    cron: Cron,
    parameters: Parameters,
    *,
    schedule_id: UUID | None,
    execution_id: UUID,
    first_id: UUID | None = None,
    secret: str,
    timeout_seconds: float,
) -> Answer:
    """Sends one execution to its target.

    Args:
        http: the worker's connections.
        cron: a cron with an HTTP target.
        parameters: of this run, as given; the schema's defaults are filled in, as for a command.
        schedule_id: the schedule; its id is the Idempotency-Key, the same in every attempt.
        execution_id: the run.
        first_id: its first attempt, where it is a later one: the Idempotency-Key of what has no schedule.
        secret: the bearer token.
        timeout_seconds: for the whole exchange.

    Returns:
        The answer; faults of the network are told in it, not raised.

    Raises:
        Invalid: a secret is not set here; nothing was sent.
    """
    assert cron.http is not None
    handed = to_service(
        cron,
        parameters,
        schedule_id=schedule_id,
        execution_id=execution_id,
        first_id=first_id,
        bearer=secret,
    )
    in_headers = secrets.masks(cron.http.variables, secrets.LEAST_VALUE)
    hidden = {*secrets.forms(secret), *in_headers, *secrets.masks(cron.secrets)}
    try:
        async with http.post(
            cron.http.url,
            data=handed.content.encode(),
            headers=handed.headers,
            proxy=_proxy_of(cron.http.url),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout_seconds),
        ) as response:
            return _read(response.status, await _content(response), hidden)
    except TimeoutError:
        return Answer(None, f"the target gave no answer within {timeout_seconds:g} s")
    except aiohttp.ClientConnectorCertificateError:
        return Answer(None, "the target's TLS certificate is not trusted")
    except aiohttp.ClientConnectorDNSError:
        return Answer(None, "the target's host name cannot be resolved")
    except aiohttp.ClientConnectorError as error:
        reason = error.os_error.strerror or type(error.os_error).__name__
        return Answer(None, f"no connection to {error.host}:{error.port}: {reason}")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Answer(None, f"the exchange with the target broke off: {type(error).__name__}: {error}"[:300])


async def _content(response: aiohttp.ClientResponse) -> bytes:
    """What came of the body. The status has said what the target did: a body that breaks off is no fault."""
    content = bytearray()
    try:
        async for part in response.content.iter_any():
            content += part
            if len(content) >= MAX_ANSWER_BYTES:
                break
    except (TimeoutError, aiohttp.ClientError, OSError):
        content += b"\n(the answer broke off here)"
    return bytes(content[:MAX_ANSWER_BYTES])


def _read(status: int, content: bytes, hidden: Collection[str]) -> Answer:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    line = f"{status} {phrase}".strip()
    body = masked(
        content.decode(errors="replace").replace("\x00", "\ufffd"),
        hidden,
        cut=len(content) >= MAX_ANSWER_BYTES,
    )
    text = f"HTTP {line}\n{body}"
    if 200 <= status < 300:
        return Answer(status, None, _execution_id(content, hidden), text)
    if 300 <= status < 400:
        return Answer(status, f"the target answered {line}; redirects are not followed", None, text)
    if status == HTTPStatus.CONFLICT:
        return Answer(status, f"the target answered {line}: an earlier run has not ended", None, text)
    return Answer(status, f"the target answered {line}", None, text)


def _execution_id(content: bytes, hidden: Collection[str]) -> str | None:
    try:
        answered: Any = json.loads(content)
    except (ValueError, RecursionError):
        return None
    found = answered.get("executionId") if isinstance(answered, dict) else None
    # What PostgreSQL keeps as text: no NUL, and no half of a surrogate pair.
    if not isinstance(found, str) or not found.isprintable():
        return None
    return masked(found, hidden)[:MAX_EXTERNAL_ID]
