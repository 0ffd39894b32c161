"""Fills what an entry leaves open: variables of the environment in headers, parameters in arguments."""

import os
import re
import string
from collections.abc import Mapping

from core import secrets
from core.catalogue.entries import HttpTarget

ENVIRONMENT_REFERENCE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")


def header_value(template: str) -> str:
    """A header of an HTTP target with its `${NAME}` references filled from the environment."""
    return ENVIRONMENT_REFERENCE.sub(lambda match: os.environ.get(match[1], ""), template)


def secrets_of(target: HttpTarget) -> set[str]:
    """What the `${NAME}` references of a target's headers stand for, in all its forms."""
    names = {name for value in target.headers.values() for name in ENVIRONMENT_REFERENCE.findall(value)}
    return secrets.masks(names, secrets.LEAST_VALUE)


def argument_of(template: str, values: Mapping[str, str]) -> str:
    """One argument of a command with its placeholders filled; it stays one argument whatever they hold."""
    return "".join(
        literal + (values[name] if name is not None else "")
        for literal, name, _, _ in string.Formatter().parse(template)
    )
