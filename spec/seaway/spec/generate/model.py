"""Schemas, read into nodes that the writers can walk.

A node is one value of a message: its kind, what it may be, and how an error calls it. A keyword that is not
known here is an error.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, field, frozen

_ANNOTATIONS = {"$schema", "title", "description", "examples", "default", "x-expected", "x-requirement"}
_MESSAGE_KEYWORDS = {"type", "required", "properties", "oneOf", "x-direction", "x-protocol", "x-since"}
_KEYWORDS = {
    "string": {"type", "pattern", "x-max-utf8-bytes"},
    "integer": {"type", "minimum", "maximum", "anyOf"},
    "number": {"type", "minimum"},
    "boolean": {"type"},
    "enum": {"enum", "const"},
    "bytes": {"$bytes", "x-bytes-pattern"},
    "array": {"type", "items", "x-fields"},
    "tuple": {"type", "prefixItems", "items", "minItems", "maxItems"},
    "object": {"type", "properties", "required", "propertyNames", "additionalProperties"},
}
_WORDS = {
    "string": "a string",
    "boolean": "a boolean",
    "bytes": "bytes",
    "object": "an object",
    "array": "an array",
    "tuple": "an array",
}
_NULL = {"type": "null"}

Schema = dict[str, Any]
"""A JSON Schema, or a part of one."""


class InvalidSchemaError(ValueError):
    """A schema uses a keyword for which the generator has no rule, or has a field without a description."""


@frozen
class Node:
    """One value: *kind* is a key of `_KEYWORDS`, *schema* its keywords with references followed."""

    kind: str
    schema: Schema
    nullable: bool
    expected: str
    children: tuple[Node, ...] = ()
    fields: tuple[Field, ...] = ()
    others: Node | None = None

    @property
    def is_pairs(self) -> bool:
        """Whether this is a sequence of (bytes, bytes), as header fields are."""
        if self.kind != "array" or self.children[0].kind != "tuple":
            return False
        return [child.kind for child in self.children[0].children] == ["bytes", "bytes"]

    def without_null(self) -> Node:
        """Return the same node for a value that is known not to be null."""
        return evolve(self, nullable=False)


@frozen
class Field:
    """One key of an object."""

    name: str
    node: Node
    required: bool
    default: Any
    requirement: str | None

    @property
    def description(self) -> str:
        """What the schema says about the field."""
        return str(self.node.schema["description"])


@frozen
class Message:
    """One message type, in the directions that its schema is for."""

    name: str
    schema: Schema = field(repr=False)
    fields: tuple[Field, ...]
    exactly_one: tuple[str, ...]

    @property
    def type(self) -> str:
        """The message type; two schemas share one where the directions differ."""
        return str(self.schema["title"])

    @property
    def requirement(self) -> str:
        """Identifier of the requirement that defines the message."""
        return str(self.schema["x-requirement"])


def read_message(name: str, schema: Schema, common: Schema) -> Message:
    """Read the schema called *name*; *common* holds the shared definitions.

    Raises:
        InvalidSchemaError: a keyword that the generator has no rule for, or a field without a description.
    """
    _refuse_unknown(schema, _MESSAGE_KEYWORDS, name)
    properties = {key: value for key, value in schema["properties"].items() if key != "type"}
    return Message(
        name=name,
        schema=schema,
        fields=_Reader(common).fields({**schema, "properties": properties}, name),
        exactly_one=tuple(branch["required"][0] for branch in schema.get("oneOf", ())),
    )


class _Reader:
    def __init__(self, common: Schema) -> None:
        self._definitions: dict[str, Schema] = common["$defs"]

    def fields(self, schema: Schema, where: str) -> tuple[Field, ...]:
        for name, value in schema.get("properties", {}).items():
            if not self._follow(value).get("description"):
                raise InvalidSchemaError(f"{where}.{name}: expected a description")
        return tuple(
            Field(
                name=name,
                node=self.node(value, f"{where}.{name}"),
                required=name in schema.get("required", ()),
                default=value.get("default"),
                requirement=value.get("x-requirement"),
            )
            for name, value in schema.get("properties", {}).items()
        )

    def node(self, schema: Schema, where: str) -> Node:
        schema = self._follow(schema)
        branches = schema.get("anyOf", ())
        nullable = _NULL in branches
        if nullable:
            (other,) = [branch for branch in branches if branch != _NULL]
            beside = {key: value for key, value in schema.items() if key != "anyOf"}
            schema = {**self._follow(other), **beside}
        kind, types = _kind(schema, where)
        _refuse_unknown(schema, _KEYWORDS[kind], where)
        nullable = nullable or "null" in types
        expected = schema.get("x-expected") or _words(kind, schema)
        others = schema.get("additionalProperties")
        return Node(
            kind=kind,
            schema=schema,
            nullable=nullable,
            expected=f"{expected} or null" if nullable else expected,
            children=self._children(kind, schema, where),
            fields=self.fields(schema, where) if kind == "object" else (),
            others=self.node(others, f"{where}.*") if others else None,
        )

    def _children(self, kind: str, schema: Schema, where: str) -> tuple[Node, ...]:
        items = [schema["items"]] if kind == "array" else schema.get("prefixItems", ())
        return tuple(self.node(item, f"{where}[{index}]") for index, item in enumerate(items))

    def _follow(self, schema: Schema) -> Schema:
        """Replace a reference by what it names; keywords beside it win."""
        if "$ref" not in schema:
            return schema
        name = schema["$ref"].removeprefix("common.json#/$defs/")
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return {**({"$bytes": True} if name == "bytes" else self._definitions[name]), **beside}


def _kind(schema: Schema, where: str) -> tuple[str, list[str]]:
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    if "$bytes" in schema:
        return "bytes", types
    if "enum" in schema or "const" in schema:
        return "enum", types
    kind = next((one for one in types if one != "null"), None)
    if kind == "array" and "prefixItems" in schema:
        return "tuple", types
    if kind not in _KEYWORDS:
        raise InvalidSchemaError(f"{where}: the generator has no rule for type {schema.get('type')!r}")
    return kind, types


def _refuse_unknown(schema: Schema, known: set[str], where: str) -> None:
    for keyword in schema:
        if keyword not in known | _ANNOTATIONS:
            raise InvalidSchemaError(f"{where}: the generator has no rule for {keyword!r}")


def _words(kind: str, schema: Schema) -> str:
    if kind == "enum":
        return " or ".join(repr(value) for value in enumerated(schema))
    if "x-max-utf8-bytes" in schema:
        return f"a string of at most {schema['x-max-utf8-bytes']} bytes in UTF-8"
    if kind in {"integer", "number"}:
        noun = "an integer" if kind == "integer" else "a number"
        low, high = schema["minimum"], schema.get("maximum")
        return f"{noun} of at least {low}" if high is None else f"{noun} from {low} to {high}"
    return _WORDS[kind]


def enumerated(schema: Schema) -> list[str]:
    """Return the values that an ``enum`` or ``const`` allows."""
    return list(schema["enum"]) if "enum" in schema else [schema["const"]]
