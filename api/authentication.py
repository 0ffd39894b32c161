"""Who may call: programs that know the shared secret."""

import hmac
from ipaddress import IPv6Address, ip_address

from fastapi import HTTPException, Request
from fastapi.security import HTTPBearer

from core.actors import Actor
from core.errors import Invalid
from core.log import logger
from core.settings import cron_secret

# The secret is shared: the history can say no more of the caller than the way it came.
ACTOR = Actor(name="api", role="admin", via="api")
SCHEME = "Bearer"


class Authenticated(HTTPBearer):
    """Lets a request pass that carries the secret; a dependency that the OpenAPI document shows."""

    def __init__(self) -> None:
        super().__init__(
            scheme_name=SCHEME, description="CRON_SECRET, or what stands in DATA_DIR/cron_secret"
        )

    async def __call__(self, request: Request) -> None:  # type: ignore[override]  # nothing needs the token
        """Lets it pass, or not.

        Raises:
            HTTPException: 401; the token is missing or wrong. 503; the server's own cannot be used.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == SCHEME.lower() else ""
        # Nothing given is never right, whatever it is compared with.
        if not given:
            raise _unauthorized("missing")
        # Bytes, for compare_digest takes text only where it is ASCII.
        if not hmac.compare_digest(given.encode(), _secret().encode()):
            raise _unauthorized("wrong")


class AuthenticatedOrNear(Authenticated):
    """Lets a request pass that comes from this machine, or carries the secret."""

    async def __call__(self, request: Request) -> None:  # type: ignore[override]
        """Lets it pass, or not.

        Raises:
            HTTPException: 401; it does neither.
        """
        if not is_loopback(request.client.host if request.client else ""):
            await super().__call__(request)


def _secret() -> str:
    try:
        return cron_secret()
    except Invalid as error:
        # For the log alone: whoever asks has not shown yet that he may know.
        logger().error("api.secret_unusable", error=error.message)
        raise HTTPException(503, "this server has no secret that can be used; its log says why") from None


def _unauthorized(problem: str) -> HTTPException:
    return HTTPException(401, f"the bearer token is {problem}", {"WWW-Authenticate": SCHEME})


def is_loopback(host: str) -> bool:
    """Whether the other end of the connection is on this machine."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
