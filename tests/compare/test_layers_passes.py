"""Several passes under a memory limit, positions that do not count: they change no figure."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.compare.disturbing import AMOUNT, disturb, disturbed, fill_weight, rewrite  # noqa: F401
from tests.variants import Bench, bench, one_thread  # noqa: F401
from workbench.compare import layers, onnx_side
from workbench.compare.layers import compare_layers
from workbench.compare.pairs import Pair, split_pairs, weigh_pairs
from workbench.compare.torch_reads import find_reads
from workbench.compare.torch_side import TorchSide
from workbench.graph.files import open_graphs
from workbench.graph.tensors import read_tensors
from workbench.models.samples import resize_feed


@pytest.fixture(autouse=True)
def _one_thread(one_thread, monkeypatch):  # noqa: F811
    monkeypatch.setattr(onnx_side, "usable_cores", lambda: 1)


def test_passes_change_no_figure(bench, disturbed):  # noqa: F811
    source = bench.source()
    candidate = disturbed("bert", "bert.encoder.layer.0.intermediate.dense")["int8"]
    samples = source.samples[:2]
    whole = compare_layers(source, candidate, samples=samples)
    pieces = compare_layers(source, candidate, samples=samples, memory_limit=60_000)
    assert (whole.passes, whole.memory_limit) == (1, layers.MEMORY)
    assert pieces.passes > 5
    assert pieces.memory_limit == 60_000
    figures = [
        [(row.module, row.status, row.drift, row.own) for row in drift.rows] for drift in (whole, pieces)
    ]
    for left, right in zip(*figures, strict=True):
        assert left[:2] == right[:2]
        assert left[2:] == pytest.approx(right[2:], rel=1e-3, abs=1e-9)


def test_what_is_held_at_a_time_keeps_to_the_limit(bench, monkeypatch):  # noqa: F811
    held = []
    real = onnx_side.OnnxSide.run_both

    def watch(self, feeds, places, given, states):
        found = real(self, feeds, places, given, states)
        arrays = [*given.values(), *found[0].values(), *found[1].values()]
        held.append(sum(array.nbytes for array in arrays))
        return found

    monkeypatch.setattr(onnx_side.OnnxSide, "run_both", watch)
    limit = 200_000
    source = bench.source()
    drift = compare_layers(source, bench.exported(), samples=source.samples[:3], memory_limit=limit)
    assert drift.passes > 3
    assert max(held) <= limit
    assert sum(held) > 3 * limit


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("bert", "bert.encoder.layer.0.attention.output.dense"),
        ("gpt2", "transformer.h.0.mlp.c_fc"),
        ("t5", "encoder.block.0.layer.1.DenseReluDense.wi"),
    ],
)
def test_passes_change_no_figure_of_a_pytorch_candidate(bench, name, module):  # noqa: F811
    source = bench.source(name)
    candidate = disturb(source, module, AMOUNT)
    samples = source.samples[:2]
    for reference in (source, bench.exported(name)):
        whole = compare_layers(reference, candidate, samples=samples)
        pieces = compare_layers(reference, candidate, samples=samples, memory_limit=40_000)
        assert whole.passes == 1
        assert pieces.passes > 5
        assert pieces.first == whole.first == module
        for left, right in zip(whole.rows, pieces.rows, strict=True):
            assert (left.module, left.status) == (right.module, right.status)
            assert (left.drift, left.own) == pytest.approx((right.drift, right.own), rel=1e-4, abs=1e-7)


def test_a_pytorch_candidate_in_half_precision_is_done_in_passes(bench):  # noqa: F811
    source = bench.source()
    for precision in ("bf16", "int8"):
        candidate = source.as_variant(precision)
        whole = compare_layers(source, candidate, samples=source.samples[:1])
        pieces = compare_layers(source, candidate, samples=source.samples[:1], memory_limit=60_000)
        assert pieces.passes > 3
        assert [row.own for row in pieces.rows] == pytest.approx([row.own for row in whole.rows], rel=1e-3)


def test_what_a_pytorch_candidate_holds_keeps_to_the_limit(bench, monkeypatch):  # noqa: F811
    held, real, limit = [], TorchSide.run_forced, 200_000

    def watch(self, feed, names, given):
        found = real(self, feed, names, given)
        held.append(sum(array.nbytes for array in (*given.values(), *found.values())))
        return found

    monkeypatch.setattr(TorchSide, "run_forced", watch)
    source = bench.source()
    drift = compare_layers(source, source, samples=source.samples[:3], memory_limit=limit)
    assert drift.passes > 3
    assert max(held) <= limit
    assert sum(held) > 3 * limit


def test_a_pass_is_weighed_with_what_it_reads():
    tall, flat = Pair(("a",), "a", "a", (100, 10)), Pair(("b",), "b", "b", (1, 10))
    wide = Pair(("c",), "c", "c", (50, 10))
    pairs, reads = [tall, flat, wide], {tall: (), flat: (tall,), wide: (tall, flat)}
    alone, beside = 4 * 4 * 1000, 2 * 4 * 1000
    assert weigh_pairs([tall]) == alone
    assert weigh_pairs([flat], [tall]) == 160 + beside
    assert list(split_pairs(pairs, reads.get, alone + 160)) == [[tall, flat], [wide]]
    assert list(split_pairs(pairs, reads.get, alone)) == [[tall], [flat], [wide]]
    assert list(split_pairs(pairs, lambda pair: (), alone)) == [[tall], [flat, wide]]


def test_what_a_module_reads_is_traced(bench):  # noqa: F811
    source = bench.source()
    layer = "bert.encoder.layer.0"
    names = [f"{layer}.attention.output", f"{layer}.intermediate", f"{layer}.output", "qa_outputs"]
    reads = find_reads(source.model, source.samples[0], names)
    assert reads[f"{layer}.attention.output"] == ()
    assert reads[f"{layer}.intermediate"] == (names[0],)
    assert set(reads[f"{layer}.output"]) == set(names[:2])  # one of them past the other
    assert reads["qa_outputs"] == (names[2],)


def test_a_module_that_writes_into_its_input_changes_no_reference(bench):  # noqa: F811
    source, layer = disturb(bench.source(), "qa_outputs", 0.0), "bert.encoder.layer.1"

    def write(_, given) -> None:
        given[0].add_(1.0)

    source.model.get_submodule(layer).register_forward_pre_hook(write)
    side = TorchSide(source.as_variant())
    before = side.run_free(source.samples[0], ["bert.encoder.layer.0"])
    given = {name: array.copy() for name, array in before.items()}
    side.run_forced(source.samples[0], [layer], given)
    np.testing.assert_array_equal(given["bert.encoder.layer.0"], before["bert.encoder.layer.0"])


def test_padding_is_left_out(bench):  # noqa: F811
    source = bench.source()
    (feed,) = [resize_feed(source.samples[0], batch=2, length=20)]
    mask = feed["attention_mask"].copy()
    mask[1, 12:] = 0
    feed["attention_mask"] = mask
    other = {**feed, "input_ids": np.where(mask > 0, feed["input_ids"], feed["input_ids"] + 3)}
    # The two sides get different padding: what stands there must not count on either.
    real = layers._Comparison._run_free

    class Patched(layers._Comparison):
        def _run_free(self, side, index, spots):
            kept, self.feeds = self.feeds, [feed if side is self.reference else other]
            try:
                return real(self, side, index, spots)
            finally:
                self.feeds = kept

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers, "_Comparison", Patched)
        with_padding = compare_layers(source, source.as_variant(), samples=[feed])
        unmasked = compare_layers(
            source, source.as_variant(), samples=[{**feed, "attention_mask": np.ones_like(mask)}]
        )
    assert max(row.drift for row in with_padding.rows) < 1e-5
    assert max(row.drift for row in unmasked.rows) > 0.1


def test_padding_of_sound_is_left_out(bench):  # noqa: F811
    source = bench.source("wav2vec2")
    (values,) = source.samples[0].values()
    mask = np.ones((2, values.shape[1]), np.int64)
    mask[1, values.shape[1] // 2 :] = 0
    feed = {"input_values": np.concatenate([values, values]), "attention_mask": mask}
    comparison = layers._Comparison(
        TorchSide(source.baseline), TorchSide(source.baseline), [feed], layers.MEMORY
    )
    comparison.run()
    counts = {
        pair.modules[0]: (comparison.drift[pair.modules].values, pair.shape) for pair in comparison.pairs
    }
    assert counts["lm_head"] == ((24 + 12) * 32, (2, 24, 32))
    convolution = counts["wav2vec2.feature_extractor.conv_layers.0.conv"]
    assert convolution[0] == np.prod(convolution[1])  # its channels are no frames


def test_large_constants_in_nodes_are_read(bench, tmp_path, monkeypatch):  # noqa: F811
    """A slim copy leaves them out, and ONNX Runtime takes them from a whole model only."""

    def move(graph) -> None:
        weights = [item for item in graph.initializer if item.data_type == 1 and np.prod(item.dims) > 1000]
        for weight in weights:
            graph.initializer.remove(weight)
            node = onnx.helper.make_node(
                "Constant", [], [weight.name], name=f"constant {weight.name}", value=weight
            )
            graph.node.insert(0, node)

    moved = rewrite(bench.exported(), tmp_path / "moved", move)
    monkeypatch.setattr(onnx_side, "CONSTANTS", 256)
    samples = bench.source().samples[:1]
    file = next(iter(open_graphs(moved)))
    left_out = [item for node in file.model.graph.node for item in node.attribute if item.t.data_location]
    assert len(left_out) > 5
    drift = compare_layers(bench.source(), moved, samples=samples)
    whole = compare_layers(bench.source(), bench.exported(), samples=samples)
    assert [(row.module, row.drift, row.own) for row in drift.rows] == [
        (row.module, row.drift, row.own) for row in whole.rows
    ]
    tensor = drift.row("bert.encoder.layer.1").tensor
    found = read_tensors(file.path, [tensor], samples[0], model=file.model)
    assert np.isfinite(found[tensor]).all()
