"""Which contestants there are, what was asked for, and what does not apply here."""

from __future__ import annotations

import sys

import pytest

import workbench as wb
from workbench.race import entries
from workbench.race.contestants import Parts, choose_contestants
from workbench.race.entries import list_contestants


def names_of(field):
    return [one.name for one in field]


def test_names_are_unique_and_the_whole_table_is_the_default(bench):
    names = names_of(list_contestants())
    assert len(set(names)) == len(names)
    assert names_of(choose_contestants(bench.source(), None)) == names


def test_names_globs_and_own_variants_each_once_the_baseline_first(bench):
    own = bench.small()
    asked = ["onnx-int8-dynamic", own, "torch-*16", "torch-bf16", bench.source(), own]
    field = choose_contestants(bench.source(), asked)
    assert names_of(field) == [
        "torch-fp32",
        "onnx-int8-dynamic",
        "torch-bf16",
        "torch-fp16",
        "onnx-int8-dynamic (2)",
        "onnx-int8-dynamic (3)",
    ]
    assert field[4].make(Parts(bench.source())) is own
    assert field[4].key != field[1].key


def test_unknown_names_get_near_ones_and_the_list(bench):
    with pytest.raises(ValueError, match=r"'onnx-int8-dynamc'.*Did you mean 'onnx-int8-dynamic'.*torch-bf16"):
        choose_contestants(bench.source(), ["onnx-int8-dynamc"])
    with pytest.raises(ValueError, match="candidates is empty"):
        choose_contestants(bench.source(), [])
    with pytest.raises(TypeError, match="Expected a Variant"):
        choose_contestants(bench.source(), [7])


def test_a_variant_for_another_task_is_refused(bench):
    other = bench.source("bert", "text-classification").baseline
    with pytest.raises(ValueError, match="is for text-classification"):
        choose_contestants(bench.source(), [other])


def test_a_model_loaded_in_bf16_is_its_own_baseline():
    source = wb.load_model("random/tiny-bert", dtype="bf16")
    field = choose_contestants(source, ["torch-*"])
    assert names_of(field)[0] == "torch-bf16"
    assert names_of(field).count("torch-bf16") == 1
    plain = next(one for one in field if one.name == "torch-fp32")
    assert "loaded in bf16" in plain.applies(Parts(source))


def reason_of(name, source):
    return next(one for one in list_contestants() if one.name == name).applies(Parts(source))


def test_what_is_missing_is_said_with_the_line_that_installs_it(bench, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert reason_of("openvino-fp32", bench.source()) == (
        "openvino is not installed: pip install 'workbench[openvino]'"
    )
    assert "openvino is not installed" in reason_of("openvino-int8", bench.source())


def test_what_this_cpu_does_not_have(bench, monkeypatch):
    monkeypatch.setattr(entries, "cpu_features", lambda: ("avx2",))
    monkeypatch.setattr(entries, "_is_installed", lambda name: True)
    assert "does not compute in bf16" in reason_of("openvino-bf16", bench.source())
    assert reason_of("openvino-int8", bench.source()) is None
    half = next(one for one in list_contestants() if one.name == "torch-bf16")
    assert half.applies(Parts(bench.source())) is None
    assert "imitates" in half.note()


def test_fp16_is_for_gpus(bench):
    assert "for GPUs" in reason_of("torch-fp16", bench.source())
    assert reason_of("torch-bf16", bench.source()) is None


def test_no_compiler(bench, monkeypatch):
    import torch._inductor.cpp_builder as builder

    def refuse():
        raise RuntimeError("no g++")

    monkeypatch.setattr(builder, "get_cpp_compiler", refuse)
    entries._needs_compiler.cache_clear()
    try:
        assert "install g++ or clang" in reason_of("torch-bf16-compiled", bench.source())
    finally:
        entries._needs_compiler.cache_clear()


def test_a_failing_export_is_tried_once(bench):
    class Broken:
        origin = bench.source().origin
        calls = 0

    parts = Parts(Broken())
    with pytest.raises(TypeError) as first:
        _ = parts.exported
    with pytest.raises(TypeError) as second:
        _ = parts.optimized
    assert second.value is first.value
