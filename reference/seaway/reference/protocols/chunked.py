"""The chunked coding of request bodies, decoded strictly (RFC 9112, 7.1)."""

from __future__ import annotations

import re

from .head import BARE_LF, Refused, open_end, parse_fields

__all__ = ["ChunkedDecoder"]

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})((?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?)")
_PLAIN = re.compile(rb"([0-9A-Fa-f]{1,16})\r\n")
_MAX_EXTENSIONS = 4096
_MAX_LINE = 4096 + 32

_SIZE_LINE, _DATA, _DATA_END, _TRAILERS = range(4)


class ChunkedDecoder:
    """Bytes in, body out. `done` once the last line end is in; `trailers` then holds the trailer fields.

    - `max_size`, `max_fields`: of the trailers, as of a head.
    """

    __slots__ = ("_block", "_extensions", "_left", "_line", "_max_fields", "_max_size", "_state", "done", "trailers")

    def __init__(self, max_size: int, max_fields: int) -> None:
        self._max_size = max_size
        self._max_fields = max_fields
        self._state = _SIZE_LINE
        self._left = 0
        self._line = b""
        self._block = bytearray()  # the trailers, as far as they have come
        self._extensions = 0
        self.done = False
        self.trailers: list[tuple[bytes, bytes]] = []

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Decode `data`: the body in it, and what is left over behind the body's end. Raises `Refused`."""
        parts: list[bytes] = []
        position, size = 0, len(data)
        while position < size and not self.done:
            state = self._state
            if state == _SIZE_LINE and not self._line and (match := _PLAIN.match(data, position)):
                start = match.end()  # a usual chunk that is here as a whole: by state it costs more than twice as much
                end = start + int(match[1], 16)
                if end > start and data[end : end + 2] == b"\r\n":
                    parts.append(data[start:end])
                    position = end + 2
                    continue
            if state == _DATA:
                part = data[position : position + self._left]
                parts.append(part)
                position += len(part)
                self._left -= len(part)
                if not self._left:
                    self._state = _DATA_END
            elif state == _TRAILERS:
                position = self._trailers(data, position)
            else:
                end = data.find(b"\n", position)
                piece = data[position:] if end < 0 else data[position : end + 1]
                position += len(piece)
                line = self._line + piece
                if state == _DATA_END:
                    self._data_end(line)
                else:
                    self._size_line(line, complete=end >= 0)
        return b"".join(parts), data[position:]

    def _data_end(self, line: bytes) -> None:
        if not b"\r\n".startswith(line):
            raise Refused(400, "a chunk is longer than its size says, or does not end in CRLF (RFC 9112, 7.1)")
        self._line = line
        if line == b"\r\n":
            self._line = b""
            self._state = _SIZE_LINE

    def _size_line(self, line: bytes, *, complete: bool) -> None:
        if len(line) > _MAX_LINE:
            raise Refused(400, f"a chunk's size line is longer than {_MAX_LINE} bytes (RFC 9112, 7.1.1)")
        self._line = line
        if not complete:
            return
        match = _SIZE.fullmatch(line[:-2]) if line.endswith(b"\r\n") else None
        if match is None:
            raise Refused(400, "a chunk's size line is not hexadecimal digits and CRLF (RFC 9112, 7.1)")
        self._extensions += len(match[2])
        if self._extensions > _MAX_EXTENSIONS:
            raise Refused(400, f"chunk extensions of more than {_MAX_EXTENSIONS} bytes (RFC 9112, 7.1.1)")
        self._left = int(match[1], 16)
        self._line = b""
        self._state = _DATA if self._left else _TRAILERS

    def _trailers(self, data: bytes, position: int) -> int:
        """Gather lines until an empty one; returns the position behind what was used."""
        block = self._block
        seen = len(block)
        block += data[position:]
        if block.startswith(b"\r\n"):
            end, used = 0, 2
        else:
            end = block.find(b"\r\n\r\n", max(0, seen - 3))
            if end > self._max_size or (end < 0 and len(block) - open_end(block) > self._max_size):
                raise Refused(431, "the trailers are too large (RFC 6585, 5)")
            if end < 0:
                if BARE_LF.search(block, max(0, seen - 1)):
                    raise Refused(400, "a trailer line does not end in CRLF (RFC 9112, 7.1.2)")
                if block.startswith(b"\r") and len(block) > 1:
                    raise Refused(400, "the body does not end in CRLF (RFC 9112, 7.1)")
                return len(data)
            used = end + 4
        if end:
            self.trailers = parse_fields(bytes(block[:end]), self._max_fields)
        self._block = bytearray()
        self.done = True
        return position + used - seen
