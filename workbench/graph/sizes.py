"""Which sizes a graph's inputs get when its costs are estimated: those of a real sample, as the runner feeds it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import onnx

from workbench.graph.fused_shapes import Shape
from workbench.models.variant import Variant
from workbench.runners.onnxruntime import SINGLE, WITH_PAST

DEFAULT_BATCH, DEFAULT_SIZE = 1, 128
Axes = tuple[int | str | None, ...]


def read_axes(value: onnx.ValueInfoProto) -> Axes | None:
    """The axes of an input or output: a number, a symbol, or None for one of which nothing is said."""
    kind = value.type.WhichOneof("value")
    held = getattr(value.type, kind) if kind in ("tensor_type", "sparse_tensor_type") else None
    if held is None or not held.HasField("shape"):
        return None
    return tuple(
        axis.dim_value if axis.HasField("dim_value") else axis.dim_param or None for axis in held.shape.dim
    )


def list_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """The inputs that a caller feeds: old files list their weights among them too."""
    stored = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in stored]


def choose_sizes(
    graph: onnx.GraphProto,
    *,
    file_name: str,
    variant: Variant | None,
    shapes: Mapping[str, Sequence[int] | int] | None,
    states: Shape | None = None,
) -> tuple[dict[str, Shape], dict[str, int], tuple[str, ...]]:
    """Gives every input whole numbers as its sizes.

    Args:
        graph: The graph.
        file_name: Which of the variant's files it is: a decoder is fed other things than an encoder.
        variant: Where the sample comes from, if it is one.
        shapes: What the caller fixed: an input's name and its shape, or a symbol and its size.
        states: The shape of what the encoder gives, if this is its decoder.

    Returns:
        The shape of every input, the size of every symbol, and the symbols whose size is a guess.

    Raises:
        ValueError: `shapes` names nothing of this graph, or does not fit it.
    """
    axes = {value.name: read_axes(value) or () for value in list_inputs(graph)}
    symbols: dict[str, int] = {}
    wanted = dict(shapes or {})
    for name, given in wanted.items():
        if isinstance(given, int):
            symbols[name] = given
        elif name in axes:
            _bind(name, axes[name], tuple(given), symbols, strict=True)
    fed = _sample_shapes(variant, file_name)
    if states is not None:
        fed["encoder_hidden_states"] = states
        fed["past_key_values.0.encoder.key"] = (states[0], 1, states[1], 1)
    for name, sample in fed.items():
        if name in axes and name not in wanted and len(axes[name]) == len(sample):
            _bind(name, axes[name], sample, symbols)
    guessed: list[str] = []
    known: dict[str, Shape] = {}
    for name, said in axes.items():
        shape = wanted.get(name)
        if shape is not None and not isinstance(shape, int):
            known[name] = tuple(int(size) for size in shape)
            continue
        for label in (axis or f"{name}[{position}]" for position, axis in enumerate(said)):
            if isinstance(label, str) and label not in symbols:
                symbols[label], sure = _derive(label, symbols, file_name)
                guessed += [] if sure else [label]
        known[name] = tuple(
            axis if isinstance(axis, int) else symbols[axis or f"{name}[{position}]"]
            for position, axis in enumerate(said)
        )
    return known, symbols, tuple(guessed)


def check_shapes(shapes: Mapping[str, Sequence[int] | int] | None, graphs: Sequence[onnx.GraphProto]) -> None:
    """Raises when a name in `shapes` is neither an input nor a symbol of any of the graphs.

    Raises:
        ValueError: It is not.
    """
    known: dict[str, None] = {}
    for graph in graphs:
        for value in list_inputs(graph):
            known[value.name] = None
            known.update(dict.fromkeys(axis for axis in read_axes(value) or () if isinstance(axis, str)))
    for name in shapes or {}:
        if name not in known:
            raise ValueError(
                f"shapes names {name!r}, which is no input and no axis of it. Known: {', '.join(known)}."
            )


def _bind(name: str, said: Axes, shape: Shape, symbols: dict[str, int], *, strict: bool = False) -> None:
    if strict and (
        len(said) != len(shape)
        or any(isinstance(axis, int) and axis != size for axis, size in zip(said, shape, strict=True))
    ):
        raise ValueError(f"The input {name!r} has the axes {said}; the shape {shape} does not fit them.")
    for axis, size in zip(said, shape, strict=True):
        if isinstance(axis, str):
            symbols.setdefault(axis, int(size))


def _sample_shapes(variant: Variant | None, file_name: str) -> dict[str, Shape]:
    """The shapes that the runner would feed to this file, for the first sample."""
    samples = variant.samples() if variant is not None else []
    if not samples:
        return {}
    shapes = {name: value.shape for name, value in samples[0].items()}
    if file_name.startswith("decoder"):
        spoken = shapes.get("decoder_input_ids", (1, 2))
        heard = shapes.get("attention_mask") or shapes.get("input_ids")
        last = file_name == WITH_PAST  # one token more, with the past of those before it
        decoder = {"input_ids": (spoken[0], 1) if last else spoken}
        if heard:
            decoder["encoder_attention_mask"] = heard
        if last:
            decoder["past_key_values.0.decoder.key"] = (spoken[0], 1, max(1, spoken[1] - 1), 1)
        return decoder
    return shapes


def _derive(label: str, symbols: Mapping[str, int], file_name: str) -> tuple[int, bool]:
    """A size for a symbol that no sample speaks of, and whether it is more than a guess."""
    terms = [term.strip() for term in label.split("+")]
    if len(terms) > 1 and all(term in symbols or re.fullmatch(r"\d+", term) for term in terms):
        return sum(symbols[term] if term in symbols else int(term) for term in terms), True
    if "past" in label and "+" not in label and file_name == SINGLE:
        return 0, True  # the whole input at once, as `run` does it
    return (DEFAULT_BATCH if "batch" in label.lower() else DEFAULT_SIZE), False
