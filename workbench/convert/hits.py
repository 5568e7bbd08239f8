"""`count_hits`: what a quantize verb would do to a variant and what each glob means, before anything is made."""

from __future__ import annotations

import dataclasses
import functools
import html
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import onnx

from workbench.convert.module_tree import Branch, Weight, cover, grow_tree, lies_in
from workbench.convert.patterns import as_patterns, select_nodes
from workbench.convert.quantizing import PRODUCTS, quantizable_nodes, require_fp32
from workbench.models.onnx_nodes import module_names, name_nodes
from workbench.models.slim import slim_copy
from workbench.models.variant import Variant

OPERATORS = {
    "quantize_dynamic": (*PRODUCTS, "Gather"),
    "quantize_static": PRODUCTS,
    "quantize_weights": ("MatMul",),
    "convert_openvino": (*PRODUCTS, "Conv", "ConvTranspose", "Gather"),
}


@dataclasses.dataclass(frozen=True)
class Glob:
    """One glob and what it hits.

    Attributes:
        argument: "include" or "exclude".
        pattern: The glob.
        hits: How many weights it matches.
        problem: Why the verb would refuse it; empty where it would not.
    """

    argument: str
    pattern: str
    hits: int
    problem: str = ""


@dataclasses.dataclass(frozen=True)
class Hits:
    """What a verb would quantize.

    Attributes:
        verb: The verb.
        variant: The variant's name.
        weights: All that the verb could quantize, in the graph's order.
        globs: What each glob hits.
    """

    verb: str
    variant: str
    weights: tuple[Weight, ...]
    globs: tuple[Glob, ...]

    @property
    def taken(self) -> int:
        """How many weights would be quantized."""
        return sum(weight.taken for weight in self.weights)

    @property
    def noun(self) -> str:
        """What is counted."""
        return "products" if all(item.operator != "Gather" for item in self.weights) else "weights"

    @property
    def problem(self) -> str:
        """Why the verb would refuse; empty where it would not."""
        if not self.weights:
            return f"{self.variant} has nothing that {self.verb} can quantize."
        wrong = next((item.problem for item in self.globs if item.problem), "")
        return wrong or (
            "" if self.taken else f"include and exclude together leave nothing of {self.variant} to quantize."
        )

    def lines(self, argument: str | None = None) -> list[str]:
        """What each glob hits, of both arguments or of one, a line each."""
        return [
            item.problem
            or f"{item.argument} {item.pattern!r}: {item.hits} of {len(self.weights)} {self.noun}"
            for item in self.globs
            if argument in (None, item.argument)
        ]

    def tree(self) -> tuple[Branch, ...]:
        """The modules, each behind the one around it; one that holds a single module is joined with it."""
        return grow_tree(self.weights)

    def toggle(self, module: str, *, take: bool) -> tuple[list[str], list[str]]:
        """The `include` and `exclude` that take a module of the tree in, or leave it out, and change nothing else.

        Args:
            module: The glob of a branch.
            take: Whether it shall be quantized.
        """
        include, exclude = (
            [item.pattern for item in self.globs if item.argument == argument]
            for argument in ("include", "exclude")
        )
        if not take:  # what was typed stays
            return include, [*(each for each in exclude if not each.startswith(f"{module}.")), module]
        weights = tuple(
            dataclasses.replace(item, taken=item.taken or lies_in(item, module)) for item in self.weights
        )
        return [], cover(weights)

    def __str__(self) -> str:
        """The counts, in a few lines."""
        verdict = f"{self.verb}: {self.taken} of {len(self.weights)} {self.noun} of {self.variant}"
        return "\n".join([self.problem or verdict, *self.lines()])

    def _repr_html_(self) -> str:
        return "<br>".join(html.escape(line) for line in str(self).splitlines())

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {**dataclasses.asdict(self), "taken": self.taken, "problem": self.problem}


def count_hits(
    variant: Variant | str | Path,
    verb: str,
    *,
    include: Iterable[str] | str | None = None,
    exclude: Iterable[str] | str | None = None,
    embeddings: bool = True,
) -> Hits:
    """Says what a verb would quantize, without doing it; the weights of the files are not read.

    Args:
        variant: An fp32 ONNX variant, or its folder.
        verb: "quantize_dynamic", "quantize_static", "quantize_weights" or "convert_openvino" (its int8).
        include: The globs that the verb will be given.
        exclude: The same.
        embeddings: The same, for "quantize_dynamic".

    Returns:
        How many weights each glob hits, and which the verb would take. What the verb would refuse is its `problem`.

    Raises:
        ValueError: The variant is no fp32 ONNX variant, or the verb is another one.
        VariantError: A file of the variant cannot be read.

    Example:
        >>> hits = count_hits(export_onnx(load_model("random/tiny-bert")), "quantize_static", exclude="*.layer.0")
        >>> print(hits)
        quantize_static: 7 of 13 products of onnx-fp32
        exclude '*.layer.0': 6 of 13 products
    """
    if verb not in OPERATORS:
        raise ValueError(f"verb must be one of {', '.join(map(repr, OPERATORS))}, got {verb!r}.")
    parent = require_fp32(variant, verb)
    operators = OPERATORS[verb]
    if verb == "quantize_dynamic" and not embeddings:
        operators = PRODUCTS
    nodes: list[onnx.NodeProto] = []
    weighted: set[int] = set()
    for file in parent.onnx_files:
        stat = file.stat()
        found, others = _read_nodes(file, stat.st_mtime_ns, stat.st_size, operators)
        weighted |= {id(node) for node in found}
        # OpenVINO also puts products of two activations into int8: a glob may mean them, but they count for nothing.
        nodes += (*found, *others) if verb == "convert_openvino" else found
    globs: list[Glob] = []
    taken = {id(node) for node in nodes}
    for argument, given in (("include", include), ("exclude", exclude)):
        matched: set[int] = set()
        for pattern in [] if given is None else as_patterns(given, argument):
            try:
                hits = _match(nodes, argument, pattern)
                globs.append(Glob(argument, pattern, len(hits & weighted)))
                matched |= hits
            except ValueError as error:
                globs.append(Glob(argument, pattern, 0, str(error)))
        if argument == "exclude":
            taken -= matched
        elif given is not None:
            taken &= matched
    weights = tuple(
        Weight(node.name, next(iter(module_names(node)), ""), node.op_type, id(node) in taken)
        for node in nodes
        if id(node) in weighted
    )
    return Hits(verb, parent.name, weights, tuple(globs))


def _match(nodes: list[onnx.NodeProto], argument: str, pattern: str) -> set[int]:
    """The nodes that a glob matches, by `id`. The error for one that matches none names its argument."""
    if argument == "include":
        return {id(node) for node in select_nodes(nodes, include=[pattern], exclude=None)}
    left = {id(node) for node in select_nodes(nodes, include=None, exclude=[pattern])}
    return {id(node) for node in nodes} - left


@functools.lru_cache(maxsize=32)
def _read_nodes(
    path: Path, changed: int, size: int, operators: tuple[str, ...]
) -> tuple[tuple[onnx.NodeProto, ...], tuple[onnx.NodeProto, ...]]:
    """The nodes of a file with a weight, and its other products; kept, since globs are counted as they are typed."""
    graph = slim_copy(path).graph
    name_nodes(graph)
    found = tuple(quantizable_nodes(graph, operators))
    known = {id(node) for node in found}
    return found, tuple(node for node in graph.node if node.op_type == "MatMul" and id(node) not in known)
