"""Seals what the database must hold but nobody may read there: with a key derived from CRON_SECRET."""

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

from core.errors import Invalid
from core.settings import cron_secret

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

PURPOSE = b"crondesk: addresses of notification channels"


def seal(text: str) -> str:
    """The text, encrypted and authenticated (Fernet: AES-128-CBC with HMAC-SHA256)."""
    return _fernet().encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """What was sealed.

    Raises:
        Invalid: it was sealed under another CRON_SECRET, or tampered with.
    """
    from cryptography.fernet import InvalidToken  # noqa: PLC0415  most processes never need it

    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Invalid(
            "address: was saved under another CRON_SECRET and cannot be read; enter it anew"
        ) from None


def _fernet() -> "Fernet":
    from cryptography.fernet import Fernet  # noqa: PLC0415

    # The secret is long and random: one HMAC separates this use of it from the others.
    key = hmac.new(cron_secret().encode(), PURPOSE, hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(key))
