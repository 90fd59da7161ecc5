"""Writes the checks: one function for each schema, straight code without a call for a common value."""

from __future__ import annotations

import builtins
import json
import keyword

from seaway.spec.generate.layout import HEADER, call, function_name, if_line, quoted
from seaway.spec.generate.model import Field, Message, Node, Schema, enumerated

_OPENING = '''"""One check for each message type, generated from the schemas.

A check takes a message whose ``type`` the caller has looked at, and returns ``None`` or raises
`InvalidMessage`. Keys that the schema does not name are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from seaway.spec._pairs import FieldRule, PairsCheck, Part
from seaway.spec._support import MISSING, check_text, exactly_one, is_integer, is_number
from seaway.spec.errors import invalid

Check = Callable[[dict[str, Any]], None]
'''
_TABLES = {
    "FROM_CONSUMER": ("from-consumer", "The check of each message type that a consumer may send."),
    "TO_CONSUMER": ("to-consumer", "The check of each message type that a consumer may be given."),
    "LAYER": ("layer", "The check of each message type of the interface that travels through a layer."),
}
_BOTH = '''CHECKS: dict[str, Check] = {**LAYER, **TO_CONSUMER, **FROM_CONSUMER}
"""The check of each message type; of one that travels both ways, the check of what a consumer sends."""
'''


def write_checks(messages: list[Message]) -> str:
    """Return the source of `seaway.spec.checks` for *messages*."""
    shared = _Shared()
    functions = [_Function(message, shared).source() for message in messages]
    tables = [_table(name, messages) for name in _TABLES]
    parts = [HEADER + _OPENING, "\n".join(shared.lines), *functions]
    return f"{parts[0]}\n" + "\n\n\n".join(parts[1:]) + "\n\n\n" + "\n".join([*tables, _BOTH])


def _table(name: str, messages: list[Message]) -> str:
    direction, meaning = _TABLES[name]
    lines = [
        f"    {quoted(message.type)}: {function_name(message.name)},"
        for message in messages
        if direction in message.schema["x-direction"]
    ]
    return "\n".join([f"{name}: dict[str, Check] = {{", *lines, "}", f'"""{meaning}"""', ""])


class _Shared:
    """Patterns and checks of pairs at module level, each written once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names: dict[str, str] = {}

    def pattern(self, pattern: str, prefix: str) -> str:
        return self._name("_is_text", f're.compile({prefix}"{_bare(pattern)}").fullmatch')

    def pairs(self, node: Node) -> str:
        pair = node.children[0]
        key, content = (_part(child) for child in pair.children)
        rules = [line for rule in node.schema.get("x-fields", ()) for line in _rule(rule)]
        lines = [
            "PairsCheck(",
            f"    {quoted(node.expected)},",
            f"    {quoted(pair.expected)},",
            *key,
            *content,
            *(["    rules=(", *rules, "    ),"] if rules else []),
            ")",
        ]
        return self._name("_check_pairs", "\n".join(lines))

    def _name(self, stem: str, value: str) -> str:
        if value not in self._names:
            number = sum(name.startswith(stem) for name in self._names.values()) + 1
            self._names[value] = f"{stem}_{number}"
            self.lines.append(f"{stem}_{number} = {value}")
        return self._names[value]


class _Function:
    """Writes the function for one message."""

    def __init__(self, message: Message, shared: _Shared) -> None:
        self._message = message
        self._shared = shared

    def source(self) -> str:
        message = self._message
        lines = [
            f"def {function_name(message.name)}(message: dict[str, Any]) -> None:",
            f'    """Check a ``{message.type}`` ({message.requirement})."""',
        ]
        for field in message.fields:
            lines += self._field(field, "message", field.name, 4, message.requirement)
        if message.exactly_one:
            first, second = (_local(name) for name in message.exactly_one)
            values = [f"{name}={_local(name)}" for name in message.exactly_one]
            lines.append(f"    if ({first} is None) == ({second} is None):")
            lines += call(8, "raise exactly_one", [quoted(message.requirement), *values])
        return "\n".join(lines)

    def _field(self, field: Field, owner: str, path: str, indent: int, requirement: str) -> list[str]:
        name = _local(field.name)
        default = "MISSING" if field.required else _default(field)
        get = quoted(field.name) if default == "None" else f"{quoted(field.name)}, {default}"
        line = f"{' ' * indent}{name} = {owner}.get({get})"
        return [line, *self._value(field.node, name, path, indent, field.requirement or requirement)]

    def _value(self, node: Node, name: str, path: str, indent: int, requirement: str) -> list[str]:
        space = " " * indent
        if node.is_pairs:
            return [f"{space}{self._shared.pairs(node)}({name}, {_path(path)}, {quoted(requirement)})"]
        condition = self._condition(node, name)
        error = [_path(path), quoted(node.expected), name, quoted(requirement)]
        inner = indent + 4 if node.nullable else indent
        more = self._rest(node.without_null(), name, path, inner, requirement, error)
        if not node.nullable:
            return [*if_line(indent, condition), *call(indent + 4, "raise invalid", error), *more]
        if more:
            return [
                f"{space}if {name} is not None:",
                *if_line(indent + 4, condition),
                *call(indent + 8, "raise invalid", error),
                *more,
            ]
        joined = f"({condition})" if " or " in condition else condition
        whole = f"{name} is not None and {joined}"
        return [*if_line(indent, whole), *call(indent + 4, "raise invalid", error)]

    def _condition(self, node: Node, name: str) -> str:
        """Return the expression that is true for a value which its own keywords refuse, `_rest` apart."""
        schema = node.schema
        if node.kind == "enum":
            values = enumerated(schema)
            if len(values) == 1:
                return f"{name} != {quoted(values[0])}"
            return f"{name} not in ({', '.join(quoted(value) for value in values)})"
        if node.kind == "boolean":
            return f"{name} is not True and {name} is not False"
        if node.kind == "number":
            return f"not is_number({name})" + _outside(name, schema)
        if node.kind == "integer":
            return f"(type({name}) is not int and not is_integer({name}))" + _outside(name, schema)
        if node.kind == "array":
            return f"not issubclass(type({name}), (list, tuple))"
        if node.kind == "tuple":
            return f"not issubclass(type({name}), (list, tuple)) or len({name}) != {len(node.children)}"
        python = {"string": "str", "bytes": "bytes", "object": "dict"}[node.kind]
        wrong = f"type({name}) is not {python} and not issubclass(type({name}), {python})"
        if "pattern" in schema:
            return f"({wrong}) or {self._shared.pattern(schema['pattern'], 'r')}({name}) is None"
        return wrong

    def _rest(self, node: Node, name: str, path: str, indent: int, requirement: str, error: list[str]) -> list[str]:
        """Return the lines that look into a value of the right type."""
        space = " " * indent
        lines: list[str] = []
        if node.kind == "string" and "pattern" not in node.schema:
            lines.append(f"{space}if not {name}.isascii():")
            lines.append(f"{space}    check_text({name}, {_path(path)}, {quoted(requirement)})")
        if "x-max-utf8-bytes" in node.schema:
            lines.append(f"{space}if len({name}.encode()) > {node.schema['x-max-utf8-bytes']}:")
            lines += call(indent + 4, "raise invalid", error)
        if node.kind == "array":
            lines.append(f"{space}for index, item in enumerate({name}):")
            lines += self._value(node.children[0], "item", f"{path}[{{index}}]", indent + 4, requirement)
        for index, child in enumerate(node.children if node.kind == "tuple" else ()):
            item = f"{name}_{index}"
            lines.append(f"{space}{item} = {name}[{index}]")
            lines += self._value(child, item, f"{path}[{index}]", indent, requirement)
        for field in node.fields:
            lines += self._field(field, name, f"{path}.{field.name}", indent, requirement)
        if node.others is not None:
            known = ", ".join(quoted(field.name) for field in node.fields)
            lines.append(f"{space}for key, item in {name}.items():")
            inner = self._value(node.others, "item", f"{path}.{{key}}", indent + 4, requirement)
            condition = inner[0].strip().removeprefix("if ").removesuffix(":")
            lines += [f"{space}    if key not in ({known},) and {condition}:", *inner[1:]]
        return lines


def _part(node: Node) -> list[str]:
    requirement = node.schema.get("x-requirement")
    return [
        "    Part(",
        f'        rb"{_bare(node.schema["x-bytes-pattern"])}",',
        f"        {quoted(node.expected)},",
        f"        {requirement and quoted(requirement)},",
        "    ),",
    ]


def _rule(rule: Schema) -> list[str]:
    lines = [
        f'rb"{_bare(rule["name"])}"',
        quoted(rule["x-expected"]),
        quoted(rule["x-requirement"]),
    ]
    if "value" in rule:
        lines.append(f'value=rb"{_bare(rule["value"])}"')
    if rule.get("once"):
        lines.append("once=True")
    return ["        FieldRule(", *(f"            {line}," for line in lines), "        ),"]


def _local(name: str) -> str:
    taken = hasattr(builtins, name) or keyword.iskeyword(name) or name in {"message", "index", "item", "key"}
    return f"{name}_" if taken else name


def _default(field: Field) -> str:
    if field.default is None:
        return "None"
    if field.node.kind == "bytes":
        return 'b""'
    text = json.dumps(field.default)
    return {"[]": "()", "true": "True", "false": "False"}.get(text, text)


def _outside(name: str, schema: Schema) -> str:
    if "anyOf" in schema:
        ranges = [f"{one['minimum']} <= {name} <= {one['maximum']}" for one in schema["anyOf"]]
        return f" or not ({' or '.join(ranges)})"
    if "maximum" in schema:
        return f" or not {schema['minimum']} <= {name} <= {schema['maximum']}"
    return f" or {name} < {schema['minimum']}"


def _path(path: str) -> str:
    return ("f" if "{" in path else "") + quoted(path)


def _bare(pattern: str) -> str:
    # `fullmatch` anchors by itself, and unlike `$` does not let a newline at the end pass.
    return pattern.removeprefix("^").removesuffix("$")
