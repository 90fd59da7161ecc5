"""Lines of Python as the formatter would leave them, so that generated files need no second tool."""

from __future__ import annotations

WIDTH = 120
HEADER = "# Generated from the schemas by `python -m seaway.spec.generate`. Do not edit.\n"


def call(indent: int, head: str, arguments: list[str]) -> list[str]:
    """Return ``head(arguments)`` on one line if it fits, else its arguments on a line, else one on each."""
    space = " " * indent
    one_line = f"{space}{head}({', '.join(arguments)})"
    if len(one_line) <= WIDTH:
        return [one_line]
    inner = f"{space}    {', '.join(arguments)}"
    if len(inner) <= WIDTH:
        return [f"{space}{head}(", inner, f"{space})"]
    return [f"{space}{head}(", *(f"{space}    {argument}," for argument in arguments), f"{space})"]


def if_line(indent: int, condition: str) -> list[str]:
    """Return ``if condition:``, its last parentheses opened up if it is too long."""
    space = " " * indent
    one_line = f"{space}if {condition}:"
    if len(one_line) <= WIDTH:
        return [one_line]
    depth, start = 0, len(condition)
    while depth or start == len(condition):
        start -= 1
        depth += {")": 1, "(": -1}.get(condition[start], 0)
    inner = condition[start + 1 : -1]
    return [f"{space}if {condition[: start + 1]}", f"{space}    {inner}", f"{space}):"]


def quoted(text: str) -> str:
    """Return *text* as a literal, in double quotes unless it has some itself."""
    if '"' in text or "\\" in text:
        return repr(text)
    return f'"{text}"'


def class_name(schema_name: str) -> str:
    """Return the name of the class for a schema: ``"http.response.body"`` gives ``"HTTPResponseBody"``."""
    known = {"http": "HTTP", "http2": "HTTP2", "websocket": "WebSocket"}
    return "".join(known.get(word, word.title().replace("_", "")) for word in schema_name.split("."))


def function_name(schema_name: str) -> str:
    """Return the name of the check for a schema: ``"http.response"`` gives ``"check_http_response"``."""
    return f"check_{schema_name.replace('.', '_')}"
