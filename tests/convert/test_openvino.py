"""`convert_openvino`: what it makes, which nodes become int8, what it refuses, and that it keeps to itself."""

from __future__ import annotations

import json

import pytest

import workbench as wb
from tests.variants import argmax_agreement, cosine, largest_gap, other_feeds, run_on
from workbench.convert.openvino_nodes import list_int8
from workbench.errors import ConvertError
from workbench.models import onnx_files
from workbench.runners.openvino import get_core, has_bf16

WEIGHTS_OF_BERT = 16  # six products in each of two layers, the head, and three tables of embeddings


def int8_operations(variant, file="model.xml"):
    return list_int8(get_core().read_model(variant.path / file))


def test_fp32_is_the_same_file_for_another_runtime(bench):
    parent, variant = bench.exported(), bench.openvino()
    assert (variant.name, variant.runtime, variant.precision) == ("openvino-fp32", "openvino", "fp32")
    assert variant.settings == {"inference_precision": "fp32"}
    assert variant.steps[-1].arguments == {"precision": "fp32"}
    assert variant.parent.path == parent.path
    assert (variant.path / "model.onnx").samefile(parent.path / "model.onnx"), "It takes no room again."
    feeds = other_feeds(bench.source())
    assert largest_gap(run_on(parent, feeds), run_on(variant, feeds)) < 1e-4
    assert variant.report["relative_difference"] < 1e-4


@pytest.mark.parametrize("precision", ["bf16", "int8-bf16"])
def test_bf16_is_a_setting(bench, precision):
    if not has_bf16():
        with pytest.raises(ConvertError, match="needs a CPU on which OpenVINO runs bf16"):
            wb.convert_openvino(bench.exported(), precision=precision)
        return
    variant = bench.openvino("bert", precision)
    assert variant.name == f"openvino-{precision}"
    assert variant.precision == precision.partition("-")[0]
    assert variant.settings == {"inference_precision": "bf16"}
    with wb.open_runner(variant) as runner:
        hint = runner.opened("model.onnx").compiled.get_property("INFERENCE_PRECISION_HINT")
    assert hint.get_type_name() == "bf16"
    feeds = bench.source().samples
    expected, found = run_on(bench.source(), feeds), run_on(variant, feeds)
    assert cosine(expected, found) > 0.99
    assert largest_gap(expected, found) > 1e-4, "fp32 would come closer."


def test_int8_in_openvinos_own_format(bench):
    variant = bench.openvino("bert", "int8")
    assert {"model.xml", "model.bin"} <= set(variant.files)
    assert not variant.onnx_files
    assert (variant.name, variant.precision) == ("openvino-int8", "int8")
    assert variant.settings == {"inference_precision": "fp32"}
    assert variant.size_bytes < bench.exported().size_bytes
    assert (variant.report["quantized"], variant.report["left_in_fp32"]) == (WEIGHTS_OF_BERT, [])
    assert len(int8_operations(variant)) == WEIGHTS_OF_BERT
    feeds = bench.source().samples
    expected, found = run_on(bench.source(), feeds), run_on(variant, feeds)
    assert cosine(expected, found) > 0.99
    assert argmax_agreement(expected, found) > 0.9


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        ("qa_outputs", 1),
        (["qa_outputs", "bert.encoder.layer.0.attention.self.query"], 2),
        ("bert.encoder.layer.0", 6),
        ("bert.embeddings", 3),
        ("/bert/encoder/*/intermediate/*", 2),
    ],
)
def test_exclude(bench, workspace, patterns, left):
    variant = wb.convert_openvino(bench.exported(), precision="int8", exclude=patterns)
    assert variant.name == "openvino-int8-selective"
    assert len(variant.report["left_in_fp32"]) == left
    assert len(int8_operations(variant)) == variant.report["quantized"] == WEIGHTS_OF_BERT - left
    assert not set(variant.report["left_in_fp32"]) & int8_operations(variant)


def test_include(bench, workspace):
    variant = wb.convert_openvino(bench.exported(), precision="int8", include="bert.encoder.layer.1")
    assert all("layer.1" in name for name in int8_operations(variant))
    assert variant.report["quantized"] == 6
    # The products of two activations belong to their module, too: none of the others is touched.
    model = get_core().read_model(variant.path / "model.xml")
    rounded = [
        target.get_node().get_friendly_name()
        for operation in model.get_ops()
        if operation.get_type_name() == "FakeQuantize"
        for target in operation.output(0).get_target_inputs()
    ]
    assert rounded
    assert all("layer.1" in name for name in rounded)


def test_names_of_modules_work_on_fused_nodes(bench, workspace):
    """OpenVINO takes an Attention node apart into operations with numbers for names, others in each reading."""
    whole = wb.convert_openvino(bench.optimized(), precision="int8")
    assert (whole.report["quantized"], whole.report["left_in_fp32"]) == (12, [])
    variant = wb.convert_openvino(bench.optimized(), precision="int8", exclude="bert.encoder.layer.0")
    assert len(variant.report["left_in_fp32"]) == 4  # the fused attention is one of them
    assert len(int8_operations(variant)) == variant.report["quantized"] == 8


@pytest.mark.parametrize("name", ["gpt2", "bart"])
def test_a_decoder_is_calibrated_with_its_past(bench, name):
    variant = bench.openvino(name, "int8")
    names = {path.stem for path in bench.exported(name).onnx_files}
    assert {f"{stem}.{ending}" for stem in names for ending in ("xml", "bin")} <= set(variant.files)
    for stem in names:
        assert int8_operations(variant, f"{stem}.xml")
    feeds = bench.source(name).samples[:4]
    assert cosine(run_on(bench.source(name), feeds), run_on(variant, feeds)) > 0.9


def test_a_pattern_may_leave_a_whole_file_as_it_is(bench, workspace):
    variant = wb.convert_openvino(bench.exported("t5"), precision="int8", include="decoder.block.0")
    assert int8_operations(variant, "decoder_model.xml")
    assert not int8_operations(variant, "encoder_model.xml")
    assert len(run_on(variant, bench.source("t5").samples[:1])) == 1


def test_own_samples_are_kept_beside_the_variant(bench, workspace, tmp_path):
    samples = bench.source().samples[:2]
    variant = wb.convert_openvino(bench.exported(), precision="int8", samples=samples)
    name = variant.steps[-1].arguments["samples"]
    assert name in variant.files
    assert str(variant.path / name) in variant.as_code()
    again = wb.convert_openvino(bench.exported(), precision="int8", samples=variant.path / name)
    assert again.path == variant.path


def test_what_as_code_prints_makes_it_again(bench, workspace):
    variant = wb.convert_openvino(bench.exported(), precision="int8", exclude=["qa_outputs"])
    scope: dict = {}
    exec(variant.as_code(), scope)
    assert scope["variant"].path.name == variant.path.name
    assert scope["variant"].files["model.bin"] == variant.files["model.bin"]


def test_it_is_cached_and_loads_from_its_folder(bench, workspace):
    first = wb.convert_openvino(bench.exported())
    assert wb.convert_openvino(bench.exported()).made == first.made
    loaded = wb.Variant.load(first.path)
    assert (loaded.settings, loaded.runtime) == (first.settings, "openvino")
    feeds = bench.source().samples[:1]
    assert largest_gap(run_on(first, feeds), run_on(loaded, feeds)) == 0
    assert {"openvino", "nncf"} <= set(loaded.versions)


def test_deleting_the_variant_before_leaves_it_whole(bench, workspace):
    import shutil

    parent = wb.export_onnx(bench.source())
    variant = wb.convert_openvino(parent)
    shutil.rmtree(parent.path)
    assert run_on(wb.Variant.load(variant.path), bench.source().samples[:1])


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_weights_in_a_file_of_their_own(bench, workspace, monkeypatch, precision):
    """As past 2 GB."""
    monkeypatch.setattr(onnx_files, "EXTERNAL_DATA_LIMIT", 50_000)
    parent = wb.export_onnx(bench.source())
    assert "model.onnx_data" in parent.files
    variant = wb.convert_openvino(parent, precision=precision)
    feeds = bench.source().samples[:3]
    assert cosine(run_on(parent, feeds), run_on(variant, feeds)) > 0.99


def test_it_stands_in_the_same_tables(bench):
    """Every verb that takes a variant takes this one."""
    source, variant = bench.source(), bench.openvino("bert", "int8")
    assert wb.compare_outputs(source, bench.openvino()).agrees
    assert json.loads(json.dumps(wb.compare_outputs(source, variant).to_dict()))
    latency = wb.measure_latency(
        [bench.exported(), bench.openvino(), variant], samples=source.samples[:1], seconds=1, threads=1
    )
    assert [row.error for row in latency.rows] == [None] * 3
