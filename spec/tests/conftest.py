"""Validators of the schemas that know the keywords of the interface, for the tests."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, settings

Validator = Callable[[Any], bool]

settings.register_profile("any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any speed")  # a busy machine is no failure


def _whole(pattern: str) -> str:
    # In ECMA 262, `$` is the end; in Python a newline may follow it.
    return pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    if isinstance(instance, str) and not re.search(_whole(pattern), instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern}")


def utf8_is_longer(limit: int, instance: Any) -> bool:
    return isinstance(instance, str) and len(instance.encode()) > limit


def bytes_differ(pattern: str, instance: Any) -> bool:
    try:
        text = b64decode(instance["$bytes"]).decode("latin-1")
    except (TypeError, KeyError, ValueError):
        return False  # not bytes: another keyword says so
    return not re.search(_whole(pattern), text)


def breaks_a_field_rule(rules: list[dict[str, Any]], instance: Any) -> bool:
    try:
        fields = [tuple(b64decode(part["$bytes"]).decode("latin-1") for part in pair) for pair in instance]
        names = [name for name, _ in fields]
    except (TypeError, KeyError, ValueError):
        return False
    for name, value in fields:
        rule = next((rule for rule in rules if re.search(_whole(rule["name"]), name)), None)
        if rule is None:
            continue
        if "value" not in rule or not re.search(_whole(rule["value"]), value):
            return True
        if rule.get("once") and names.count(name) > 1:
            return True
    return False


_KEYWORDS = {
    "x-max-utf8-bytes": utf8_is_longer,
    "x-bytes-pattern": bytes_differ,
    "x-fields": breaks_a_field_rule,
}


def _as_jsonschema(breaks: Callable[[Any, Any], bool]) -> Any:
    def keyword(_: Any, value: Any, instance: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
        if breaks(value, instance):
            yield jsonschema.ValidationError(f"{instance!r} breaks {value!r}")

    return keyword


# In the JSON form `2.0` is a float: that JSON Schema takes it for an integer is of no use here.
_types = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
)
_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    {"pattern": _pattern, **{name: _as_jsonschema(breaks) for name, breaks in _KEYWORDS.items()}},
    type_checker=_types,
)


@pytest.fixture(scope="session")
def with_jsonschema() -> Callable[[dict[str, Any]], Validator]:
    """Make a validator of a schema with the package jsonschema: it tells whether a message in JSON form is valid."""
    return lambda schema: _Validator(schema).is_valid


@pytest.fixture(scope="session")
def with_jsonschema_rs() -> Callable[[dict[str, Any]], Validator]:
    """Make the same with the package jsonschema-rs, which shares no code with the other."""
    import jsonschema_rs

    def keyword(breaks: Callable[[Any, Any], bool]) -> type:
        class Keyword:
            def __init__(self, _: Any, value: Any, __: Any) -> None:
                self.value = value

            def validate(self, instance: Any) -> None:
                if breaks(self.value, instance):
                    raise ValueError(f"{instance!r} breaks {self.value!r}")

        return Keyword

    keywords = {name: keyword(breaks) for name, breaks in _KEYWORDS.items()}
    return lambda schema: jsonschema_rs.validator_for(schema, keywords=keywords).is_valid
