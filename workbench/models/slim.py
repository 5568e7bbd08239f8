"""`slim_copy`: an ONNX graph without its weights, for whoever draws or lists it.

A viewer needs every tensor's name, type and shape, and none of its values. The file is walked field by field and
the values are stepped over, so that half a gigabyte of weights is never read, let alone held in memory twice, as
protobuf's own parser does. Nothing outside the file is opened.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, BinaryIO

import onnx
from google.protobuf.message import DecodeError, Message

from workbench.errors import VariantError
from workbench.models.wire import BYTES, read_fields, write_tag, write_varint

LIMIT = 256  # bytes: shapes, axes, scales and other small constants stay readable
LEFT_OUT = "left-out"  # stands where the name of a weights file would
DATA_FIELDS = frozenset(
    field.number for field in onnx.TensorProto.DESCRIPTOR.fields if field.name.endswith("_data")
) - {onnx.TensorProto.EXTERNAL_DATA_FIELD_NUMBER}


def slim_copy(path: str | Path, *, limit: int = LIMIT) -> onnx.ModelProto:
    """Reads an ONNX file without the values of its tensors.

    Tensors with more than `limit` bytes of values are emptied and marked as external, wherever they stand:
    initializers, attributes, subgraphs, functions, sparse tensors. Data that was external before is not looked
    for, and the name of its file is replaced, so that no reader of the copy goes looking either. Lists of plain
    numbers in attributes stay: they are no tensors.

    Args:
        path: An ONNX file, any one.
        limit: How many bytes of values a tensor may keep.

    Returns:
        The model: all nodes, names, types and shapes. It cannot be run.

    Raises:
        FileNotFoundError: There is no such file.
        VariantError: It is no ONNX file, or a damaged one.

    Example:
        >>> file = export_onnx(load_model("random/tiny-bert")).onnx_files[0]
        >>> slim_copy(file).ByteSize() < file.stat().st_size / 4
        True
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            kept = _copy_message(stream, path.stat().st_size, onnx.ModelProto.DESCRIPTOR, limit)
        model = onnx.ModelProto.FromString(kept)
        if not model.HasField("graph"):
            raise DecodeError("it holds no graph")
        _clean(model)
    except FileNotFoundError:
        raise
    except (OSError, DecodeError, RecursionError) as error:
        raise VariantError(f"{path} is no ONNX file that can be read: {error}. Export it again.") from error
    return model


def _clean(message: Message) -> None:
    """Takes the file names out of external tensors, and refuses names that are no text."""
    for field, value in message.ListFields():
        values = value if isinstance(value, _REPEATED) else (value,)
        if field.type == field.TYPE_STRING and any(isinstance(item, bytes) for item in values):
            raise DecodeError(f"the {field.name} {values[0]!r:.60} is no text")
        if field.message_type is not None:
            for item in values:
                _clean(item)
    if isinstance(message, onnx.TensorProto) and message.external_data:
        _mark_external(message)


_REPEATED = (type(onnx.GraphProto().node), type(onnx.NodeProto().input))


def _mark_external(tensor: onnx.TensorProto) -> None:
    del tensor.external_data[:]
    tensor.external_data.add(key="location", value=LEFT_OUT)
    tensor.data_location = onnx.TensorProto.EXTERNAL


def _copy_message(stream: BinaryIO, end: int, descriptor: Any, limit: int) -> bytes:
    """Copies the message from the stream's position to `end`, in wire format, less the values of large tensors."""
    begin = stream.tell()
    if end - begin <= limit:  # too small to hold anything that is left out
        return _read(stream, end - begin)
    dropped: frozenset[int] = frozenset()
    if descriptor is onnx.TensorProto.DESCRIPTOR:
        values = sum(
            field.stop - field.start for field in read_fields(stream, end) if field.number in DATA_FIELDS
        )
        dropped = DATA_FIELDS if values > limit else dropped
        stream.seek(begin)
    copy = io.BytesIO()
    for field in read_fields(stream, end):
        if field.number in dropped:
            continue
        known = descriptor.fields_by_number.get(field.number)
        if known is not None and known.message_type is not None and field.wire_type == BYTES:
            stream.seek(field.start)
            inner = _copy_message(stream, field.stop, known.message_type, limit)
            copy.write(write_tag(field.number) + write_varint(len(inner)) + inner)
        else:
            stream.seek(field.tag)
            copy.write(_read(stream, field.stop - field.tag))
    if dropped:
        mark = onnx.TensorProto()
        _mark_external(mark)
        copy.write(mark.SerializeToString())  # two messages in a row are one with the fields of both
    return copy.getvalue()


def _read(stream: BinaryIO, size: int) -> bytes:
    found = stream.read(size)
    if len(found) != size:
        raise DecodeError("it ends too early")
    return found
