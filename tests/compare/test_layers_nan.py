"""NaN, Inf and nothing at all never pass for sameness."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import onnx
import pytest

from tests.compare.disturbing import AMOUNT, disturb, disturbed, fill_weight, rewrite  # noqa: F401
from tests.variants import Bench, bench, one_thread  # noqa: F401
from workbench.compare import onnx_side
from workbench.compare.layers import compare_layers
from workbench.graph.export import export_graph
from workbench.graph.files import open_graphs
from workbench.graph.overlay import make_overlay
from workbench.plots import plot_drift

WEIGHT = "bert.encoder.layer.1.output.LayerNorm.bias"
MODULE = WEIGHT.removesuffix(".bias")


@pytest.fixture(autouse=True)
def _one_thread(one_thread, monkeypatch):  # noqa: F811
    monkeypatch.setattr(onnx_side, "usable_cores", lambda: 1)


@pytest.fixture(scope="module")
def broken(bench, tmp_path_factory):  # noqa: F811
    """The exported BERT, whose last but one module gives nothing but NaN."""
    folder = tmp_path_factory.mktemp("broken") / "it"
    return rewrite(bench.exported(), folder, lambda graph: fill_weight(graph, WEIGHT, np.nan))


def test_nan_is_found_where_it_is_made(bench, broken):  # noqa: F811
    drift = compare_layers(bench.source(), broken, samples=bench.source().samples[:2])
    assert drift.first == MODULE
    (jump,) = drift.jumps
    place = drift.rows.index(jump)
    assert {row.status for row in drift.rows[:place]} == {"quiet"}
    assert {(row.drift < 1e-5, row.not_finite) for row in drift.rows[:place]} == {(True, 0)}
    assert (jump.drift, jump.own, jump.max_abs, jump.snr_db) == (math.inf, math.inf, math.inf, -math.inf)
    assert jump.not_finite > 0
    assert len(drift.rows) > place + 1
    for row in drift.rows[place + 1 :]:
        assert (row.status, row.drift, row.max_abs) == ("carries", math.inf, math.inf)
        assert math.isnan(row.cosine)
        assert row.own < 1e-5, "given the reference's numbers, it makes numbers"
    last = drift.row("qa_outputs").not_finite
    assert (
        f"it gives {jump.not_finite:,} values that are NaN or Inf; {last:,} values are NaN or Inf at qa_outputs"
        in (drift.verdict)
    )
    assert "signal" not in drift.verdict


def test_nan_is_painted_and_drawn_as_broken(bench, broken, tmp_path):  # noqa: F811
    drift = compare_layers(bench.source(), broken, samples=bench.source().samples[:1])
    painted = drift.overlay()
    lost = {name for name, value in painted.items() if value == math.inf}
    assert any(name.startswith("/qa_outputs/") for name in lost)
    assert {value < 1e-5 for name, value in painted.items() if name not in lost} == {True}
    overlay = make_overlay(next(iter(open_graphs(broken))), drift)
    assert set(overlay["infinite"]) == lost
    assert lost.isdisjoint(overlay["values"])
    json.dumps(overlay, allow_nan=False)
    data = json.loads(export_graph(broken, tmp_path / "graph.json", overlay=drift).read_text())
    values = {node["name"]: node.get("value") for node in data["files"][0]["nodes"]}
    assert {name for name, value in values.items() if value == "infinite"} == lost
    picture = export_graph(broken, tmp_path / "graph.svg", overlay=drift).read_text()
    assert " is-infinite" in picture
    assert "infinite: " in picture
    line, own, jumps, marks = plot_drift(drift).data
    at = [index for index, row in enumerate(drift.rows) if row.drift == math.inf]
    assert list(marks.x) == at
    assert [line.y[index] for index in at] == [None] * len(at)
    assert min(marks.y) > max(value for value in (*line.y, *own.y) if value is not None)
    assert list(jumps.x) == []


def test_a_broken_model_is_the_same_as_itself(bench, broken):  # noqa: F811
    drift = compare_layers(broken, broken, samples=bench.source().samples[:1])
    assert drift.first is None
    assert drift.verdict.startswith("No drift")
    assert MODULE in drift.missing, "without a number on either side there is nothing to compare"
    assert set(drift.overlay().values()) == {0.0}

    def spoil(graph) -> None:
        weights = {tensor.name: tensor for tensor in graph.initializer}
        values = onnx.numpy_helper.to_array(weights["qa_outputs.bias"]).copy()
        values[0] = math.nan
        weights["qa_outputs.bias"].CopyFrom(onnx.numpy_helper.from_array(values, "qa_outputs.bias"))

    half = rewrite(bench.exported(), broken.path.with_name("half"), spoil)
    drift = compare_layers(half, half, samples=bench.source().samples[:1])
    assert drift.first is None
    assert drift.row("qa_outputs").both_nan == drift.row("qa_outputs").shape[1]
    assert drift.row("qa_outputs").not_finite == 0
    assert "both sides give NaN in the same places of 1 tensors, qa_outputs the first" in str(drift)


def test_a_broken_reference_is_said_to_be_it(bench, broken):  # noqa: F811
    drift = compare_layers(broken, bench.exported(), samples=bench.source().samples[:1])
    assert drift.first == MODULE
    (jump,) = drift.jumps
    assert (jump.not_finite, jump.drift) == (0, math.inf)
    assert f"{jump.reference_not_finite:,} values of the reference are NaN or Inf there" in drift.verdict
    assert math.isnan(drift.row("qa_outputs").own), "it was given no number"
    assert drift.overlay(own=True)


def test_padding_alone_is_nothing_to_compare(bench):  # noqa: F811
    source = bench.source("gpt2")
    feed = source.samples[0]
    blank = {**feed, "attention_mask": np.zeros_like(feed["attention_mask"])}
    with pytest.raises(ValueError, match="Sample 0 is nothing but padding"):
        compare_layers(source, source, samples=[blank])


def test_nan_alone_is_nothing_to_compare(bench):  # noqa: F811
    source = disturb(bench.source(), "qa_outputs", 0.0)
    for name, weight in source.model.named_parameters():
        if "embeddings" in name:
            weight.data.fill_(math.nan)
    with pytest.raises(ValueError, match="gives a finite number on either side"):
        compare_layers(source, source, samples=source.samples[:1])


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


def fit(bench: Bench) -> list[dict[str, np.ndarray]]:  # noqa: F811
    """A feed that both a text and an image model take."""
    return [{**bench.source("gpt2").samples[0], **bench.source("vit").samples[0]}]
