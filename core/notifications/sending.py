"""Hands a message to a service, by Apprise; the only place that knows an address in clear."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from core.errors import Invalid

# Also Apprise's limit for one service; less than the lease of a claim.
SEND_SECONDS = 30
MAX_ADDRESS = 2000
MAX_ERROR = 500
LOCAL_SERVICES = frozenset({"blink1", "dbus", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
HIDDEN = "***"


Severity = Literal["info", "success", "warning", "failure"]


@dataclass(frozen=True, slots=True)
class Message:
    """What is told: one line, and the lines below it.

    Attributes:
        severity: what services colour and route by, in Apprise's words.
    """

    title: str
    body: str
    severity: Severity = "info"


class NotSent(Exception):
    """The service did not take it; says why, without secrets."""


def shown(address: str) -> str:
    """What may be shown of an address: its service, its host, and for mail the recipients.

    Raises:
        Invalid: no such service, or an address that reaches for this machine.
    """
    service = _service(address)
    schema = address.split(":", 1)[0].lower()
    parts = [str(service.service_name) if schema in ("http", "https") else f"{schema}://{_host(service)}"]
    parts += sorted(target[1] for target in getattr(service, "targets", []) if _is_mailbox(target))
    return " ".join(parts)[:200]


def send(address: str, message: Message, key: str) -> None:
    """Sends a message; the call may last up to SEND_SECONDS and somewhat more.

    Args:
        address: the Apprise URL.
        message: in plain text.
        key: the same in every attempt: services that take headers get it as Idempotency-Key.

    Raises:
        NotSent: it did not arrive, as far as is known.
    """
    from apprise import Apprise, NotifyFormat, NotifyType  # noqa: PLC0415  takes half a second to import

    try:
        service = _service(address)
    except Invalid as error:
        raise NotSent(error.message) from None
    if isinstance(getattr(service, "headers", None), dict):
        service.headers["Idempotency-Key"] = key
    sender = Apprise(asset=service.asset)
    sender.add(service)
    result = sender.notify(
        body=message.body,
        title=message.title,
        notify_type=NotifyType(message.severity),
        body_format=NotifyFormat.TEXT,
        timeout=SEND_SECONDS,
    )
    if not result:
        said = " ".join(entry.message for entry in result.logs()) or "the service did not take it"
        raise NotSent(_without_secrets(said, address))


def _service(address: str) -> Any:
    from apprise import Apprise, AppriseAsset, AppriseAttachment  # noqa: PLC0415

    # What they log may hold addresses; what matters of it comes back with the result.
    for name in ("apprise", "urllib3"):
        logging.getLogger(name).propagate = False
    schema = address.split(":", 1)[0].lower()
    if schema in LOCAL_SERVICES:
        raise Invalid(f"address: {schema} would show something on the server, where nobody is")
    asset = AppriseAsset(
        app_id="Crondesk",
        app_desc="Crondesk",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        default_html_color="#3B5BDB",
        storage_mode="memory",
        language="en",
        service_timeout=SEND_SECONDS,
        pgp_autogen=False,
        pem_autogen=False,
    )
    service = Apprise.instantiate(address, asset=asset)
    if service is None:
        raise Invalid(
            "address: is no Apprise URL, such as mailtos://user:password@example.org?to=ops@example.org"
        )
    parameters = {name.lower() for name, _ in parse_qsl(urlsplit(address).query)}
    files = any(isinstance(value, AppriseAttachment) and value for value in vars(service).values())
    if files or any(name.startswith(("pgp", "pem")) for name in parameters):
        raise Invalid("address: refers to files of the server, which a channel may not read")
    return service


def _host(service: Any) -> str:
    # Some services put a token where others have the host.
    host = str(getattr(service, "host", None) or "")
    told = service.template_tokens.get("host")
    known = told is not None and not told.get("private") and ("." in host or host == "localhost")
    return host if known else "…"


def _is_mailbox(target: object) -> bool:
    return isinstance(target, tuple | list) and len(target) == 2 and "@" in str(target[1])


def _without_secrets(said: str, address: str) -> str:
    for secret in sorted(_secrets(address), key=len, reverse=True):
        said = said.replace(secret, HIDDEN)
    return said[:MAX_ERROR]


def _secrets(address: str) -> Iterator[str]:
    """Every part of an address that could be one: all but the scheme and what may be shown."""
    known = shown(address)
    rest = address.split("://", 1)[-1]
    for part in {rest, *re.split(r"[/?&=:@,;#+]+", rest), *re.split(r"[/?&=@#]+", rest)}:
        for text in {part, unquote(part)}:
            if len(text) >= 4 and text not in known:
                yield text
