"""Sensitivity: what a switch turns on is what the quantized file computes, module by module."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

import workbench as wb
from tests.variants import largest_gap, run_on
from workbench.compare.similarity import Similarity
from workbench.race.sensitivity import find_layer, find_units, measure_sensitivity, pick_layers
from workbench.race.sensitivity_rows import ModuleRow, Sensitivity
from workbench.race.sensitivity_switch import Switch, SwitchedRunner
from workbench.runners import open_runner

QUERY = "bert.encoder.layer.0.attention.self.query"
MODELS = ("bert", "t5")  # one file; an encoder and a decoder with a file each


def heads(runner, feed) -> list[np.ndarray]:
    outputs = runner.run(feed)
    return [outputs[name] for name in runner.variant.task_row.outputs]


def drift_of(variant, reference, feeds) -> float:
    figures = Similarity()
    for left, right in zip(run_on(reference, feeds), run_on(variant, feeds), strict=True):
        figures.add(left, right)
    return figures.relative


@pytest.mark.parametrize("name", MODELS)
def test_with_all_switches_off_it_is_the_fp32_model(bench, name):
    parent, small = bench.exported(name), bench.small(name)
    feed = bench.source(name).samples[0]
    with SwitchedRunner(parent, small, threads=1) as switched, open_runner(parent, threads=1) as plain:
        assert len(switched.switches) == small.report["quantized"]
        assert largest_gap(heads(plain, feed), heads(switched, feed)) < 1e-6
        with switched.switched(switched.switches):
            assert largest_gap(heads(plain, feed), heads(switched, feed)) > 1e-4
        assert largest_gap(heads(plain, feed), heads(switched, feed)) < 1e-6


@pytest.mark.parametrize("made", ["exported", "optimized"])
@pytest.mark.parametrize("kind", ["MatMul", "Attention", "Gather"])
def test_a_switch_is_what_the_file_with_this_node_quantized_computes(bench, made, kind):
    parent = getattr(bench, made)()
    small = bench.make(wb.quantize_dynamic, parent)
    feed = bench.source().samples[3]
    with SwitchedRunner(parent, small, threads=1) as switched:
        chosen = next((one for one in switched.switches if kind in one.node.replace("attention", "")), None)
        if chosen is None:
            assert (made, kind) == ("exported", "Attention")  # only the optimizer fuses
            return
        with switched.switched([chosen]):
            found = heads(switched, feed)
        others = heads(switched, feed)
    one = bench.make(wb.quantize_dynamic, parent, include=[chosen.node])
    with open_runner(one, threads=1) as runner:
        expected = heads(runner, feed)
    moved = largest_gap(expected, others)
    assert moved > 1e-4
    assert largest_gap(expected, found) < moved / 50  # the rest is the order in which fp32 is added up


@pytest.mark.parametrize("options", [{"bits": 4}, {"weight_type": "uint8", "per_channel": False}])
def test_other_ways_of_quantizing_are_switched_too(bench, options):
    parent, feed = bench.exported(), bench.source().samples[0]
    verb = wb.quantize_weights if "bits" in options else wb.quantize_dynamic
    small = bench.make(verb, parent, **options)
    with SwitchedRunner(parent, small, threads=1) as switched, open_runner(small, threads=1) as whole:
        plain = heads(switched, feed)
        with switched.switched(switched.switches):
            found = heads(switched, feed)
        expected = heads(whole, feed)
    assert largest_gap(expected, plain) > 1e-3
    assert largest_gap(expected, found) < largest_gap(expected, plain) / 10


def test_the_drift_is_that_of_the_file_with_one_module_quantized(bench):
    source, parent = bench.source(), bench.exported()
    found = measure_sensitivity(source, parent, quantized=bench.small(), threads=1)
    assert [row.drift for row in found.rows] == sorted((row.drift for row in found.rows), reverse=True)
    assert sum(row.share for row in found.rows) == pytest.approx(1)
    feeds = source.samples[: found.samples]
    for row in (found.rows[0], found.rows[1], found.rows[-1]):
        one = bench.make(wb.quantize_dynamic, parent, include=[row.module])
        assert row.drift == pytest.approx(drift_of(one, parent, feeds), rel=1e-3)
    assert found.together == pytest.approx(drift_of(bench.small(), parent, feeds), rel=0.05)


def test_padding_does_not_count(bench):
    source, parent = bench.source(), bench.exported()
    plain = {name: value[:, :12] for name, value in source.samples[0].items()}
    padded = {name: np.pad(value, ((0, 0), (0, 9))) for name, value in plain.items()}
    alone, filled = (
        measure_sensitivity(source, parent, samples=[feed], quantized=bench.small(), threads=1)
        for feed in (plain, padded)
    )
    drifts = {row.module: row.drift for row in filled.rows}
    # What stands in the padding still widens the range of a tensor, so the two are near and not equal.
    assert sum(drifts.values()) == pytest.approx(sum(row.drift for row in alone.rows), rel=0.5)
    with SwitchedRunner(parent, bench.small(), threads=1) as runner:
        units = find_units(runner.switches)
        expected = runner.run(padded)
        figures = Similarity()
        with runner.switched(units[QUERY]):
            outputs = runner.run(padded)
        for name in runner.variant.task_row.outputs:
            figures.add(expected[name][:, :12], outputs[name][:, :12])
    assert drifts[QUERY] == pytest.approx(figures.relative, rel=1e-5)


def test_many_modules_are_tried_layer_by_layer(bench, monkeypatch):
    source, parent = bench.source(), bench.exported()
    flat = measure_sensitivity(source, parent, quantized=bench.small(), threads=1)
    monkeypatch.setattr("workbench.race.sensitivity.FLAT", 4)
    monkeypatch.setattr("workbench.race.sensitivity.MOST", 1)
    seen: list[tuple[int, int]] = []
    layered = measure_sensitivity(
        source,
        parent,
        quantized=bench.small(),
        threads=1,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert {row.module for row in layered.rows} == {row.module for row in flat.rows}
    exact = {row.module: row.drift for row in flat.rows}
    alone = {row.module for row in layered.rows if row.alone}
    assert all(row.drift == exact[row.module] for row in layered.rows if row.alone)
    worst = {find_layer(name) for name in alone if find_layer(name) != name}
    assert len(worst) == 1  # of the two layers only one was looked into
    others = [row for row in layered.rows if not row.alone]
    assert len({row.drift for row in others}) == 1
    assert others[0].drift < max(row.drift for row in layered.rows)
    assert "stand in layers that move little" in str(layered)
    assert seen[-1] == (len(seen), len(seen))
    assert len(seen) < len(flat.rows) + 1


def test_a_unit_is_what_can_be_excluded_alone(bench):
    parent = bench.exported()
    with SwitchedRunner(parent, bench.small(), threads=1) as runner:
        units = find_units(runner.switches)
        everything = {one.node for one in runner.switches}
    assert QUERY in units
    for name in list(units)[::5]:
        made = bench.make(wb.quantize_dynamic, parent, exclude=[name])
        assert set(made.report["left_in_fp32"]) == {one.node for one in units[name]} < everything


def test_a_module_around_others_is_left_to_its_nodes():
    around = Switch("model.onnx", "/layer.0/MatMul", "layer.0", 4)
    inner = Switch("model.onnx", "/layer.0/query/MatMul", "layer.0.query", 4)
    again = dataclasses.replace(inner, file="decoder_with_past_model.onnx")
    nameless = Switch("model.onnx", "Mat[Mul]_7", "", 4)
    units = find_units([around, inner, again, nameless])
    assert units == {
        "/layer.0/MatMul": (around,),
        "layer.0.query": (inner, again),
        "Mat[[]Mul]_7": (nameless,),
    }


def test_layers_are_looked_into_until_most_of_the_error_is_explained():
    assert pick_layers({"a": 1.0, "b": 1.0, "c": 0.1}) == ["a", "b"]
    assert pick_layers({str(index): 1.0 for index in range(9)}) == ["0", "1", "2", "3"]
    assert pick_layers({"a": 0.1, "b": math.inf}) == ["b", "a"]
    assert pick_layers({}) == []


def test_what_is_asked_must_make_sense(bench):
    source, parent = bench.source(), bench.exported()
    with pytest.raises(ValueError, match="takes an ONNX variant"):
        measure_sensitivity(source, source.baseline)
    with pytest.raises(ValueError, match="was not made from"):
        measure_sensitivity(source, parent, quantized=bench.make(wb.quantize_dynamic, bench.exported("t5")))
    with pytest.raises(ValueError, match="was not made from"):
        measure_sensitivity(source, parent, quantized=bench.source("gpt2"))
    static = bench.make(wb.quantize_static, parent)
    with pytest.raises(ValueError, match="rounds between the modules"):
        measure_sensitivity(source, parent, quantized=static)
    with pytest.raises(ValueError, match="nothing in int8"):
        measure_sensitivity(source, parent, quantized=parent)
    with pytest.raises(ValueError, match="samples is empty"):
        measure_sensitivity(source, parent, samples=[])


def test_the_result_prints(bench):
    rows = (
        ModuleRow("<b>head", math.inf, 0.1),
        ModuleRow("layer.0.a", 0.01, 0.9, alone=False),
        ModuleRow("quiet", 0.0, 0.0),
    )
    found = Sensitivity("onnx-fp32 of demo/qa", "onnx-int8-dynamic", rows, 0.5, 8)
    assert found.modules == ("<b>head", "layer.0.a", "quiet")
    assert [row.snr_db for row in rows] == [-math.inf, 40.0, math.inf]
    text = str(found)
    assert "no number any more" in text
    assert "~1.00%" in text
    assert "50.00%" in text
    assert "<b>head" not in found._repr_html_()
    assert found.to_dict()["rows"][1]["module"] == "layer.0.a"
    assert "random" in str(dataclasses.replace(found, random=True))
