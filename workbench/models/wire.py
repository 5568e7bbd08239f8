"""Protobuf's wire format, as far as ONNX files need it: walking through a file without parsing all of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from google.protobuf.message import DecodeError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Field(NamedTuple):
    """One field of a message in wire format; the last three are positions in the file."""

    number: int
    wire_type: int
    tag: int
    start: int
    stop: int


def read_fields(stream: BinaryIO, end: int) -> Iterator[Field]:
    """The fields of the message from the stream's position to `end`."""
    position = stream.tell()
    while position < end:
        stream.seek(position)
        head = stream.read(min(20, end - position))  # a tag and a length: two numbers of ten bytes at most
        tag, used = _read_varint(head, 0)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == BYTES:
            length, used = _read_varint(head, used)
            start, stop = position + used, position + used + length
        elif wire_type == VARINT:
            start, stop = position + used, position + _read_varint(head, used)[1]
        elif wire_type in (FIXED32, FIXED64):
            start, stop = position + used, position + used + (4 if wire_type == FIXED32 else 8)
        else:
            raise DecodeError(f"byte {position} starts no field of any known kind")
        if stop > end or number == 0:
            raise DecodeError(f"the field at byte {position} runs past the end of what it belongs to")
        yield Field(number, wire_type, position, start, stop)
        position = stop


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """A number of seven bits a byte, and the position behind it."""
    value = 0
    for index in range(position, min(position + 10, len(data))):
        value |= (data[index] & 0x7F) << 7 * (index - position)
        if not data[index] & 0x80:
            return value, index + 1
    raise DecodeError("it ends inside a number")


def write_tag(number: int) -> bytes:
    """What stands before the length of a field that holds a message or bytes."""
    return write_varint(number << 3 | BYTES)


def write_varint(value: int) -> bytes:
    """A whole number, seven bits a byte, the lowest first."""
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)
