"""What the three quantize verbs share: they prepare a graph, choose its nodes, convert each file, and check."""

from __future__ import annotations

import dataclasses
import logging
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import onnx

from workbench.convert.build import build_variant, copy_companions, with_files
from workbench.convert.checks import compare_runs, run_all, trial_feeds
from workbench.convert.patterns import as_patterns, select_nodes
from workbench.errors import ConvertError
from workbench.machine import release_memory
from workbench.models import onnx_files
from workbench.models.onnx_files import load_graph, save_graph, weight_bytes
from workbench.models.onnx_nodes import name_nodes, walk_nodes
from workbench.models.origin import Step
from workbench.models.variant import Variant, resolve_variant
from workbench.quiet import quiet

log = logging.getLogger(__name__)

# prepared file, file to write, nodes to quantize, whether the weights need a file of their own
Convert = Callable[[Path, Path, list[str], bool], None]
PRODUCTS = ("MatMul", "Gemm", "Attention")
QUANTIZED = (
    "QuantizeLinear",
    "DynamicQuantizeLinear",
    "MatMulInteger",
    "MatMulNBits",
    "QLinearMatMul",
    "QAttention",
)
FLOAT_TYPES = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One way to quantize.

    Attributes:
        name: The new variant's name.
        precision: Its precision.
        step: The call, as it will be recorded.
        operators: The operator types that it can quantize.
        convert: Writes one quantized file.
        prepare: Does a part of the work on the loaded graph, and returns the nodes that are left to `convert`.
        keep_types: Whether the converter needs the type of every tensor written into the graph.
        notes: What else belongs into the report.
    """

    name: str
    precision: str
    step: Step
    operators: tuple[str, ...]
    convert: Convert
    prepare: Callable[[onnx.ModelProto, list[str]], list[str]] = lambda _, nodes: nodes
    keep_types: bool = False
    notes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def require_fp32(variant: Variant | str | Path, verb: str) -> Variant:
    """The variant, if it is one that can be quantized.

    Raises:
        ValueError: It is quantized already, in half precision, or no ONNX variant.
    """
    parent = resolve_variant(variant)
    if parent.runtime != "onnxruntime":
        raise ValueError(
            f"{verb} takes an ONNX variant, got {parent.name} ({parent.runtime}). Export it first."
        )
    if parent.precision in ("int8", "int4"):
        raise ValueError(
            f"{parent.name} is quantized already ({parent.precision}). Quantize the variant it was made from: "
            f"{verb}(variant.parent)."
        )
    if parent.precision != "fp32":
        raise ValueError(f"{verb} takes an fp32 variant, got {parent.name} ({parent.precision}).")
    return parent


def make_quantized(
    parent: Variant,
    recipe: Recipe,
    *,
    include: Iterable[str] | str | None,
    exclude: Iterable[str] | str | None,
    out_dir: str | Path | None,
) -> Variant:
    """Quantizes every file of a variant by a recipe, and checks what came out."""
    given = {"include": include, "exclude": exclude}
    patterns = {name: as_patterns(value, name) for name, value in given.items() if value is not None}
    chosen = _choose_nodes(parent, recipe, patterns)
    release_memory()
    draft = dataclasses.replace(
        parent,
        name=recipe.name + ("-selective" if patterns else ""),
        precision=recipe.precision,
        steps=(*parent.steps, Step(recipe.step.verb, {**recipe.step.arguments, **patterns})),
        parent_path=parent.path,
    )

    def make(work: Path, draft: Variant) -> Mapping[str, Any]:
        copy_companions(parent, work)
        for file in parent.onnx_files:
            log.info("%s: %s", recipe.step.verb, file.name)
            if chosen[file.name].taken:
                _convert_file(file, work / file.name, chosen[file.name].taken, recipe)
            else:
                save_graph(load_graph(file), work / file.name)
        log.info("checking the quantized model against %s", parent.name)
        candidate = with_files(draft)
        feeds = trial_feeds(parent.samples(), parent.report.get("max_length"))
        figures = compare_runs(run_all(parent, feeds), run_all(candidate, feeds), feeds)
        return {
            "max_length": parent.report.get("max_length"),
            "quantized": sum(len(choice.taken) for choice in chosen.values()),
            "left_in_fp32": [name for choice in chosen.values() for name in choice.left],
            **recipe.notes,
            **figures,
        }

    return build_variant(draft, out_dir=out_dir, make=make, fits_cpu=True)


@dataclasses.dataclass(frozen=True)
class _Choice:
    taken: list[str]
    left: list[str]


def _choose_nodes(parent: Variant, recipe: Recipe, patterns: Mapping[str, list[str]]) -> dict[str, _Choice]:
    """Which nodes of each file are quantized. A pattern has to match in one of the files, not in each."""
    nodes = {}
    for file in parent.onnx_files:
        graph = load_graph(file, weights=False).graph
        if any(node.op_type in QUANTIZED for node in walk_nodes(graph)):
            raise ValueError(
                f"{file} is quantized already, whatever its manifest says. Export the model again."
            )
        nodes[file.name] = quantizable_nodes(graph, recipe.operators)
    everything = [node for found in nodes.values() for node in found]
    if not everything:
        raise ConvertError(
            f"{parent.name} has no {' or '.join(recipe.operators)} with constant weights: nothing to quantize."
        )
    chosen = select_nodes(everything, include=patterns.get("include"), exclude=patterns.get("exclude"))
    taken = {id(node) for node in chosen}  # the fused nodes of two files may have the same name
    if not taken:
        raise ValueError(f"include and exclude together leave nothing of {parent.name} to quantize.")
    return {
        name: _Choice(
            [node.name for node in found if id(node) in taken],
            [node.name for node in found if id(node) not in taken],
        )
        for name, found in nodes.items()
    }


def quantizable_nodes(graph: onnx.GraphProto, operators: Iterable[str]) -> list[onnx.NodeProto]:
    """The nodes of these operator types that have a constant float weight; all of them get a name."""
    stored = {
        tensor.name
        for tensor in graph.initializer
        if tensor.data_type in FLOAT_TYPES and len(tensor.dims) > 1
    }
    constant = {
        name
        for node in graph.node
        if node.op_type == "Constant"
        for name in node.output
        if _is_float_matrix(node)
    }
    name_nodes(graph)
    wanted = set(operators)

    def has_weight(node: onnx.NodeProto) -> bool:
        if node.op_type == "Gather":  # a table of rows; picking columns or numbers of shapes is no embedding
            return node.input[0] in stored and not any(
                item.name == "axis" and item.i for item in node.attribute
            )
        return any(name in stored or name in constant for name in node.input[:2])

    return [node for node in graph.node if node.op_type in wanted and has_weight(node)]


def _is_float_matrix(node: onnx.NodeProto) -> bool:
    values = [item.t for item in node.attribute if item.name == "value"]
    return any(len(value.dims) > 1 and value.data_type in FLOAT_TYPES for value in values)


def _convert_file(source: Path, target: Path, nodes: list[str], recipe: Recipe) -> None:
    """Converts one file by way of a prepared copy: the converters write files of their own beside their input."""
    model = load_graph(source)
    name_nodes(model.graph)
    # The converter transposes weights and then trips over what the graph said of their shapes.
    known = {tensor.name for tensor in model.graph.initializer}
    kept = [info for info in model.graph.value_info if info.name not in known]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)
    if recipe.keep_types:
        _add_types(model.graph, recipe.operators)
    nodes = recipe.prepare(model, nodes)
    if not nodes:
        save_graph(model, target)
        return
    large = weight_bytes(model) > onnx_files.EXTERNAL_DATA_LIMIT
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".prepared-") as folder:
        prepared = Path(folder) / source.name
        save_graph(model, prepared, limit=0)  # the converters read it several times over
        del model
        release_memory()
        try:
            with quiet():
                recipe.convert(prepared, target, nodes, large)
        except Exception as error:  # whatever the converter met in this graph
            raise ConvertError(
                f"{recipe.step.verb} failed on {source.name}: {type(error).__name__}: {str(error)[:300]} "
                "Nothing was kept. Leave the node it names out with exclude=[...]."
            ) from error


def _add_types(graph: onnx.GraphProto, operators: Iterable[str]) -> None:
    """Says of every tensor around these nodes that it is fp32, where shape inference could not."""
    known = {info.name for info in (*graph.value_info, *graph.input, *graph.output)}
    known |= {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type not in set(operators):
            continue
        for name in (*node.input[:2], *node.output):
            if name and name not in known:
                graph.value_info.append(
                    onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
                )
                known.add(name)
