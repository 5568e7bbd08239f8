"""`include` / `exclude`: globs over PyTorch module names or ONNX node names, turned into the nodes they mean."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Sequence

import onnx

from workbench.models.onnx_nodes import module_names


def select_nodes(
    nodes: Sequence[onnx.NodeProto], *, include: Iterable[str] | None, exclude: Iterable[str] | None
) -> list[onnx.NodeProto]:
    """The nodes that the patterns leave in.

    A pattern that names a module means everything inside it. Nodes of several files may have equal names.

    Args:
        nodes: The nodes there are to choose from.
        include: Globs of which a node must match one; None takes all.
        exclude: Globs of which it must match none.

    Raises:
        ValueError: A pattern matches no node; the message lists near names.

    Example:
        >>> query = onnx.helper.make_node("MatMul", ["x", "w"], ["y"], name="/layer.0/query/MatMul")
        >>> [node.name for node in select_nodes([query], include=["layer.*"], exclude=None)]
        ['/layer.0/query/MatMul']
    """
    handles = {index: _handles(node) for index, node in enumerate(nodes)}
    taken = set(handles)
    if include is not None:
        taken = {
            index
            for pattern in as_patterns(include, "include")
            for index in _match(pattern, handles, "include")
        }
    for pattern in as_patterns(exclude or (), "exclude"):
        taken -= set(_match(pattern, handles, "exclude"))
    return [node for index, node in enumerate(nodes) if index in taken]


def as_patterns(patterns: Iterable[str] | str, argument: str) -> list[str]:
    """A list of globs; one string is taken as one glob.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(patterns, Iterable):
        raise TypeError(
            f"{argument} takes a glob or a list of globs such as 'encoder.layer.0.*', got {patterns!r}."
        )
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    wrong = [pattern for pattern in patterns if not isinstance(pattern, str) or not pattern]
    if wrong:
        raise TypeError(
            f"{argument} takes a glob or a list of globs such as 'encoder.layer.0.*', got {wrong[0]!r}."
        )
    return patterns


def _handles(node: onnx.NodeProto) -> tuple[str, ...]:
    """Everything by which a node may be called: its name, its modules, and the modules around them."""
    handles = [node.name]
    for module in module_names(node):
        parts = module.split(".")
        handles += [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
    return tuple(dict.fromkeys(handles))


def _match(pattern: str, handles: dict[int, tuple[str, ...]], argument: str) -> list[int]:
    matched = [
        index for index, known in handles.items() if any(fnmatch.fnmatchcase(item, pattern) for item in known)
    ]
    if matched:
        return matched
    everything = dict.fromkeys(item for known in handles.values() for item in known[:2])
    plain = pattern.replace("*", "")
    near = difflib.get_close_matches(plain, everything, n=3, cutoff=0.3) or list(everything)[:3]
    raise ValueError(
        f"{argument}={pattern!r} matches nothing that can be quantized. "
        f"Near names: {', '.join(map(repr, near)) or 'none, the graph has no such node'}."
    )
