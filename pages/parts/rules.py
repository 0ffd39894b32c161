"""Broken rules of a JSON Schema as sentences in the reader's language."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jsonschema.exceptions import ValidationError
from referencing.exceptions import Unresolvable

from core.parameters import secrets_in_clear, validator_of
from core.secrets import names_of
from pages.parts.language import _, language, marked

MAX_SHOWN = 20

# Each is filled with what the schema says.
SENTENCES = {
    "minimum": marked("must be at least {}"),
    "maximum": marked("must be at most {}"),
    "exclusiveMinimum": marked("must be more than {}"),
    "exclusiveMaximum": marked("must be less than {}"),
    "multipleOf": marked("must be a multiple of {}"),
    "minLength": marked("must have at least {} characters"),
    "maxLength": marked("must have at most {} characters"),
    "minItems": marked("must have at least {} entries"),
    "maxItems": marked("must have at most {} entries"),
    "pattern": marked("must match the pattern {}"),
    "format": marked("must be written as {}"),
    "const": marked("must be {}"),
    "enum": marked("must be one of {}"),
    "type": marked("must be of the type {}"),
}


def broken(parameters: Any, schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with the parameters: for each broken rule 'Label: sentence'."""
    clear = secrets_in_clear(parameters, schema)
    told = [_about(label_of(list(path), schema), _secret(rule)) for path, rule in clear]
    try:
        errors = list(validator_of(schema).iter_errors(parameters))
    except Unresolvable:
        return [_("The catalogue's schema of this cron refers to what is not there.")]
    except (ArithmeticError, RecursionError, ValueError):
        return [_("The parameters hold something too large to be checked.")]
    errors.sort(key=lambda error: [str(part) for part in error.absolute_path])
    # What is wrong with a secret in clear is told already, and in words that do not repeat it.
    others = [error for error in errors if not any(_within(error, path) for path, _rule in clear)]
    told += [sentence for error in others for sentence in _sentences(error, schema)]
    # Each missing name is an error of its own, and each of them knows all that are needed.
    return list(dict.fromkeys(told))[:MAX_SHOWN]


def _secret(rule: Mapping[str, Any]) -> str:
    told = _("is a secret: choose its name ({names}), never write its value")
    return told.format(names=", ".join(names_of(rule)))


def _within(error: ValidationError, path: tuple[str, ...]) -> bool:
    return tuple(map(str, error.absolute_path))[: len(path)] == path


def _sentences(error: ValidationError, schema: Mapping[str, Any]) -> Iterator[str]:
    path = [str(part) for part in error.absolute_path]
    rule, needed, held = error.schema, error.validator_value, error.instance
    # Both are rules of objects; jsonschema's types allow for errors that do not say of what they are.
    if error.validator == "required" and isinstance(needed, Iterable) and isinstance(held, Mapping):
        for name in needed:
            if name not in held:
                yield _about(label_of([*path, name], schema), _("is required"))
    elif (
        error.validator == "additionalProperties" and isinstance(rule, Mapping) and isinstance(held, Mapping)
    ):
        known = rule.get("properties", {})
        for name in held:
            if name not in known:
                yield _about(label_of([*path, name], schema), _("is not a parameter of this cron"))
    else:
        where = label_of(path, schema)
        yield _about(where, _rule(error)) if where else _rule(error)


def _about(label: str, problem: str) -> str:
    # Translators: a field, and what is wrong with it.
    return _("{field}: {problem}").format(field=label, problem=problem)


def _rule(error: ValidationError) -> str:
    if error.validator == "minLength" and error.validator_value == 1:
        return _("must not be empty")
    if error.validator == "uniqueItems":
        return _("must not hold an entry twice")
    if error.validator in SENTENCES:
        return _(SENTENCES[str(error.validator)]).format(_written(error.validator_value))
    return _("does not fit the catalogue's schema ({})").format(error.validator)


def _written(limit: Any) -> str:
    if isinstance(limit, list):
        return ", ".join(_written(one) for one in limit)
    return limit if isinstance(limit, str) else json.dumps(limit, ensure_ascii=False)


def label_of(path: list[str], schema: Mapping[str, Any]) -> str:
    """What people call the place in the parameters: the titles on the way to it."""
    labels = []
    rule: Any = schema
    for part in path:
        rule = resolved(rule, schema)
        if part.isdigit() and "items" in rule:
            rule = rule["items"]
            labels.append(f"{int(part) + 1}.")
        else:
            rule = rule.get("properties", {}).get(part, {})
            labels.append(title_of(rule, part) if isinstance(rule, dict) else part)
    return " › ".join(labels)


def resolved(rule: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """The rule, or the one inside the same schema that its $ref names."""
    for _step in range(10):
        reference = rule.get("$ref") if isinstance(rule, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        target: Any = root
        for part in reference[2:].split("/"):
            target = (
                target.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(target, dict) else {}
            )
        rule = {**target, **{key: value for key, value in rule.items() if key != "$ref"}}
    return rule if isinstance(rule, dict) else {}


def title_of(rule: Mapping[str, Any], name: str) -> str:
    """A parameter's title in the reader's language; its name where it has none."""
    return str(_in_language(rule, "title") or name)


def description_of(rule: Mapping[str, Any]) -> str | None:
    """A parameter's description in the reader's language."""
    return _in_language(rule, "description")


def _in_language(rule: Mapping[str, Any], key: str) -> str | None:
    both = rule.get(f"x-{key}")
    if isinstance(both, dict):
        return both.get(language()) or both.get("en") or rule.get(key)
    return rule.get(key)
