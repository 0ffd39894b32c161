"""Who may call: programs that know the shared secret."""

import hmac
from ipaddress import IPv6Address, ip_address
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from core.actors import Actor
from core.settings import cron_secret

# The secret is shared: the history can say no more of the caller than the way it came.
ACTOR = Actor(name="api", role="admin", via="api")

_bearer = HTTPBearer(auto_error=False, description="CRON_SECRET, or the content of DATA_DIR/cron_secret")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def authenticated(given: Credentials) -> None:
    """Lets a request pass that carries the secret.

    Raises:
        HTTPException: 401; the token is missing or wrong.
    """
    # Bytes, for compare_digest takes text only where it is ASCII.
    expected, token = cron_secret().encode(), given.credentials if given else ""
    if not hmac.compare_digest(token.encode(errors="replace"), expected):
        problem = "wrong" if given else "missing"
        raise HTTPException(401, f"the bearer token is {problem}", {"WWW-Authenticate": "Bearer"})


async def authenticated_or_near(request: Request, given: Credentials) -> None:
    """Lets a request pass that comes from this machine, or carries the secret.

    Raises:
        HTTPException: 401; it does neither.
    """
    if not is_loopback(request.client.host if request.client else ""):
        await authenticated(given)


def is_loopback(host: str) -> bool:
    """Whether the other end of the connection is on this machine."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
