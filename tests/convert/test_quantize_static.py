"""`quantize_static`: ranges are measured on the right samples, by each method, in bounded memory."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import workbench as wb
from tests.variants import argmax_agreement, cosine, nothing_half_made, run_on
from workbench.convert import calibrate
from workbench.models.samples import load_feeds, resize_feed, save_feeds

METHODS = ["minmax", "entropy", "percentile"]


def quantized_products(path):
    graph = onnx.load(path).graph
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    return [
        node.name
        for node in graph.node
        if node.op_type in ("MatMul", "Gemm")
        and all(made_by.get(name) == "DequantizeLinear" for name in node.input[:2])
    ]


def input_scales(variant):
    """The scales of the activations, by tensor."""
    graph = onnx.load(variant.onnx_files[0]).graph
    return {
        tensor.name: float(onnx.numpy_helper.to_array(tensor))
        for tensor in graph.initializer
        if tensor.name.endswith("_scale") and not tensor.dims
    }


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_a_model_that_nearly_agrees(bench, workspace, method):
    variant = wb.quantize_static(bench.exported(), method=method)
    assert variant.precision == "int8"
    assert variant.steps[-1].arguments == {"method": method, "per_channel": True}
    assert len(quantized_products(variant.onnx_files[0])) == 13
    feeds = bench.source().samples
    expected, found = run_on(bench.source(), feeds), run_on(variant, feeds)
    # Activations have one scale for all inputs here, and entropy cuts the largest of them off.
    assert cosine(expected, found) > 0.97
    assert argmax_agreement(expected, found) > 0.7


def test_minmax_is_the_default(bench, workspace):
    assert wb.quantize_static(bench.exported()).steps[-1].arguments["method"] == "minmax"


@pytest.mark.parametrize("name", ["gpt2", "vit", "wav2vec2", "clip"])
def test_the_optimized_graph(bench, workspace, name):
    variant = wb.quantize_static(bench.optimized(name))
    assert quantized_products(variant.onnx_files[0])
    feeds = bench.source(name).samples
    assert cosine(run_on(bench.source(name), feeds), run_on(variant, feeds)) > 0.95


@pytest.mark.parametrize("stage", ["exported", "optimized"])
def test_every_file_of_an_encoder_decoder(bench, workspace, stage):
    variant = wb.quantize_static(getattr(bench, stage)("t5"))
    assert len(variant.onnx_files) == 3
    for path in variant.onnx_files:
        assert quantized_products(path), path.name


def test_own_samples_decide_the_ranges(bench, workspace, tmp_path):
    feeds = [resize_feed(sample, length=9) for sample in bench.source().samples[:3]]
    save_feeds(feeds, tmp_path / "mine.npz")
    plain = wb.quantize_static(bench.exported())
    own = wb.quantize_static(bench.exported(), samples=feeds)
    assert own.path != plain.path
    assert input_scales(own).keys() == input_scales(plain).keys()
    assert input_scales(own) != input_scales(plain)
    beside = own.path / own.steps[-1].arguments["samples"]
    assert [sorted(feed) for feed in load_feeds(beside)] == [sorted(feed) for feed in feeds]
    for given in (tmp_path / "mine.npz", str(tmp_path / "mine.npz"), iter(feeds)):
        assert wb.quantize_static(bench.exported(), samples=given).made == own.made


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        ([], ValueError, "samples is empty"),
        (
            {"input_ids": np.ones((1, 4))},
            TypeError,
            "samples must be a list of dicts of numpy arrays, got dict",
        ),
        (7, TypeError, "samples must be a list of dicts of numpy arrays, got int"),
        ([3], TypeError, "samples must be a list of dicts of numpy arrays"),
        ([{"input_ids": np.ones((1, 4), np.int64)}], ValueError, "needs the input 'attention_mask'"),
    ],
)
def test_samples_that_make_no_sense(bench, workspace, samples, error, message):
    with pytest.raises(error, match=message):
        wb.quantize_static(bench.exported(), samples=samples)
    assert nothing_half_made(workspace)


def test_a_file_of_samples_that_cannot_be_read(bench, workspace, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.npz"):
        wb.quantize_static(bench.exported(), samples=tmp_path / "gone.npz")
    (tmp_path / "odd.npz").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(ValueError, match=r"odd\.npz holds no sample inputs that can be read"):
        wb.quantize_static(bench.exported(), samples=tmp_path / "odd.npz")
    np.savez(tmp_path / "plain.npz", input_ids=np.ones((1, 4)))
    with pytest.raises(ValueError, match=r"plain\.npz holds no sample inputs that can be read"):
        wb.quantize_static(bench.exported(), samples=tmp_path / "plain.npz")
    np.savez(tmp_path / "pickle.npz", **{"0/x": np.array([object()])})
    with pytest.raises(ValueError, match=r"pickle\.npz holds no sample inputs"):
        wb.quantize_static(bench.exported(), samples=tmp_path / "pickle.npz")


def test_an_unknown_method_is_refused(bench):
    with pytest.raises(ValueError, match="method must be one of minmax, entropy, percentile, got 'guess'"):
        wb.quantize_static(bench.exported(), method="guess")


@pytest.mark.parametrize("method", METHODS)
def test_memory_stays_bounded_while_calibrating(bench, workspace, monkeypatch, method):
    """After each sample the calibrator has dropped that sample's tensors, and its histograms do not grow."""
    held = []
    create = calibrate.create_calibrator

    def watched(*args, **kwargs):
        calibrator = create(*args, **kwargs)
        collect = calibrator.collect_data

        def counted(reader):
            collect(reader)
            held.append(held_numbers(calibrator))

        calibrator.collect_data = counted
        return calibrator

    monkeypatch.setattr(calibrate, "create_calibrator", watched)
    samples = [resize_feed(bench.source().samples[0], batch=2, length=40)] * 12
    wb.quantize_static(bench.exported(), samples=samples, method=method)
    assert len(held) == len(samples)
    assert held[-1] == held[1] > 0 or method == "minmax"
    one_sample = 13 * 2 * 40 * 64  # what the products of one sample read, at least
    if method == "minmax":
        assert max(held) < one_sample / 50


def held_numbers(calibrator) -> int:
    """How many numbers a calibrator keeps in arrays, wherever they are."""
    seen: set[int] = set()

    def count(value) -> int:
        if id(value) in seen:
            return 0
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            return value.size
        if isinstance(value, dict):
            return sum(map(count, value.values()))
        if isinstance(value, list | tuple):
            return sum(map(count, value))
        return count(vars(value)) if type(value).__module__.startswith("onnxruntime.quantization") else 0

    return count(vars(calibrator))
