"""What the checks of `explain` look at, gathered once per variant: kernels, weights, inputs, machine."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx

from workbench.compare.advice_kernels import (
    BETWEEN,
    OTHER,
    PRODUCTS,
    Kernel,
    read_kernels,
    sum_ms,
    trace_weights,
)
from workbench.compare.datasets import read_data
from workbench.errors import VariantError
from workbench.graph.files import open_graphs
from workbench.graph.parameters import list_weights
from workbench.graph.profile import profile_graph
from workbench.machine import cpu_features, usable_cores
from workbench.models.model_config import read_config
from workbench.models.onnx_nodes import walk_nodes
from workbench.models.origin import Step
from workbench.models.samples import Feed, input_limit
from workbench.models.settings import limit_threads
from workbench.models.variant import Variant

PROFILED = 4  # samples: more say the same, and each costs time
READ = 2_000  # records of a dataset whose lengths are looked at


@dataclasses.dataclass(frozen=True)
class Embedding:
    """A table that rows are looked up in."""

    name: str
    type: str
    bytes: int


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known of one variant on this machine.

    Attributes:
        name: The variant's name.
        runtime: What runs it.
        precision: Of its weights.
        device: Where its PyTorch model was loaded; profiled it is on the CPU.
        verbs: The calls that made it.
        cpu: The instruction sets of this CPU.
        made_on: Those of the CPU that it was made on.
        narrow: Whether its int8 weights keep to 7 bits; None where nobody said.
        cores: The cores that this process may use.
        machine_cores: Those of the machine.
        threads: How many threads a run uses.
        kernels: What ONNX Runtime ran, file after file.
        no_kernels: Why there are none.
        plain_ms: The milliseconds of a run with no profiler.
        samples: How many samples were run.
        rows: Per input, how many real tokens and how many in all.
        no_rows: Why there are none.
        rows_from: Where the inputs come from.
        embeddings: Its tables.
        size_bytes: The size of the variant.
        fused: Whether optimize_onnx was to fuse what transformers are made of.
        not_fused: What it expected to fuse and did not; None where nobody knows.
    """

    name: str
    runtime: str = "onnxruntime"
    precision: str = "fp32"
    device: str = "cpu"
    verbs: tuple[str, ...] = ()
    cpu: tuple[str, ...] = ()
    made_on: tuple[str, ...] = ()
    narrow: bool | None = None
    cores: int = 1
    machine_cores: int = 1
    threads: int = 1
    kernels: tuple[Kernel, ...] = ()
    no_kernels: str = ""
    plain_ms: float = 0.0
    samples: int = 0
    rows: tuple[tuple[int, int], ...] = ()
    no_rows: str = ""
    rows_from: str = "the samples"
    embeddings: tuple[Embedding, ...] = ()
    size_bytes: int = 0
    fused: bool = False
    not_fused: tuple[str, ...] | None = None

    def of(self, *kinds: str) -> tuple[Kernel, ...]:
        """The kernels of these kinds."""
        return tuple(kernel for kernel in self.kernels if kernel.kind in kinds)

    def share(self, kernels: Iterable[Kernel]) -> float:
        """The share of the time of all kernels that these take."""
        total = sum_ms(self.kernels)
        return sum_ms(kernels) / total if total else 0.0

    @property
    def products(self) -> tuple[Kernel, ...]:
        """The matrix products that have weights."""
        return self.of(*(kind for kind in PRODUCTS if kind != BETWEEN))

    @property
    def rest_share(self) -> float:
        """The share of the time that is no matrix product and not spent on quantizing."""
        return self.share(self.of(OTHER))


def gather_facts(
    variant: Variant,
    *,
    feeds: Sequence[Feed] | None = None,
    threads: int | None = None,
    dataset: Any = None,
) -> Facts:
    """Looks at a variant: profiles it where ONNX Runtime runs it, reads its graph and the lengths of its inputs."""
    threads = limit_threads(variant.settings, threads or usable_cores())
    given = list(feeds) if feeds is not None else variant.samples()
    facts = Facts(
        name=variant.name,
        runtime=variant.runtime,
        precision=variant.precision,
        device=variant.origin.device,
        verbs=tuple(step.verb for step in variant.steps),
        cpu=cpu_features(),
        made_on=tuple(variant.cpu),
        narrow=variant.report.get("reduce_range"),
        cores=usable_cores(),
        machine_cores=os.cpu_count() or 1,
        threads=threads,
        size_bytes=variant.size_bytes,
        fused=any(_fuses(step) for step in variant.steps),
        not_fused=_read_not_fused(variant),
    )
    return dataclasses.replace(
        facts, **_read_inputs(variant, given, dataset), **_read_graphs(variant, given[:PROFILED], threads)
    )


def _read_graphs(variant: Variant, feeds: Sequence[Feed], threads: int) -> dict[str, Any]:
    if variant.runtime != "onnxruntime":
        return {"no_kernels": f"it runs on {_spell(variant.runtime)}, whose kernels are not profiled here"}
    profile = profile_graph(variant, samples=feeds or None, threads=threads)
    kernels: list[Kernel] = []
    embeddings: list[Embedding] = []
    for graph in open_graphs(variant):
        embeddings += find_embeddings(graph.model)
        for file in profile.files:
            if file.name == graph.name:
                kernels += read_kernels(file, graph.model)
    return {
        "kernels": tuple(kernels),
        "plain_ms": sum(file.plain_ms for file in profile.files),
        "samples": profile.samples,
        "embeddings": tuple(embeddings),
    }


def _spell(runtime: str) -> str:
    return {"torch": "PyTorch", "openvino": "OpenVINO"}.get(runtime, runtime)


def find_embeddings(model: onnx.ModelProto) -> list[Embedding]:
    """The stored tables that a Gather picks rows from."""
    weights = trace_weights(model)
    read = {node.input[0] for node in walk_nodes(model.graph) if node.op_type == "Gather"}
    return [
        Embedding(weight.name, weight.type, weight.bytes)
        for weight in list_weights(model.graph)
        if weight.name in read and weight.name in weights and weight.role.endswith("parameter")
    ]


def _read_not_fused(variant: Variant) -> tuple[str, ...] | None:
    """What the optimizer of this variant, or of one it was made from, had to say; None without one."""
    current: Variant | None = variant
    while current is not None:
        if current.steps and _fuses(current.steps[-1]):
            return (*current.report.get("not_fused", ()), *current.report.get("left_out", ()))
        try:
            current = current.parent if current.parent_path is not None else None
        except VariantError:  # it is gone: its own figures still stand
            return None
    return None


def _fuses(step: Step) -> bool:
    return step.verb == "optimize_onnx" and step.arguments.get("level") != "O1"  # that one leaves fusions out


def _read_inputs(variant: Variant, feeds: Sequence[Feed], dataset: Any) -> dict[str, Any]:
    if dataset is not None:
        data = read_data(dataset, variant, limit=READ)
        lengths = _count_tokens(variant, data.records)
        if lengths is None:
            return {"no_rows": f"the inputs of {variant.task} are no texts"}
        return {"rows": tuple((n, n) for n in lengths), "rows_from": data.name}
    rows = tuple(row for feed in feeds for row in _measure_rows(feed))
    return (
        {"rows": rows}
        if rows
        else {"no_rows": "its inputs have no attention mask that says where padding is"}
    )


def _measure_rows(feed: Feed) -> list[tuple[int, int]]:
    """Per input of a feed, how many real tokens it has and how many in all."""
    mask = feed.get("attention_mask")
    if mask is None or np.asarray(mask).ndim != 2:
        return []
    array = np.asarray(mask)
    return [(int((row != 0).sum()), len(row)) for row in array]


def _count_tokens(variant: Variant, records: Sequence[Any]) -> list[int] | None:
    """How many tokens each record has; None where they are no texts."""
    from types import SimpleNamespace

    from workbench.runners.pipeline import load_processor

    tokenizer = load_processor(variant)
    tokenizer = getattr(tokenizer, "tokenizer", tokenizer)
    columns = [name for name in ("question", "context", "text1", "tokens", "text") if name in records[0]]
    if tokenizer is None or not columns or not callable(getattr(tokenizer, "tokenize", None)):
        return None
    config = variant.source.model.config if variant.source else SimpleNamespace(**read_config(variant))
    limit = input_limit(config, tokenizer)
    parts = [[record[name] for record in records] for name in columns[:2]]
    words = columns[0] == "tokens"
    encoded = tokenizer(*parts[: 1 if words else 2], is_split_into_words=words, verbose=False)["input_ids"]
    return [min(len(ids), limit) if limit else len(ids) for ids in encoded]
