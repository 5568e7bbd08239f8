"""Puts the files of an ONNX variant into int8 for OpenVINO, with NNCF, and says what became of their nodes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.convert.openvino_nodes import Quantizable, find_quantizable, list_int8
from workbench.convert.patterns import select_nodes
from workbench.errors import ConvertError, first_line
from workbench.machine import release_memory
from workbench.models.onnx_files import load_graph
from workbench.models.onnx_nodes import name_nodes
from workbench.models.samples import Feed
from workbench.models.variant import Variant
from workbench.quiet import quiet
from workbench.runners import open_runner
from workbench.runners.graph_runner import GraphRunner
from workbench.runners.openvino_package import quiet_nncf

log = logging.getLogger(__name__)

Choice = Mapping[str, set[int]]  # by file, the places of the nodes that shall become int8


def choose_nodes(parent: Variant, patterns: Mapping[str, list[str]]) -> Choice:
    """Which nodes of each file shall become int8. A pattern has to match in one of the files, not in each.

    Raises:
        ValueError: A pattern matches nothing, or they leave nothing.
        ConvertError: OpenVINO cannot read a file, or finds nothing in them that can be int8.
    """
    found = {file.name: _read(parent, file)[1] for file in parent.onnx_files}
    nodes = [item.node for items in found.values() for item in items]
    if not nodes:
        raise ConvertError(f"{parent.name} has no matrix product that OpenVINO knows: nothing to quantize.")
    chosen = select_nodes(nodes, include=patterns.get("include"), exclude=patterns.get("exclude"))
    taken = {id(node) for node in chosen}
    if not any(item.weighted and id(item.node) in taken for items in found.values() for item in items):
        raise ValueError(f"include and exclude together leave nothing of {parent.name} to quantize.")
    return {name: {item.index for item in items if id(item.node) in taken} for name, items in found.items()}


def quantize_files(parent: Variant, work: Path, feeds: Sequence[Feed], choice: Choice) -> dict[str, Any]:
    """Writes every file of the variant into `work`, in int8 as far as it was chosen.

    Returns:
        For the report: how many nodes have int8 weights now, and which kept theirs.

    Raises:
        ConvertError: NNCF cannot do it.
    """
    quantized, left = 0, []
    with open_runner(parent, device="cpu") as runner:
        assert isinstance(runner, GraphRunner)
        for file in parent.onnx_files:
            log.info("convert_openvino: %s", file.name)
            model, items = _read(parent, file)
            taken = choice[file.name]
            ignored = [name for item in items if item.index not in taken for name in item.operations]
            inputs = _FileFeeds(runner, file.name, feeds)
            int8 = _write_file(model, inputs, ignored, work / f"{file.stem}.xml", quantize=bool(taken))
            for item in items:
                if item.weighted and set(item.weighted) <= int8:
                    quantized += 1
                elif item.weighted:
                    left.append(item.node.name)
            del model
            release_memory()
    if not quantized:
        raise ConvertError(f"NNCF found nothing in {parent.name} that it puts into int8. Nothing was kept.")
    return {"quantized": quantized, "left_in_fp32": left}


def cannot_run(parent: Variant, error: BaseException) -> ConvertError:
    """The error for a graph with something that OpenVINO does not have."""
    from workbench.runners.openvino import describe_refusal

    return ConvertError(
        f"OpenVINO cannot run the graph of {parent.name}: {describe_refusal(error)} Nothing was kept. "
        "Stay with ONNX Runtime, or try another opset."
    )


def _read(parent: Variant, file: Path) -> tuple[Any, list[Quantizable]]:
    """One file as OpenVINO reads it, and its nodes that can be int8."""
    from workbench.runners.openvino import get_core

    graph = load_graph(file, weights=False).graph
    name_nodes(graph)
    try:
        model = get_core().read_model(file)
    except RuntimeError as error:
        raise cannot_run(parent, error) from error
    return model, find_quantizable(model, graph)


class _FileFeeds:
    """What one file of a variant is fed for each sample, made anew each time, so that memory stays bounded."""

    def __init__(self, runner: GraphRunner[Any], file: str, feeds: Sequence[Feed]) -> None:
        self._runner, self._file, self._feeds = runner, file, feeds
        self.most = 2 * len(feeds)  # a decoder is fed twice per sample: without a past, and with one

    def __iter__(self) -> Iterator[Feed]:
        for feed in self._feeds:
            for name, inputs, _ in self._runner.calls(feed):
                if name == self._file:
                    yield inputs


def _write_file(
    model: Any, inputs: _FileFeeds, ignored: list[str], target: Path, *, quantize: bool
) -> set[str]:
    """Writes one file; returns the operations with int8 weights."""
    from workbench.runners.openvino import ov

    try:
        with quiet(), quiet_nncf() as nncf:
            if quantize:
                model = nncf.quantize(
                    model,
                    nncf.Dataset(inputs),
                    model_type=nncf.ModelType.TRANSFORMER,
                    subset_size=inputs.most,
                    ignored_scope=nncf.IgnoredScope(names=ignored) if ignored else None,
                )
            ov.save_model(model, target, compress_to_fp16=False)
            return list_int8(model)
    except ImportError:
        raise
    except Exception as error:  # whatever NNCF met in this graph
        raise ConvertError(
            f"NNCF cannot quantize {target.stem}.onnx: {type(error).__name__}: {first_line(error)} Nothing was kept. "
            "Leave the module it names out with exclude=[...], or take precision='fp32' or 'bf16'."
        ) from error
