"""Layers: who starts a drift is named, who hands it on is not; the same model twice has no drift."""

from __future__ import annotations

import pytest

from tests.compare.disturbing import AMOUNT, disturb, disturbed, fill_weight, rewrite  # noqa: F401
from tests.variants import Bench, bench, one_thread  # noqa: F401
from workbench.compare import onnx_side
from workbench.compare.jumps import Own, choose_bounds, find_jumps
from workbench.compare.layers import compare_layers

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


@pytest.fixture(autouse=True)
def _one_thread(one_thread, monkeypatch):  # noqa: F811
    monkeypatch.setattr(onnx_side, "usable_cores", lambda: 1)


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
    assert loud.not_read == ("decoder_with_past_model.onnx",)
    assert "not looked at: decoder_with_past_model.onnx" in str(loud)
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


def test_a_module_that_gives_sine_and_cosine_is_not_mistaken(bench):  # noqa: F811
    source = bench.source("llama")
    drift = compare_layers(source, bench.exported("llama"), samples=source.samples[:1])
    assert drift.first is None
    assert "model.rotary_emb" in drift.missing
    assert drift.row("model.layers.1.mlp").drift < 1e-5


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
