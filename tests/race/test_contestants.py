"""Which contestants there are, what was asked for, and what does not apply here."""

from __future__ import annotations

import dataclasses
import sys

import onnxruntime
import pytest
import torch

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
    ]
    assert field[4].make(Parts(bench.source())) is own
    assert field[4].key != field[1].key


def test_a_single_thing_need_not_stand_in_a_list(bench):
    source, own = bench.source(), bench.small()
    for given in (own, own.path, str(own.path), [str(own.path)]):
        assert names_of(choose_contestants(source, given)) == ["torch-fp32", "onnx-int8-dynamic"]
    assert names_of(choose_contestants(source, source)) == ["torch-fp32"]
    with pytest.raises(TypeError, match="Expected a Variant"):
        choose_contestants(source, 7)
    with pytest.raises(FileNotFoundError, match="holds no variant"):
        choose_contestants(source, str(own.path.parent))


def test_what_pytorch_makes_anyway_does_not_race_twice(bench):
    source = bench.source()
    asked = [
        "torch-bf16",
        source.as_variant("bf16"),
        source.as_variant("bf16", compiled=True),
        source.baseline,
    ]
    assert names_of(choose_contestants(source, asked)) == ["torch-fp32", "torch-bf16", "torch-bf16-compiled"]


def test_the_key_of_a_pytorch_model_knows_its_weights(bench):
    """Else a race would be taken up with the figures of another model."""
    source, other = wb.load_model("random/tiny-bert"), wb.load_model("random/tiny-bert")
    assert len(choose_contestants(source, [other])) == 1, "They are the same model."
    keys = set()
    for _ in range(2):
        with torch.no_grad():
            other.model.qa_outputs.weight.mul_(2)
        field = choose_contestants(source, [other, "onnx-fp32"])
        assert names_of(field) == ["torch-fp32", "onnx-fp32", "torch-fp32 (2)"]
        keys.add(field[-1].key)
    assert len(keys) == 2
    elsewhere = dataclasses.replace(
        other.baseline, source=None, origin=dataclasses.replace(other.origin, fingerprint="another")
    )
    keys.add(choose_contestants(source, elsewhere)[-1].key)
    assert len(keys) == 3


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


def as_on_gpu(source):
    """The source as it says of itself when its model was loaded on a GPU."""
    return dataclasses.replace(source, origin=dataclasses.replace(source.origin, device="cuda"))


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
    assert "imitates" in half.note(Parts(bench.source()))
    assert half.note(Parts(as_on_gpu(bench.source()))) is None


def test_fp16_is_for_gpus(bench):
    assert "for GPUs" in reason_of("torch-fp16", bench.source())
    assert reason_of("torch-bf16", bench.source()) is None


def test_nothing_runs_elsewhere_than_the_model(bench, monkeypatch):
    for name in (
        "onnx-fp32",
        "onnx-int8-dynamic",
        "onnx-optimized-fp16",
        "onnx-int4-weights",
        "openvino-fp32",
    ):
        assert "on the CPU, and the model is on cuda" in reason_of(name, as_on_gpu(bench.source()))
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    assert reason_of("onnx-fp32", as_on_gpu(bench.source())) is None
    assert reason_of("onnx-optimized-fp16", as_on_gpu(bench.source())) is None


def test_no_compiler(bench, monkeypatch):
    import torch._inductor.cpp_builder as builder

    def refuse():
        raise RuntimeError("no g++")

    monkeypatch.setattr(builder, "get_cpp_compiler", refuse)
    for gpu in (False, True):  # what counts is where the model is
        monkeypatch.setattr("torch.cuda.is_available", lambda found=gpu: found)
        assert "install g++ or clang" in reason_of("torch-bf16-compiled", bench.source())
        assert reason_of("torch-bf16-compiled", as_on_gpu(bench.source())) is None
        with pytest.raises(
            wb.ConvertError, match=r"needs a C\+\+ compiler, and none was found: install g\+\+"
        ):
            wb.open_runner(bench.source().as_variant("bf16", compiled=True))


def test_only_what_was_made_of_this_model_is_taken_up(bench):
    parts = Parts(bench.source())
    found = parts.recall(str(bench.small().path))
    assert found == bench.small()
    assert found.source is bench.source()
    assert parts.recall(str(bench.int8().path), bench.optimized()) == bench.int8()
    for path, parent in (
        (bench.exported("distilbert").path, None),
        (bench.small().path, bench.optimized()),
        (bench.exported().path, bench.small()),
    ):
        with pytest.raises(wb.VariantError, match="was not made of"):
            parts.recall(str(path), parent)
    with pytest.raises(FileNotFoundError):
        parts.recall(str(bench.home / "gone"))


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
