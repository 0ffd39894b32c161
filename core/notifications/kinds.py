"""What can be told."""

from typing import Literal

Kind = Literal["triggered", "failed", "completed", "recovered", "slow", "missed", "reminder", "alert", "test"]
Event = Literal["triggered", "failed", "completed", "recovered", "slow", "missed", "reminder", "alert"]
Language = Literal["en", "fr"]

EVENTS: tuple[Event, ...] = (
    "failed",
    "recovered",
    "missed",
    "slow",
    "triggered",
    "completed",
    "reminder",
    "alert",
)
LANGUAGES: tuple[Language, ...] = ("en", "fr")
