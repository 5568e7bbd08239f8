"""Layers: who starts a drift is named, who hands it on is not; the same model twice has no drift."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import pytest

from tests.compare.disturbing import disturb, fill_weight, make_forms, rewrite
from tests.variants import Bench, bench, one_thread  # noqa: F401
from workbench.compare import layers, onnx_side
from workbench.compare.jumps import Own, choose_bounds, find_jumps
from workbench.compare.layer_rows import LayerDrift
from workbench.compare.layers import compare_layers
from workbench.compare.module_map import name_modules
from workbench.graph.files import open_graphs
from workbench.graph.overlay import make_overlay
from workbench.models.onnx_nodes import walk_nodes
from workbench.models.samples import resize_feed
from workbench.models.variant import Variant

# Of a module in the middle, so that there is something before it and much behind it. Where its own tensor is fused
# away, the smallest module whose tensor is left: (exported, optimized, int8, int8 of the optimized one).
DISTURBED = {
    ("bert", "bert.encoder.layer.0.intermediate.dense"): (0, 1, 0, 1),
    ("gpt2", "transformer.h.0.mlp.c_fc"): (0, 2, 0, 2),
    ("vit", "vit.encoder.layer.1.attention.attention.value"): (0, 0, 0, 0),
}
FORMS = ("exported", "optimized", "int8", "int8 optimized")
TRIED = [
    (name, module, form) for name, module in DISTURBED for form in FORMS if form != "int8" or name == "bert"
]
AMOUNT = 0.15


@pytest.fixture(autouse=True)
def _one_thread(one_thread, monkeypatch):  # noqa: F811
    monkeypatch.setattr(onnx_side, "usable_cores", lambda: 1)


@pytest.fixture(scope="module")
def disturbed(bench: Bench) -> Callable[[str, str], dict[str, Variant]]:  # noqa: F811
    """`disturbed(model, module)`: all forms of the model with that module's weight disturbed."""
    return functools.cache(
        lambda name, module: make_forms(bench, disturb(bench.source(name), module, AMOUNT))
    )


def up(module: str, steps: int) -> str:
    return module.rsplit(".", steps)[0] if steps else module


@pytest.mark.parametrize(("name", "module", "form"), TRIED)
def test_the_disturbed_layer_is_named_first(bench, disturbed, name, module, form):  # noqa: F811
    source = bench.source(name)
    drift = compare_layers(source, disturbed(name, module)[form], samples=source.samples[:2])
    assert drift.first == up(module, DISTURBED[name, module][FORMS.index(form)])
    (jump,) = drift.jumps
    assert AMOUNT / 3 < jump.own < AMOUNT * 1.2, "the error is as large as the disturbance"
    place = drift.rows.index(jump)
    assert {row.status for row in drift.rows[:place]} <= {"quiet", "carries"}
    behind = drift.rows[place + 1 :]
    assert all(row.own <= 1.01 * row.drift for row in behind), "what is behind hands the error on"
    assert drift.first in drift.verdict


@pytest.mark.parametrize("name", ["bert", "gpt2", "vit"])
def test_the_same_model_has_no_first(bench, name):  # noqa: F811
    source = bench.source(name)
    samples = source.samples[:2]
    for candidate in (bench.exported(name), bench.optimized(name)):
        drift = compare_layers(source, candidate, samples=samples)
        assert drift.first is None
        assert max(row.drift for row in drift.rows) < 1e-5
        assert {row.status for row in drift.rows} == {"quiet"}
    for variant in (source, bench.int8(name)):
        drift = compare_layers(variant, variant, samples=samples)
        assert drift.first is None
        assert {row.drift for row in drift.rows} == {0.0} == {row.own for row in drift.rows}
        assert "No drift" in drift.verdict


@pytest.mark.parametrize("name", ["bert", "gpt2", "vit"])
def test_an_honest_int8_drifts_everywhere_and_starts_nowhere(bench, name):  # noqa: F811
    source = bench.source(name)
    drift = compare_layers(source, bench.int8(name), samples=source.samples[:3])
    assert drift.first is None
    quantized = [row for row in drift.rows if row.group == "quantized"]
    assert len(quantized) >= 5
    assert all(1e-3 < row.own < 3e-2 for row in quantized)
    assert "each adds a little" in drift.verdict


def test_graph_against_graph(bench, disturbed):  # noqa: F811
    module = "bert.encoder.layer.0.intermediate.dense"
    forms = disturbed("bert", module)
    samples = bench.source().samples[:2]
    assert compare_layers(bench.exported(), forms["exported"], samples=samples).first == module
    assert compare_layers(bench.exported(), forms["int8"], samples=samples).first == module
    assert compare_layers(bench.small(), forms["int8"], samples=samples).first == module
    # Before its bias is added, the product has the same name in both graphs.
    fused = compare_layers(bench.exported(), forms["optimized"], samples=samples)
    assert fused.first == module
    assert (
        fused.row(module).tensor
        == f"/{module.replace('.', '/').replace('layer/0', 'layer.0')}/MatMul_output_0"
    )


def test_pytorch_against_pytorch_and_graph_against_pytorch(bench):  # noqa: F811
    source, module = bench.source(), "bert.encoder.layer.1.attention.output.dense"
    other = disturb(source, module, 0.05)
    samples = source.samples[:2]
    assert compare_layers(source, other, samples=samples).first == module
    assert compare_layers(bench.exported(), other, samples=samples).first == module
    half = compare_layers(source, source.as_variant("bf16"), samples=samples)
    assert half.first is None
    assert 1e-3 < half.rows[-1].drift < 5e-2


def test_encoder_and_decoder(bench):  # noqa: F811
    source = bench.source("t5")
    samples = source.samples[:2]
    quiet = compare_layers(source, bench.exported("t5"), samples=samples)
    assert quiet.first is None
    assert {row.file for row in quiet.rows} == {"encoder_model.onnx", "decoder_model.onnx"}
    assert quiet.row("encoder.block.0.layer.0.SelfAttention.q").file == "encoder_model.onnx"
    module = "decoder.block.0.layer.1.EncDecAttention.k"
    loud = compare_layers(disturb(source, module, AMOUNT), bench.exported("t5"), samples=samples)
    assert [row.module for row in loud.jumps] == [module]
    assert all(row.drift < 1e-5 for row in loud.rows if row.file == "encoder_model.onnx")
    assert loud.overlay(file="decoder_model.onnx")
    with pytest.raises(ValueError, match="2 files"):
        loud.overlay()
    module = "encoder.block.0.layer.1.DenseReluDense.wi"
    loud = compare_layers(disturb(source, module, AMOUNT), bench.exported("t5"), samples=samples)
    assert [row.module for row in loud.jumps] == [module]
    assert loud.row("lm_head").drift > 1e-3


def test_encoder_and_decoder_graph_against_graph(bench, tmp_path):  # noqa: F811
    weight = "decoder.block.1.layer.2.layer_norm.weight"
    file = "decoder_model.onnx"
    graph = bench.exported("t5")
    other = rewrite(graph, tmp_path / "t5", lambda graph: fill_weight(graph, weight, 0.5), file=file)
    drift = compare_layers(graph, other, samples=bench.source("t5").samples[:1])
    assert drift.first == weight.removesuffix(".weight")
    names = {row.module for row in drift.rows}
    assert {"encoder.final_layer_norm", "decoder.final_layer_norm"} <= names


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


def test_nan_is_found_where_it_is_made(bench, tmp_path):  # noqa: F811
    weight = "bert.encoder.layer.1.output.LayerNorm.bias"
    source = bench.source()
    broken = rewrite(bench.exported(), tmp_path / "broken", lambda graph: fill_weight(graph, weight, np.nan))
    drift = compare_layers(source, broken, samples=source.samples[:2])
    assert drift.first == "bert.encoder.layer.1.output.LayerNorm"
    assert drift.row("qa_outputs").status == "carries"
    assert drift.row("qa_outputs").not_finite > 0
    assert "NaN or Inf" in drift.verdict


def test_the_overlay_paints_the_candidates_nodes(bench, disturbed):  # noqa: F811
    module = "bert.encoder.layer.0.intermediate.dense"
    candidate = disturbed("bert", module)["optimized"]
    drift = compare_layers(bench.source(), candidate, samples=bench.source().samples[:1])
    graph = next(iter(open_graphs(candidate)))
    names = {node.name for node in walk_nodes(graph.model.graph)}
    assert set(drift.overlay()) <= names
    assert len(drift.overlay()) > len(names) / 2
    own = drift.overlay(own=True)
    loud = {name for name, value in own.items() if value > AMOUNT / 3}
    assert loud == {f"/{module.replace('.', '/').replace('layer/0', 'layer.0')}/MatMul", "BiasGelu"}
    assert make_overlay(graph, drift)["values"] == drift.overlay()
    with pytest.raises(ValueError, match="no ONNX graph"):
        compare_layers(bench.source(), bench.source(), samples=bench.source().samples[:1]).overlay()


def test_modules_are_found_without_the_export(bench, tmp_path):  # noqa: F811
    """The map is drawn on the export; where that is gone, products that still lack their bias are not taken."""
    alone = rewrite(bench.optimized(), tmp_path / "alone", lambda graph: None)
    alone = dataclasses.replace(alone, parent_path=tmp_path / "gone")
    assert set(name_modules(alone)) == {"model.onnx"}
    drift = compare_layers(bench.source(), alone, samples=bench.source().samples[:1])
    assert drift.first is None
    assert len(drift.rows) >= 8
    assert "bert.encoder.layer.0.intermediate.dense" in drift.missing


def test_a_module_that_gives_sine_and_cosine_is_not_mistaken(bench):  # noqa: F811
    source = bench.source("llama")
    drift = compare_layers(source, bench.exported("llama"), samples=source.samples[:1])
    assert drift.first is None
    assert "model.rotary_emb" in drift.missing
    assert drift.row("model.layers.1.mlp").drift < 1e-5


def test_rows_and_printing(bench):  # noqa: F811
    drift = compare_layers(bench.source(), bench.optimized(), samples=bench.source().samples[:1])
    assert isinstance(drift, LayerDrift)
    row = drift.row("bert.encoder.layer.1")
    assert row.module == "bert.encoder.layer.1.output"
    assert "bert.encoder.layer.1.output.LayerNorm" in row.also
    assert row.shape[-1] == 64
    with pytest.raises(KeyError, match="could not be compared"):
        drift.row("bert.encoder.layer.1.attention.self.query")
    with pytest.raises(KeyError, match="not known"):
        drift.row("bert.decoder")
    text, page = str(drift), drift._repr_html_()
    for module in ("bert.encoder.layer.1.output", "qa_outputs"):
        assert module in text
        assert module in page
    assert drift.to_dict()["first"] is None
    assert len(drift.to_dict()["rows"]) == len(drift.rows)


def test_nothing_to_compare_is_an_error(bench):  # noqa: F811
    source = bench.source()
    with pytest.raises(ValueError, match="samples is empty"):
        compare_layers(source, bench.exported(), samples=[])
    with pytest.raises(ValueError, match="no sample inputs"):
        compare_layers(dataclasses.replace(source, samples=[]), dataclasses.replace(source, samples=[]))
    with pytest.raises(ValueError, match="no module in common"):
        compare_layers(bench.exported("gpt2"), bench.exported("vit").path, samples=fit(bench))
    with pytest.raises(ValueError, match="memory_limit"):
        compare_layers(source, bench.exported(), memory_limit=0)
    with pytest.raises(ValueError, match="compiled"):
        compare_layers(source, source.as_variant(compiled=True))
    with pytest.raises(ValueError, match="one pass"):
        compare_layers(source, source, samples=source.samples[:1], memory_limit=1000)


def fit(bench: Bench) -> list[dict[str, np.ndarray]]:  # noqa: F811
    """A feed that both a text and an image model take."""
    return [{**bench.source("gpt2").samples[0], **bench.source("vit").samples[0]}]


def test_the_criterion():
    def own(error: float, group: str = "plain", floor: float = 1e-5, broken: bool = False) -> Own:
        return Own(error, broken, group, floor)

    noise = [own(value, "quantized", 3e-2) for value in (0.008, 0.011, 0.009, 0.012, 0.007, 0.01)]
    assert not any(find_jumps(noise))
    assert find_jumps([*noise, own(0.15, "quantized", 3e-2)]) == [False] * 6 + [True]
    # Unquantized modules of the same graph are judged among themselves, and quantized ones do not excuse them.
    assert find_jumps([*noise, own(0.001)]) == [False] * 6 + [True]
    # One that is quantized alone among its like is judged by what int8 explains.
    assert find_jumps([own(0.01, "quantized", 3e-2), own(0.0)]) == [False, False]
    # Two of three are no reason to call it usual when nothing explains so much.
    odd = [
        Own(error, False, "quantized", *choose_bounds("fp32", "int8", quantized=True))
        for error in (0.2, 0.009, 0.2)
    ]
    assert find_jumps(odd) == [True, False, True]
    assert find_jumps([own(0.0, broken=True), own(0.0)]) == [True, False]
    assert find_jumps([]) == []
