"""The parameters of a cron, as its command receives them: a JSON object on standard input."""

import sys
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel


class Parameters(BaseModel):
    """What a cron may be told; its fields are spelled in camelCase outside.

    The catalogue's JSON Schema has checked bounds and formats before the command starts. The
    defaults stand here too, so that the command also runs by hand.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


P = TypeVar("P", bound=Parameters)


def from_stdin(model: type[P]) -> P:
    """Read the parameters from standard input; a terminal or nothing means the defaults.

    Raises SystemExit, naming each wrong parameter, when they do not fit the model.
    """
    text = "" if sys.stdin.isatty() else sys.stdin.read()
    try:
        return model.model_validate_json(text or "{}")
    except ValidationError as invalid:
        faults = (
            f"{'.'.join(map(str, error['loc'])) or 'standard input'}: {error['msg']}"
            for error in invalid.errors()
        )
        raise SystemExit(f"The parameters are not right: {'; '.join(faults)}.") from None
