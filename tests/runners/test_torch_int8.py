"""PyTorch's own int8: what it is made of, that it works wherever a variant does, and how it says no."""

from __future__ import annotations

import copy
import dataclasses
import sys
import warnings

import numpy as np
import pytest
import torch

import workbench as wb
from tests.variants import cosine, largest_gap, other_feeds, run_on
from workbench.compare.jobs import JobWriter, estimate_need
from workbench.compare.layers import QUANTIZED
from workbench.compare.worker import _prepare
from workbench.models.linear import find_linear
from workbench.runners.torch_int8 import choose_engine, copy_as_int8, int8_names, make_int8

ARCHITECTURES = ["bert", "distilbert", "deberta-v2", "gpt2", "llama", "t5", "bart", "vit", "wav2vec2", "clip"]


def count_bytes(model: torch.nn.Module) -> int:
    """What the tensors of a model take, int8 weights with their scales and zero points among them."""
    total = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    for name in int8_names(model):
        layer = model.get_submodule(name)
        weight, bias = layer.weight(), layer.bias()
        tensors = [weight, weight.q_per_channel_scales(), weight.q_per_channel_zero_points()]
        total += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        total += 0 if bias is None else bias.numel() * bias.element_size()
    return total


def test_it_is_a_variant_like_any_other(bench):
    variant = bench.source().as_variant("int8")
    assert (variant.name, variant.precision, variant.runtime) == ("torch-int8", "int8", "torch")
    assert not variant.compiled
    assert "variant = source.as_variant(precision='int8', compiled=False)" in variant.as_code()
    names: dict = {}
    exec(variant.as_code(), names)
    assert names["variant"] == variant


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_linear_layer_is_int8_and_the_answers_stay_close(bench, name):
    source = bench.source(name)
    before = source.fingerprint()
    variant = source.as_variant("int8")
    feeds = other_feeds(source)
    reference, found = run_on(source, feeds), run_on(variant, feeds)
    assert largest_gap(reference, found) > 0
    # Random weights of T5 give logits that are all but equal.
    assert cosine(reference, found) > (0.9 if name == "t5" else 0.98)
    made = copy_as_int8(source.model)
    assert int8_names(made) == {
        name for name, _ in source.model.named_modules() if name in find_linear(source.model)
    }
    assert variant.size_bytes == count_bytes(made) < source.size_bytes
    assert source.fingerprint() == before


def test_the_copy_shares_nothing_with_the_source(bench):
    source = bench.source()
    made = copy_as_int8(source.model)
    own = {parameter.data_ptr() for parameter in source.model.parameters()}
    assert not own & {parameter.data_ptr() for parameter in made.parameters()}


def test_in_place_the_old_weights_are_freed(bench):
    model = copy.deepcopy(bench.source().model)
    old = list(find_linear(model).values())
    assert make_int8(model) is model
    assert old
    assert all(module.weight is None for module in old)
    assert not find_linear(model)


def test_a_layer_with_two_names_stays_one(bench):
    model = copy.deepcopy(bench.source().model)
    first, second = model.bert.encoder.layer
    second.output.dense = first.output.dense
    make_int8(model)
    assert first.output.dense is second.output.dense
    assert "int8" in str(first.output.dense)


def test_weights_have_a_scale_for_each_channel():
    model = torch.nn.Sequential(torch.nn.Linear(8, 4))
    with torch.no_grad():
        model[0].weight[0] *= 1000  # with one scale for all, the others would become zero
    kept = model[0].weight[1:].clone()
    weight = make_int8(model)[0].weight().dequantize()
    assert (weight[1:] - kept).abs().max() < 0.01


def test_the_process_keeps_its_engine(bench):
    before = torch.backends.quantized.engine
    copy_as_int8(bench.source().model)
    assert torch.backends.quantized.engine == before


def test_nothing_is_printed_and_nothing_warned(bench, capfd):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        run_on(bench.source().as_variant("int8"), bench.source().samples[:2])
    assert [str(warning.message) for warning in seen] == []
    assert capfd.readouterr() == ("", "")


def test_the_worker_measures_the_same_model(bench, tmp_path):
    source = bench.source()
    variant = source.as_variant("int8")
    job = JobWriter(tmp_path, threads=1).describe(variant)
    with _prepare(job)() as runner:
        there = runner.run(source.samples[0])
        assert int8_names(runner._plain)
        assert runner._plain is runner.variant.source.model, "No fp32 model stands beside it."
    with wb.open_runner(variant) as runner:
        here = runner.run(source.samples[0])
    assert all((there[name] == here[name]).all() for name in here)
    assert estimate_need(variant) >= estimate_need(source.baseline)


@pytest.mark.slow
def test_it_is_measured_in_a_process_of_its_own(bench):
    source = bench.source()
    latency = wb.measure_latency([source, source.as_variant("int8")], seconds=0.1, threads=1)
    assert [(row.name, row.error) for row in latency.rows] == [("torch-fp32", None), ("torch-int8", None)]


def test_outputs_and_quality(bench):
    source = bench.source()
    found = wb.compare_outputs(source, source.as_variant("int8"), samples=source.samples[:4])
    assert all(row.cosine > 0.98 for row in found.rows)
    demo = wb.load_model("demo/qa")
    quality = wb.evaluate_quality(demo.as_variant("int8"), limit=8, threads=1)
    assert (quality.variant, quality.n) == ("torch-int8", 8)
    assert quality.value > 50


def test_layers(bench):
    source = bench.source()
    drift = wb.compare_layers(source, source.as_variant("int8"), samples=source.samples[:2])
    assert drift.first is None, "Each layer adds its share, and none stands out."
    quantized = {row.module for row in drift.rows if row.group == QUANTIZED}
    assert quantized == set(find_linear(source.model))
    plain = [row for row in drift.rows if row.group != QUANTIZED]
    assert plain
    assert all(row.own < 1e-5 for row in plain)


def test_a_layer_that_int8_ruins_is_named():
    source = wb.load_model("random/tiny-bert")
    name = "bert.encoder.layer.1.output.dense"
    with (
        torch.no_grad()
    ):  # one input is huge and hardly counts: seven bits are left to the others, and that is none
        source.model.bert.encoder.layer[1].intermediate.dense.bias[0] = 3e4
        source.model.get_submodule(name).weight[:, 0] *= 1e-6
    assert wb.compare_layers(source, source.as_variant("int8"), samples=source.samples[:2]).first == name


def test_pipeline(bench):
    ask = wb.make_pipeline(bench.source().as_variant("int8"))
    assert sorted(ask(question="Who knows?", context="Nobody knows.")) == ["answer", "end", "score", "start"]


def test_text_is_generated(bench):
    write = wb.make_pipeline(bench.source("gpt2").as_variant("int8"))
    assert write("one two", max_new_tokens=3)[0]["generated_text"].startswith("one two")


def test_compiled_int8_is_refused(bench):
    with pytest.raises(
        ValueError, match=r"int8 cannot be compiled.*Take as_variant\('int8'\), or as_variant\('bf16'"
    ):
        bench.source().as_variant("int8", compiled=True)


def test_only_from_fp32(bench):
    half = wb.load_model("random/tiny-bert", dtype="bfloat16")
    with pytest.raises(
        ValueError, match=r"is bf16 on cpu\. Load it once more: load_model\('random/tiny-bert'\)"
    ):
        half.as_variant("int8")


def test_what_there_is_instead_is_listed(bench):
    known = "float32, bfloat16, float16, int8"
    with pytest.raises(ValueError, match=f"precision must be one of {known}, got 'int3'"):
        bench.source().as_variant("int3")
    with pytest.raises(ValueError, match="dtype must be one of float32, bfloat16, float16, got 'int8'"):
        wb.load_model("random/tiny-bert", dtype="int8")


def test_a_model_without_linear_layers(bench):
    class Table(torch.nn.Module):
        device = torch.device("cpu")

    source = dataclasses.replace(bench.source(), model=Table())
    with pytest.raises(wb.ConvertError, match=r"is for Linear layers, and Table has none\. Export it"):
        source.as_variant("int8")


def test_only_on_the_cpu(bench, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match=r"torch-int8 runs on the CPU alone, got device='cuda'"):
        wb.open_runner(bench.source().as_variant("int8"), device="cuda")


def test_a_pytorch_that_has_it_no_more(bench, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.ao.quantization", None)
    with pytest.raises(
        wb.ConvertError, match=r"has no dynamic quantization of its own any more.*quantize_dynamic"
    ):
        wb.open_runner(bench.source().as_variant("int8"))


def test_the_engine_fits_the_cpu():
    engines = ["qnnpack", "onednn", "x86", "fbgemm"]
    assert choose_engine(engines, ("avx2", "avx_vnni")) == "onednn"
    assert choose_engine(engines, ("avx2", "avx512f")) == "x86"
    assert choose_engine(["qnnpack", "onednn"], ("asimddp",)) == "qnnpack"
    assert choose_engine(["none"], ()) is None


def test_one_feed_twice_gives_one_answer(bench):
    feed = bench.source().samples[0]
    with wb.open_runner(bench.source().as_variant("int8")) as runner:
        first, second = runner.run(feed), runner.run(feed)
    assert all(np.array_equal(first[name], second[name]) for name in first)
