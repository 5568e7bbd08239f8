"""The variants that many tests look at: each is made once per run, from a tiny model with random weights."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.models.samples import Feed, resize_feed
from workbench.models.source import Source
from workbench.models.variant import Variant

# Neither the exporter's trace, (2, 16), nor the shapes that the verbs themselves try.
OTHER_SHAPES = ((1, 5), (3, 37), (2, 70))


class Bench:
    """Makes sources and variants on demand and keeps them. Tests read them and never change them."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def make(self, verb: Callable[..., Variant], given: Any, **options: Any) -> Variant:
        """Calls a verb with the bench's own workspace."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WORKBENCH_HOME", str(self.home))
            return verb(given, **options)

    @functools.cache  # noqa: B019 - one bench lives as long as the run
    def source(self, name: str = "bert", task: str | None = None) -> Source:
        return wb.load_model(f"random/tiny-{name}", task=task)

    @functools.cache  # noqa: B019
    def exported(self, name: str = "bert", task: str | None = None) -> Variant:
        return self.make(wb.export_onnx, self.source(name, task))

    @functools.cache  # noqa: B019
    def optimized(self, name: str = "bert", task: str | None = None) -> Variant:
        return self.make(wb.optimize_onnx, self.exported(name, task))

    @functools.cache  # noqa: B019
    def int8(self, name: str = "bert", task: str | None = None) -> Variant:
        """The end of the recipe: exported, optimized, quantized."""
        return self.make(wb.quantize_dynamic, self.optimized(name, task))

    @functools.cache  # noqa: B019
    def small(self, name: str = "bert") -> Variant:
        """Quantized right after the export."""
        return self.make(wb.quantize_dynamic, self.exported(name))

    @functools.cache  # noqa: B019
    def openvino(self, name: str = "bert", precision: str = "fp32") -> Variant:
        return self.make(wb.convert_openvino, self.exported(name), precision=precision)


@functools.cache
def shared_bench(home: Path) -> Bench:
    return Bench(home)


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The tiny models of this run and what was made of them."""
    return shared_bench(tmp_path_factory.getbasetemp() / "bench")


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tiny models lose more by sharing their work out than they win, above all on a busy machine."""
    import torch

    for module in ("workbench.runners", "workbench.runners.pipeline"):
        monkeypatch.setattr(importlib.import_module(module), "usable_cores", lambda: 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def other_feeds(source: Source, shapes: Sequence[tuple[int, int]] = OTHER_SHAPES) -> list[Feed]:
    """Real sample inputs, cut and repeated to shapes that nothing was traced or checked with."""
    return [
        resize_feed(source.samples[index % len(source.samples)], batch=batch, length=length)
        for index, (batch, length) in enumerate(shapes)
    ]


def run_on(variant: Variant | Source, feeds: Sequence[Feed]) -> list[np.ndarray]:
    """The task's outputs for every feed, one after the other."""
    with wb.open_runner(variant) as runner:
        heads = runner.variant.task_row.outputs
        return [outputs[head] for outputs in map(runner.run, feeds) for head in heads]


def largest_gap(left: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> float:
    """The largest absolute difference; outputs of other shapes are an error."""
    assert len(left) == len(right) > 0
    assert [a.shape for a in left] == [b.shape for b in right]
    return max(float(np.abs(a - b).max()) for a, b in zip(left, right, strict=True))


def cosine(left: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> float:
    """The cosine between all outputs of the one and all outputs of the other."""
    a, b = (
        np.concatenate([value.ravel() for value in values]).astype(np.float64) for values in (left, right)
    )
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def argmax_agreement(left: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> float:
    """The share of decisions (over the last axis) that are the same."""
    same = np.concatenate([(a.argmax(-1) == b.argmax(-1)).ravel() for a, b in zip(left, right, strict=True)])
    return float(same.mean())


def nothing_half_made(folder: Path) -> bool:
    """Whether a workspace holds whole variants alone: no hidden work folder, no folder without a manifest."""
    folders = [path for path in folder.rglob("*") if path.is_dir()] if folder.exists() else []
    unfinished = [path for path in folders if path.name.startswith((".making-", ".prepared-"))]
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
    homeless = [
        path
        for path in files
        if path.suffix != ".lock" and not any((up / "variant.json").is_file() for up in path.parents)
    ]
    return not unfinished and not homeless


def every_variant(bench):
    source = bench.source()
    torch_variants = [source.baseline, source.as_variant("bf16")]
    return [*torch_variants, bench.exported(), bench.int8(), bench.openvino(), bench.openvino("bert", "int8")]
