"""`draw_svg`: a picture of a graph, made without a browser. Small graphs node by node, large ones by module."""

from __future__ import annotations

import collections
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx

from workbench.graph.diff_rows import STATUSES
from workbench.graph.files import GraphFile, name_all_nodes, open_graphs, pick_file
from workbench.graph.layered import Box, place_boxes
from workbench.graph.modules import NO_MODULE, fold_modules, module_of
from workbench.graph.operators import is_fused, is_quantized
from workbench.graph.sizes import list_inputs
from workbench.graph.svg import INFINITE, Paint, write_svg
from workbench.graph.tables import shorten
from workbench.models.variant import Variant

if TYPE_CHECKING:
    from workbench.models.source import Source

MOST_NODES = 400  # above this many, one box stands for a module
MOST_MODULES = 60
FEWEST_MODULES = 10  # fewer say too little about a large graph
LONGEST_LABEL, LONGEST_TITLE = 34, 500


def draw_svg(
    variant: Variant | Source | str | Path | onnx.ModelProto,
    *,
    overlay: Any = None,
    file: str | None = None,
) -> str:
    """Draws an ONNX graph as SVG.

    Graphs of up to 400 nodes are drawn node by node, larger ones with one box for each PyTorch module, or for a run
    of nodes where names speak of no module. Constants are left out. The picture suits light and dark pages.

    Args:
        variant: An ONNX variant, its folder, any `.onnx` file, or a model in memory.
        overlay: What is painted on the nodes: a dict from node names to numbers (the larger, the redder) or to
            statuses of a `GraphDiff`, or a result that has such a dict, like `profile_graph`'s.
        file: Which file of the variant; needed where it has several.

    Returns:
        The text of an SVG file.

    Raises:
        ImportError: grandalf, which finds the places of the boxes, is not installed.
        ValueError: The variant is PyTorch, `file` is unknown, the graph is empty, or the overlay is no such thing.
        VariantError: The file is damaged.

    Example:
        >>> picture = draw_svg(optimize_onnx(export_onnx(load_model("random/tiny-bert"))))
        >>> picture.startswith("<svg"), picture.count(">Attention<")
        (True, 2)
    """
    title, model = _pick_model(variant, file)
    if not model.graph.node:
        raise ValueError(f"{title} has no node: there is nothing to draw.")
    values = _read_overlay(overlay, file)
    groups = _group_nodes(_visible_nodes(model.graph))
    inputs = [value.name for value in list_inputs(model.graph)]
    outputs = [value.name for value in model.graph.output]
    boxes = [
        *(_box(name, "input", name, "end") for name in inputs),
        *(_group_box(label, group) for label, group in groups),
        *(_box(name, "output", name, "end") for name in outputs),
    ]
    members = [*([] for _ in inputs), *(group for _, group in groups), *([] for _ in outputs)]
    edges = _find_edges(inputs, members, outputs)
    try:
        layout = place_boxes(boxes, sorted({(min(edge), max(edge)) for edge in edges}))
    except ImportError as error:
        raise ImportError("Drawing a picture needs grandalf: pip install grandalf") from error
    return write_svg(title, boxes, layout, edges, [_paint(group, values) for group in members])


def _pick_model(variant: Any, file: str | None) -> tuple[str, onnx.ModelProto]:
    if isinstance(variant, onnx.ModelProto):
        model = onnx.ModelProto()
        model.CopyFrom(variant)
        name_all_nodes(model)
        return model.graph.name or "graph", model
    graphs = open_graphs(variant)
    name = pick_file(tuple(path.name for path in graphs.paths), file)
    chosen: GraphFile = next(item for item in graphs if item.name == name)
    return f"{graphs.title}, {name}" if graphs.variant else name, chosen.model


def _read_overlay(overlay: Any, file: str | None) -> dict[str, float | str]:
    """Node -> number or status, from whatever the caller has.

    Raises:
        ValueError: It is neither.
    """
    if overlay is None:
        return {}
    if callable(getattr(overlay, "overlay", None)):
        overlay = overlay.overlay(file=file) if hasattr(overlay, "files") else overlay.overlay()
    if not isinstance(overlay, Mapping):
        raise ValueError(
            f"overlay must be a dict from node names, or a profile, got {type(overlay).__name__}."
        )
    for name, value in overlay.items():
        number = isinstance(value, int | float) and not math.isnan(value)
        if not number and value not in STATUSES:
            raise ValueError(
                f"overlay says {value!r:.60} of {name!r:.60}. Give numbers, or one of {', '.join(STATUSES)}."
            )
    return dict(overlay)


Group = list[onnx.NodeProto]


def _visible_nodes(graph: onnx.GraphProto) -> Group:
    """The nodes that do something: constants and their copies are left out."""
    stored = {tensor.name for tensor in graph.initializer}
    return [
        node
        for node in graph.node
        if node.op_type != "Constant" and not (node.op_type == "Identity" and node.input[0] in stored)
    ]


def _group_nodes(nodes: Group) -> list[tuple[str, Group]]:
    """What gets one box, in the order of the graph: single nodes, or modules, each under its label.

    Where names speak of no module, or of too few to show anything, a box stands for a run of nodes.
    """
    if len(nodes) <= MOST_NODES:
        return [(node.op_type, [node]) for node in nodes]
    homes = [module_of(node) for node in nodes]
    folded = _fold({home for home in homes if home != NO_MODULE})
    longest = math.ceil(len(nodes) / MOST_MODULES)
    groups: dict[str | int, Group] = {}
    run, last = 0, 0
    for position, (node, home) in enumerate(zip(nodes, homes, strict=True)):
        key: str | int | None = folded.get(home)
        if key is None:
            if position - last > longest or len(groups.get(run, ())) >= longest:
                run += 1
            key, last = run, position
        groups.setdefault(key, []).append(node)
    return [
        (
            group[0].op_type
            if len(group) == 1
            else key
            if isinstance(key, str)
            else f"{group[0].op_type} … {group[-1].op_type}",
            group,
        )
        for key, group in groups.items()
    ]


def _fold(homes: set[str]) -> dict[str, str]:
    """The modules at a depth that says something of the graph; empty where there is none."""
    ordered = sorted(homes)
    for limit in (MOST_MODULES, MOST_NODES):
        folded = fold_modules(ordered, limit)
        if len(set(folded.values())) >= FEWEST_MODULES or all(name == own for name, own in folded.items()):
            return folded
    return {}


def _group_box(label: str, group: Group) -> Box:
    first = group[0]
    if len(group) == 1:
        kind = "quantized" if is_quantized(first) else "fused" if is_fused(first) else "plain"
        return _box(label, _short(first.name, 44), f"{label} {first.name}", kind)
    counts = collections.Counter(node.op_type for node in group)
    content = ", ".join(f"{count} {name}" for name, count in counts.most_common(12))
    return _box(label, f"{len(group):,} nodes", f"{label}: {content}", "module")


def _box(label: str, note: str, title: str, kind: str) -> Box:
    label = _short(label, LONGEST_LABEL)
    width = max(7.2 * len(label), 5.6 * len(note), 40.0) + 16
    return Box(label, note, shorten(title, LONGEST_TITLE), kind, width)


def _short(name: str, limit: int) -> str:
    return shorten(name, limit) or "–"


def _find_edges(
    inputs: Sequence[str], members: Sequence[Group], outputs: Sequence[str]
) -> set[tuple[int, int]]:
    """Which box feeds which: inputs stand first, outputs last."""
    maker = {name: index for index, name in enumerate(inputs)}
    for index, group in enumerate(members):
        maker.update((name, index) for node in group for name in node.output if name)
    edges = {
        (maker[name], index)
        for index, group in enumerate(members)
        for node in group
        for name in _reads(node)
        if name in maker
    }
    first = len(members) - len(outputs)
    edges |= {(maker[name], first + index) for index, name in enumerate(outputs) if name in maker}
    return {(start, end) for start, end in edges if start != end}


def _reads(node: onnx.NodeProto) -> Iterable[str]:
    """What a node takes, and what the graphs inside it take from around them."""
    yield from node.input
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for child in inner.node:
                yield from _reads(child)


def _paint(group: Group, values: Mapping[str, float | str]) -> Paint:
    found = [values[node.name] for node in group if node.name in values]
    numbers = [float(value) for value in found if not isinstance(value, str)]
    statuses = collections.Counter(value for value in found if isinstance(value, str))
    if statuses:
        told = {status: count for status, count in statuses.items() if status != "unchanged"} or statuses
        return Paint(status=max(told, key=lambda status: told[status]))
    if any(map(math.isinf, numbers)):
        return Paint(status=INFINITE)
    return Paint(sum(numbers)) if numbers else Paint()
