"""Writes the classes: one attrs class for each message type."""

from __future__ import annotations

import textwrap

from seaway.spec.generate.layout import HEADER, WIDTH, class_name, function_name, quoted
from seaway.spec.generate.model import Field, Message, Node, enumerated

_IMPORTS = '''"""One class for each message type, generated from the schemas, for those who want types.

The interface itself is dicts: `to_dict` makes one to send, `from_dict` reads one that came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

from attrs import frozen

from seaway.spec import checks
from seaway.spec._message import Message

# A field is called `bytes`: inside its class, that name is no longer the type.
Bytes: TypeAlias = bytes'''
_ANNOTATIONS = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "bytes": "Bytes",
    "object": "Mapping[str, Any]",
}


def write_messages(messages: list[Message]) -> str:
    """Return the source of `seaway.spec.messages` for *messages*."""
    table = [f"    {quoted(message.name)}: {class_name(message.name)}," for message in messages]
    parts = [
        HEADER + _IMPORTS,
        *(_class(message) for message in messages),
        "MESSAGES: dict[str, type[Message]] = {\n" + "\n".join(table) + "\n}\n"
        '"""The class of each message type, by the name of its schema."""',
    ]
    return "\n\n\n".join(parts) + "\n"


def _class(message: Message) -> str:
    # Keyword-only arguments let the schema's order stand: attrs wants those without a default first.
    lines = [
        "@frozen(kw_only=True)",
        f"class {class_name(message.name)}(Message):",
        f'    """{message.schema["description"]}',
        "",
        *(["    Args:", *_argument_lines(message), ""] if message.fields else []),
        f"    ``{message.type}``, {message.requirement}.",
        '    """',
        "",
        f"    type: ClassVar[str] = {quoted(message.type)}",
        f"    _check = staticmethod(checks.{function_name(message.name)})",
        *(f"    {field.name}: {_annotation(field.node)}{_default(field)}" for field in message.fields),
    ]
    return "\n".join(lines)


def _argument_lines(message: Message) -> list[str]:
    return [
        line
        for field in message.fields
        for line in textwrap.wrap(
            f"{field.name}: {field.description}",
            WIDTH,
            initial_indent=" " * 8,
            subsequent_indent=" " * 12,
        )
    ]


def _annotation(node: Node) -> str:
    if node.kind == "enum":
        text = f"Literal[{', '.join(quoted(value) for value in enumerated(node.schema))}]"
    elif node.is_pairs:
        text = "Sequence[Sequence[Bytes]]"
    elif node.kind == "array":
        text = f"Sequence[{_annotation(node.children[0])}]"
    elif node.kind == "tuple":
        text = "Sequence[Any]"
    else:
        text = _ANNOTATIONS[node.kind]
    return f"{text} | None" if node.nullable else text


def _default(field: Field) -> str:
    if field.required:
        return ""
    if field.default is None:
        return " = None"
    if field.default == {"$bytes": ""}:
        return ' = b""'
    if field.default == []:
        return " = ()"
    return f" = {quoted(field.default)}" if isinstance(field.default, str) else f" = {field.default!r}"
