"""``seaway schema`` and ``seaway validate``: the messages of the interface, for people and other languages."""

from __future__ import annotations

import difflib
import json
from typing import BinaryIO

import click
from rich.console import Console
from rich.syntax import Syntax

from seaway.spec import InvalidMessage, json_form, schemas
from seaway.spec import validate as validate_message

__all__ = ["schema", "validate"]


@click.command()
@click.argument("message_type", metavar="TYPE")
def schema(message_type: str) -> None:
    """Print the JSON Schema of a message type.

    It describes the JSON form of the message, complete, in draft 2020-12.

    \b
    Examples:
      seaway schema http.response
      seaway schema websocket.send > websocket.send.schema.json
    """
    try:
        found = schemas.schema(message_type)
    except KeyError:
        close = difflib.get_close_matches(message_type, schemas.types(), n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(schemas.types())}"
        raise click.ClickException(f"no message type is named {message_type!r}; {hint}") from None
    text = json.dumps(found, indent=2, ensure_ascii=False)
    console = Console()
    if console.is_terminal:
        console.print(Syntax(text, "json", background_color="default", word_wrap=True))
    else:
        click.echo(text)


@click.command()
@click.argument("file", type=click.File("rb"))
@click.pass_context
def validate(context: click.Context, file: BinaryIO) -> None:
    """Check the messages in FILE: in JSON form, one a line; - is the standard input.

    Each invalid one is reported with its line, its field, what was expected and the requirement. Empty lines
    are passed over. The exit code is 2 if a message was invalid.

    \b
    Examples:
      seaway validate messages.jsonl
      echo '{"type": "websocket.send", "text": "hi"}' | seaway validate -
    """
    name = getattr(file, "name", "<stdin>")
    valid = invalid = 0
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            validate_message(json_form.loads(_decoded(line)))
        except InvalidMessage as error:
            invalid += 1
            click.echo(f"{name}:{number}: {error}", err=True)
        else:
            valid += 1
    click.echo(f"{_count(valid + invalid)}, {invalid or 'none'} invalid")
    if invalid:
        context.exit(2)


def _decoded(line: bytes) -> str:
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InvalidMessage(
            "", "UTF-8", f"byte 0x{line[error.start]:02x} at column {error.start + 1}", "MSG-032"
        ) from None


def _count(number: int) -> str:
    return f"{number} message" if number == 1 else f"{number} messages"
