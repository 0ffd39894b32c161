"""Parameters of a run: JSON within bounds, checked against the cron's schema, filled into arguments."""

import json
import math
import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from core.errors import Invalid, TooLarge
from core.secrets import holds_secrets, is_secret, literals, refusal

MAX_BYTES = 65_536
MAX_DEPTH = 32
MAX_PROBLEMS = 20
MAX_VALIDATORS = 1000
# As many as Python turns into text and back by itself.
MAX_DIGITS = 4300
LARGEST: int = 10**MAX_DIGITS
# Below it a number needs no closer look.
LARGE = 2**63
# Made once: json.dumps would make it for each.
_written = json.JSONEncoder(ensure_ascii=False).encode
SURROGATE = re.compile("[\ud800-\udfff]")

Parameters = dict[str, Any]


class Unreadable(dict[str, Any]):
    """Stands for JSON that psql could write and the database keeps, but no program here can read."""

    def __init__(self) -> None:
        super().__init__(unreadable="nested too deeply, or a number with too many digits")


def check(parameters: Any, schema: Mapping[str, Any]) -> Parameters:
    """Lets parameters pass that PostgreSQL can keep and the cron's schema allows.

    Args:
        parameters: what was given, as parsed from JSON.
        schema: the cron's JSON Schema (draft 2020-12).

    Returns:
        The parameters as given: defaults are filled in when they are used, not here.

    Raises:
        TooLarge: more than 64 KiB of JSON.
        Invalid: no object, too deep, NUL bytes, NaN or Infinity, or against the schema.
    """
    checked_text(parameters, schema)
    return parameters  # type: ignore[no-any-return]


def checked_text(parameters: Any, schema: Mapping[str, Any]) -> str:
    """As `check`; returns the parameters as JSON, which is written for the check anyway."""
    if isinstance(parameters, Unreadable):
        raise Invalid("parameters: are nested too deeply, or hold a number with too many digits")
    if not isinstance(parameters, dict):
        raise Invalid("parameters: must be a JSON object")
    if not _plainly_storable(parameters, 1):
        found = islice(_unstorable(parameters, "parameters", 1), MAX_PROBLEMS)
        problems = [problem[:500] for problem in found]
        if problems:
            raise Invalid(problems[0], problems)
    text = _written(parameters)
    if len(text.encode()) > MAX_BYTES:
        raise TooLarge(f"parameters: larger than {MAX_BYTES // 1024} KiB of JSON")
    if not parameters and not schema.get("required") and not schema.get("minProperties"):
        return text
    try:
        # Before all rules, whose messages repeat what they are about.
        problems = [
            f"{'.'.join(['parameters', *path])}: {refusal(rule)}"
            for path, rule in secrets_in_clear(parameters, schema)
        ]
        problems = problems or [_problem(error) for error in validator_of(schema).iter_errors(parameters)]
    except Unresolvable as error:
        raise Invalid(f"parameters: the catalogue's schema refers to what is not there: {error}") from None
    except (ArithmeticError, RecursionError, ValueError):
        raise Invalid("parameters: hold something too large to be checked against the schema") from None
    if problems:
        raise Invalid(problems[0][:500], [problem[:500] for problem in problems[:MAX_PROBLEMS]])
    return text


def _problem(error: ValidationError) -> str:
    rule = error.schema
    told = refusal(rule) if isinstance(rule, Mapping) and is_secret(rule) else error.message
    return f"{_path(error)}: {told}"


# By identity, for a batch asks ten thousand times; the schema beside it keeps its identity its own.
_validators: dict[int, tuple[Mapping[str, Any], Draft202012Validator, bool]] = {}


def validator_of(schema: Mapping[str, Any]) -> Draft202012Validator:
    """The validator of a schema, made once."""
    return _known(schema)[1]


def secrets_in_clear(parameters: Any, schema: Mapping[str, Any]) -> list[tuple[tuple[str, ...], Any]]:
    """Where a secret holds something else than a legal reference: the path, and the secret's schema."""
    return literals(parameters, schema) if _known(schema)[2] else []


def _known(schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], Draft202012Validator, bool]:
    known = _validators.get(id(schema))
    if known is None:
        if len(_validators) > MAX_VALIDATORS:
            _validators.clear()
        known = _validators[id(schema)] = (schema, _made_for(schema), holds_secrets(schema))
    return known


def _made_for(schema: Mapping[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(
        dict(schema),
        format_checker=Draft202012Validator.FORMAT_CHECKER,
        registry=EMPTY_REGISTRY,  # nothing is fetched from anywhere
    )


def _path(error: ValidationError) -> str:
    return ".".join(["parameters", *(str(part) for part in error.absolute_path)])


def _plainly_storable(value: dict[Any, Any] | list[Any], depth: int) -> bool:
    """Whether there is nothing in it that wants a closer look: most is so, and a batch asks 10,000 times."""
    if depth >= MAX_DEPTH or not all(map(_is_plain_text, value) if isinstance(value, dict) else ()):
        return False
    for inner in value.values() if isinstance(value, dict) else value:
        kind = type(inner)
        if kind is str:
            if not _is_plain_text(inner):
                return False
        elif kind is dict or kind is list:
            if not _plainly_storable(inner, depth + 1):
                return False
        elif not (kind is bool or inner is None or (kind is int and -LARGE < inner < LARGE)):
            return False
    return True


def _is_plain_text(text: Any) -> bool:
    return type(text) is str and text.isascii() and "\x00" not in text


def _unstorable(value: Any, path: str, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        yield f"{path[:100]}: nested deeper than {MAX_DEPTH} levels"
    elif isinstance(value, str):
        if "\x00" in value:
            yield f"{path}: contains a NUL byte"
        elif not value.isascii() and SURROGATE.search(value):
            yield f"{path}: contains half of a surrogate pair"
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path}: NaN and Infinity are no JSON numbers"
    elif isinstance(value, int) and abs(value) >= LARGEST:
        yield f"{path}: a number has more than {MAX_DIGITS} digits"
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                yield f"{path}: a key is no string"
            else:
                yield from _unstorable(key, f"{path}: a key", depth)
                yield from _unstorable(inner, f"{path}.{key}", depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unstorable(inner, f"{path}.{index}", depth + 1)
    elif value is not None and not isinstance(value, int | float):
        yield f"{path}: is no JSON"


def with_defaults(parameters: Parameters, schema: Mapping[str, Any]) -> Parameters:
    """The parameters with the schema's defaults for those that were not given."""
    properties = schema.get("properties", {})
    defaults = {
        name: rule["default"]
        for name, rule in properties.items()
        if isinstance(rule, dict) and "default" in rule  # true and false are schemas, too
    }
    return {**defaults, **parameters}


def as_arguments(parameters: Parameters, schema: Mapping[str, Any]) -> dict[str, str]:
    """What fills the `{name}` placeholders: text as it is, everything else as JSON."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in with_defaults(parameters, schema).items()
    }


def placeholders_of(argument: str) -> list[str]:
    """The names in the braces of one argument.

    Raises:
        ValueError: a brace stands alone, where one that is meant is doubled; or there is more in the braces.
    """
    names = []
    for _, name, form, conversion in string.Formatter().parse(argument):
        if form or conversion:
            raise ValueError(f"in {argument!r}: braces hold a parameter's name and nothing else")
        if name is not None:
            names.append(name)
    return names


def faults_of_defaults(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Defaults that the schema itself refuses: the parameter's name, and why."""
    properties = schema.get("properties", {})
    for name, rule in properties.items() if isinstance(properties, dict) else ():
        if not isinstance(rule, dict) or "default" not in rule:
            continue
        try:
            for error in _made_for(schema).evolve(schema=rule).iter_errors(rule["default"]):
                yield name, error.message
        except Unresolvable:
            yield name, "its schema refers to what is not there"
        except (ArithmeticError, RecursionError, ValueError):
            yield name, "cannot be checked against its schema"


def fills(schema: Mapping[str, Any], name: str) -> bool:
    """Whether the parameter of that name always has a value."""
    rule = schema.get("properties", {}).get(name)
    if rule is None:
        return False
    return name in schema.get("required", []) or (isinstance(rule, dict) and "default" in rule)


def read_stored(text: bytes | str) -> Any:
    """JSON as the database gives it: what psql wrote may be more than Python reads."""
    try:
        return json.loads(text, parse_float=_finite)
    except (RecursionError, ValueError):
        return Unreadable()


def _finite(digits: str) -> float:
    if math.isinf(number := float(digits)):
        raise ValueError("larger than any float")
    return number


def parse_json(text: bytes | str) -> Any:
    """JSON, strictly: no NaN, no Infinity, no doubled keys, no depth that breaks the parser.

    Raises:
        Invalid: it is no JSON; the message says where, and the details name the field where there is one.
    """
    constants: list[str] = []

    def note(name: str) -> float:
        constants.append(name)
        return float(name)

    try:
        # Refused once all is read: the parser does not say in which field it stands.
        given = json.loads(text, parse_constant=note, object_pairs_hook=_refuse_doubled)
        if constants:
            place = next(_not_finite(given), "")
            sentence = f"{constants[0]} is no JSON number"
            raise Invalid(f"not JSON: {sentence}", [f"{place}: {sentence}"[:500]] if place else [])
    except RecursionError:
        raise Invalid(f"nested deeper than {MAX_DEPTH} levels") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise Invalid(f"not JSON: {error}"[:300]) from None
    return given


def _not_finite(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, float) and not math.isfinite(value):
        yield path
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _not_finite(inner, f"{path}.{key}" if path else str(key))


def _refuse_doubled(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice[:100]!r} stands twice in one object")
    return found
