"""Fills what an entry leaves open: variables of the environment in headers, parameters in arguments."""

import os
import string
from collections.abc import Mapping

from core.catalogue.entries import ENVIRONMENT_REFERENCE


def header_value(template: str) -> str:
    """A header of an HTTP target with its `${NAME}` references filled from the environment."""
    return ENVIRONMENT_REFERENCE.sub(lambda match: os.environ.get(match[1], ""), template)


def argument_of(template: str, values: Mapping[str, str]) -> str:
    """One argument of a command with its placeholders filled; it stays one argument whatever they hold."""
    return "".join(
        literal + (values[name] if name is not None else "")
        for literal, name, _, _ in string.Formatter().parse(template)
    )
