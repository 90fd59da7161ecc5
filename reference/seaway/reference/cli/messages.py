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
from seaway.spec.exchange import check_exchange

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
@click.option("--exchange", is_flag=True, help="FILE is a recorded exchange between a server and one consumer.")
@click.pass_context
def validate(context: click.Context, file: BinaryIO, exchange: bool) -> None:
    """Check the messages in FILE: in JSON form, one a line; - is the standard input.

    Each invalid one is reported with its line, its field, what was expected and the requirement. Empty lines
    are passed over. The exit code is 2 if a message was invalid.

    With --exchange each line is a message with its direction, or the end of a call, and the order is checked too:
    each violation is a line with the requirement. The exit code is 1 if there are any, and 2 if FILE cannot be
    used.

    \b
    Examples:
      seaway validate messages.jsonl
      echo '{"type": "websocket.send", "text": "hi"}' | seaway validate -
      seaway validate --exchange recorded.jsonl

    \b
    A recorded exchange:
      {"protocol": "http"}
      {"direction": "to-consumer", "message": {"type": "http.request", ...}}
      {"direction": "from-consumer", "message": {"type": "http.response", "status": 200}}
      {"event": "returned"}
      {"direction": "to-consumer", "message": {"type": "http.disconnect", "complete": true}}
    """
    name = getattr(file, "name", "<stdin>")
    if exchange:
        context.exit(_validate_exchange(name, file))
    context.exit(_validate_messages(name, file))


def _validate_messages(name: str, file: BinaryIO) -> int:
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
    click.echo(f"{_count(valid + invalid, 'message')}, {invalid or 'none'} invalid")
    return 2 if invalid else 0


def _validate_exchange(name: str, file: BinaryIO) -> int:
    try:
        lines = file.read().decode().split("\n")
        violations = check_exchange(lines)
    except ValueError as error:
        raise click.ClickException(f"{name}: {error}") from None
    for one in violations:
        click.echo(f"{name}:{one.line}: {one.text} ({one.requirement})", err=True)
    entries = sum(1 for line in lines if line.strip())
    if not entries:
        raise click.ClickException(f"{name}: expected the lines of a recorded exchange, got nothing")
    click.echo(f"{_count(entries, 'line')}, {_count(len(violations), 'violation') if violations else 'no violation'}")
    return 1 if violations else 0


def _decoded(line: bytes) -> str:
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InvalidMessage(
            "", "UTF-8", f"byte 0x{line[error.start]:02x} at column {error.start + 1}", "MSG-032"
        ) from None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
