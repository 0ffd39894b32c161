"""Secrets by reference: such a parameter holds a name; its value is known to the worker alone.

A string that the schema calls `writeOnly`, or whose format is `password`, takes `{"$secret": "NAME"}` and
nothing else; NAME is one of the variables that the cron's `secrets` lists.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from core.errors import Invalid

REFERENCE = "$secret"
MASK = "*****"
NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
# Of a secret only the name is known here: nothing else can be said of its value.
SAYINGS = {"type", "format", "writeOnly", "title", "description", "x-title", "x-description", "default"}
MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
SINGLE = ("items", "additionalProperties", "unevaluatedItems", "unevaluatedProperties", "contains", "not")
BRANCHES = ("if", "then", "else")
# A line of a key or a certificate; shorter ones appear in any text.
LEAST_LINE = 12
# Of a secret that a run is not given as a parameter; a shorter one would mask half of what is printed.
LEAST_VALUE = 4
# Of what lies deeper, which only psql can have written, nothing is shown.
DEEPEST = 64

Rule = Mapping[str, Any]
Path = tuple[str, ...]


def is_secret(rule: Any) -> bool:
    """Whether a schema is that of a secret."""
    return isinstance(rule, Mapping) and (rule.get("writeOnly") is True or rule.get("format") == "password")


def holds_secrets(schema: Any) -> bool:
    """Whether a schema has a secret anywhere."""
    if not isinstance(schema, dict):
        return False
    inner: list[Any] = [
        rule for key in MAPS if isinstance(schema.get(key), dict) for rule in schema[key].values()
    ]
    inner += [rule for key in LISTS if isinstance(schema.get(key), list) for rule in schema[key]]
    inner += [schema[key] for key in (*SINGLE, *BRANCHES) if key in schema]
    return is_secret(schema) or any(map(holds_secrets, inner))


def is_reference(value: Any) -> bool:
    """Whether a value refers to a secret, of whatever name."""
    return (
        isinstance(value, dict)
        and value.keys() == {REFERENCE}
        and isinstance(value[REFERENCE], str)
        and NAME.fullmatch(value[REFERENCE]) is not None
    )


def names_of(rule: Rule) -> list[str]:
    """The names that a secret's schema allows, once `by_reference` has made it."""
    return list(rule.get("properties", {}).get(REFERENCE, {}).get("enum", ()))


def by_reference(schema: Any, names: Sequence[str], path: Path = ()) -> Any:
    """The schema with every secret in it as what is legal there: a reference to one of the names.

    Raises:
        ValueError: a secret is no string, no name is given for it, or it says what cannot be checked.
    """
    if not isinstance(schema, dict):
        return schema
    if is_secret(schema):
        return _reference_rule(schema, list(names), path)
    made = dict(schema)
    for key in MAPS:
        if isinstance(schema.get(key), dict):
            made[key] = {name: by_reference(rule, names, (*path, name)) for name, rule in schema[key].items()}
    for key in LISTS:
        if isinstance(schema.get(key), list):
            made[key] = [by_reference(rule, names, (*path, key)) for rule in schema[key]]
    for key in (*SINGLE, *BRANCHES):
        if key in schema:
            made[key] = by_reference(schema[key], names, (*path, key))
    return made


def _reference_rule(rule: dict[str, Any], names: list[str], path: Path) -> dict[str, Any]:
    if names_of(rule):
        return rule
    where = f"parameters: {'.'.join(path)}"
    if rule.get("type") != "string":
        raise ValueError(f'{where}: a secret (writeOnly, or format = "password") must have type = "string"')
    if not names:
        raise ValueError(f"{where}: is a secret: list in secrets the variables that it may come from")
    unknown = sorted(rule.keys() - SAYINGS)
    if unknown:
        raise ValueError(f"{where}: {', '.join(unknown)}: cannot be checked of a secret")
    default = rule.get("default")
    if default is not None and not (is_reference(default) and default[REFERENCE] in names):
        raise ValueError(f"{where}: the default of a secret must refer to one of secrets: {_like(names)}")
    said = {key: value for key, value in rule.items() if key not in ("type", "format")}
    return {
        **said,
        "writeOnly": True,
        "type": "object",
        "properties": {REFERENCE: {"enum": names}},
        "required": [REFERENCE],
        "additionalProperties": False,
    }


def _like(names: Sequence[str]) -> str:
    return " or ".join(json.dumps({REFERENCE: name}) for name in names[:5])


def refusal(rule: Rule) -> str:
    """What is said of a secret that holds no reference; never what it holds."""
    return f"is a secret: give {_like(names_of(rule))}, never the value itself"


def literals(parameters: Any, schema: Rule) -> list[tuple[Path, Rule]]:
    """Where a secret holds something else than a reference that is legal there: the path and its rule."""
    found: list[tuple[Path, Rule]] = []

    def look(value: Any, rule: Rule, path: Path) -> Any:
        if not is_reference(value) or value[REFERENCE] not in names_of(rule):
            found.append((path, rule))
        return value

    _each(parameters, [schema], schema, (), look)
    return found


def masked(parameters: Any, schema: Rule) -> Any:
    """The parameters as people may see them: references as they are, a secret in clear as `*****`."""

    def mask(value: Any, _rule: Rule, _path: Path) -> Any:
        return value if is_reference(value) else MASK

    return _each(parameters, [schema], schema, (), mask)


def replaced(parameters: Any, schema: Rule, value_of: Callable[[str], str]) -> Any:
    """The parameters with what a function gives for each reference, where the schema has a secret."""

    def fill(value: Any, rule: Rule, _path: Path) -> Any:
        known = is_reference(value) and value[REFERENCE] in names_of(rule)
        return value_of(value[REFERENCE]) if known else MASK

    return _each(parameters, [schema], schema, (), fill)


def value_of(name: str) -> str:
    """The value of a secret, from this process's environment.

    Raises:
        Invalid: it has none here.
    """
    value = os.environ.get(name)
    if not value:
        raise Invalid(
            f"the secret {name} is not set: set {name} in the environment of the worker, and start it again"
        )
    return value


def masks(names: Iterable[str], least: int = 1) -> set[str]:
    """What must not be seen in output: the values of these variables, in all their forms.

    Args:
        names: of variables of this process's environment.
        least: the length of a value from which on it is hidden.
    """
    values = filter(None, map(os.environ.get, names))
    return {form for value in values if len(value) >= least for form in forms(value)}


@lru_cache(maxsize=1000)
def forms(value: str) -> frozenset[str]:
    """A secret as programs write it: as it is, in JSON, in addresses, in Python, and each long line alone.

    Most have one form: what is of letters, digits, `-` and `_` is written alike everywhere.
    """
    text = value.strip()
    lines = [line.strip() for line in text.splitlines()]
    in_json = [json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)]
    # The environment may hold what is no UTF-8; it is not to end a run.
    in_addresses = [
        encode(text, safe, errors="surrogateescape")
        for encode, safe in ((quote, "/"), (quote, ""), (quote_plus, ""))
    ]
    # An apostrophe is written in either way: which one depends on what else the string holds.
    in_python = [repr(text)[1:-1], repr('"' + text)[2:-1]]
    long_lines = [line for line in lines if len(line) >= LEAST_LINE]
    return frozenset({text, *in_json, *in_addresses, *in_python, *long_lines} - {""})


def _each(
    value: Any, rules: Sequence[Any], root: Rule, path: Path, act: Callable[[Any, Rule, Path], Any]
) -> Any:
    """The value with every secret in it as `act` gives it.

    What some branch of the schema calls a secret is one, whichever branch the value takes.
    """
    if len(path) > DEEPEST:
        return MASK
    applying = _applying(rules, root)
    secret = next((rule for rule in applying if is_secret(rule)), None)
    if secret is not None:
        return act(value, secret, path)
    if isinstance(value, dict):
        return {
            name: _each(
                inner,
                [of for rule in applying for of in _of_member(rule, str(name))],
                root,
                (*path, str(name)),
                act,
            )
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [
            _each(
                inner,
                [of for rule in applying for of in _of_item(rule, place)],
                root,
                (*path, str(place)),
                act,
            )
            for place, inner in enumerate(value)
        ]
    return value


def _applying(rules: Sequence[Any], root: Rule) -> list[Rule]:
    found: dict[int, Rule] = {}
    waiting = list(rules)
    while waiting:
        rule = waiting.pop()
        if not isinstance(rule, dict) or id(rule) in found:
            continue
        found[id(rule)] = rule
        for key in ("allOf", "anyOf", "oneOf"):
            waiting += rule.get(key, ())
        waiting += [rule[key] for key in BRANCHES if key in rule]
        waiting += rule.get("dependentSchemas", {}).values()
        if isinstance(rule.get("$ref"), str):
            waiting.append(_target(rule["$ref"], root))
    return list(found.values())


def _target(reference: str, root: Rule) -> Any:
    target: Any = root if reference == "#" or reference.startswith("#/") else None
    for part in reference[2:].split("/") if len(reference) > 2 else ():
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(target, list):
            target = target[int(key)] if key.isdigit() and int(key) < len(target) else None
        else:
            target = target.get(key) if isinstance(target, dict) else None
    return target


def _of_member(rule: Rule, name: str) -> Iterator[Any]:
    known = name in rule.get("properties", {})
    if known:
        yield rule["properties"][name]
    for pattern, inner in rule.get("patternProperties", {}).items():
        if re.search(pattern, name):
            known = True
            yield inner
    if not known:
        yield from (rule[key] for key in ("additionalProperties", "unevaluatedProperties") if key in rule)


def _of_item(rule: Rule, place: int) -> Iterator[Any]:
    first = rule.get("prefixItems", ())
    if place < len(first):
        yield first[place]
    else:
        yield from (rule[key] for key in ("items", "unevaluatedItems") if key in rule)
    if "contains" in rule:
        yield rule["contains"]
