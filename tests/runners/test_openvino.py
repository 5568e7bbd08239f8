"""OpenVINO as a runtime: what is particular to it. What every runner has stands in `test_runners.py`."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest

import workbench as wb
from tests.variants import largest_gap, run_on
from workbench.models.samples import resize_feed
from workbench.runners import openvino as runtime
from workbench.runners.openvino import open_session


def compiled(runner, file="model.onnx"):
    return runner.opened(file).compiled


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", ["bert", "t5"])
def test_it_runs_on_as_many_threads_as_asked_or_as_there_are(bench, name, threads):
    variant = bench.openvino(name)
    with wb.open_runner(variant, threads=threads) as runner:
        runner.run(bench.source(name).samples[0])
        for path in variant.onnx_files:
            used = compiled(runner, path.name).get_property("INFERENCE_NUM_THREADS")
            assert 1 <= used <= threads
            assert compiled(runner, path.name).get_property("NUM_STREAMS") == 1
            assert not compiled(runner, path.name).get_property("ENABLE_CPU_PINNING")
        assert runner.threads == threads


def test_threads_in_the_settings_are_the_most_it_takes(bench):
    variant = dataclasses.replace(bench.openvino(), settings={"threads": 1})
    with wb.open_runner(variant, threads=2) as runner:
        assert compiled(runner).get_property("INFERENCE_NUM_THREADS") == 1


def test_running_leaves_the_cores_of_this_process_alone(bench):
    before = os.sched_getaffinity(0)
    run_on(bench.openvino(), bench.source().samples[:2])
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize("settings", [{}, {"inference_precision": "fp32"}])
def test_it_is_fp32_unless_told_otherwise(bench, settings):
    """Left to itself OpenVINO takes bf16 where the CPU has it, and no table would say so."""
    with wb.open_runner(dataclasses.replace(bench.openvino(), settings=settings)) as runner:
        assert compiled(runner).get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"


@pytest.mark.parametrize("value", ["bf17", "", 16, None, ["fp32"], {"fp32": 1}])
def test_a_precision_from_a_manifest_that_makes_no_sense(bench, value):
    variant = dataclasses.replace(bench.openvino(), settings={"inference_precision": value})
    with pytest.raises((ValueError, TypeError), match="inference_precision"):
        wb.open_runner(variant)


def test_a_cpu_without_bf16_is_said(bench, monkeypatch):
    monkeypatch.setattr(runtime, "list_capabilities", lambda: ["FP32", "INT8"])
    variant = dataclasses.replace(bench.openvino(), settings={"inference_precision": "bf16"})
    with pytest.raises(
        wb.VariantError, match=r"bf16, which OpenVINO does not offer on this CPU .*FP32, INT8"
    ):
        wb.open_runner(variant)
    with wb.open_runner(bench.openvino()) as runner:
        assert runner.precision == "fp32"


@pytest.mark.parametrize("name", ["wav2vec2", "vit", "whisper", "bert"])
def test_the_answers_do_not_depend_on_what_was_asked_before(bench, name):
    """Convolutions went wrong at a size that came after smaller ones."""
    source = bench.source(name)
    sizes = [(1, 7), (3, 21), (4, 48), (5, 150), (1, 150), (2, 30), (5, 150)]
    feeds = [resize_feed(source.samples[0], batch=batch, length=length) for batch, length in sizes]
    assert largest_gap(run_on(bench.exported(name), feeds), run_on(bench.openvino(name), feeds)) < 2e-3


def test_weights_outside_the_folder_are_refused(tmp_path):
    np.zeros(4, np.float32).tofile(tmp_path / "secret.bin")
    weight = onnx.TensorProto(
        name="w", data_type=onnx.TensorProto.FLOAT, dims=[4], data_location=onnx.TensorProto.EXTERNAL
    )
    weight.external_data.add(key="location", value="../secret.bin")
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4]) for name in "xy"]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [weight]
    )
    path = tmp_path / "inside" / "model.onnx"
    path.parent.mkdir()
    path.write_bytes(onnx.helper.make_model(graph, ir_version=8).SerializeToString())
    with pytest.raises(wb.VariantError, match="keeps weights outside its folder"):
        open_session(path, threads=1)


def test_files_that_cannot_be_opened(tmp_path):
    with pytest.raises(wb.VariantError, match=r"OpenVINO cannot open .*gone\.onnx"):
        open_session(tmp_path / "gone.onnx", threads=1)
    (tmp_path / "rubbish.onnx").write_bytes(b"rubbish")
    with pytest.raises(wb.VariantError, match=r"OpenVINO cannot open .*rubbish\.onnx"):
        open_session(tmp_path / "rubbish.onnx", threads=1)


def test_without_the_package_the_line_that_installs_it_is_said(bench, monkeypatch):
    variant = bench.openvino()
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.delitem(sys.modules, "workbench.runners.openvino")
    with pytest.raises(ImportError, match=r"pip install 'workbench\[openvino\]'"):
        wb.open_runner(variant)
    with pytest.raises(ImportError, match=r"pip install 'workbench\[openvino\]'"):
        wb.make_pipeline(variant)


DEPLOYED = """
import json, sys
import workbench as wb

variant = wb.Variant.load(sys.argv[1])
with wb.open_runner(variant, threads=1) as runner:
    outputs = runner.run(variant.samples()[0])
heavy = ["torch", "transformers", "optimum", "onnx", "onnxruntime", "nncf", "openvino_telemetry", "requests"]
loaded = [name for name in heavy if name in sys.modules]
print(json.dumps([loaded, {name: value.tolist() for name, value in outputs.items()}]))
"""


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_running_imports_little_and_leaves_nothing_at_home(bench, tmp_path, precision):
    variant = bench.openvino("bert", precision)
    environment = {**os.environ, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    environment.pop("CI", None)  # where it is set, the telemetry is off by itself
    done = subprocess.run(
        [sys.executable, "-c", DEPLOYED, str(variant.path)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    loaded, outputs = json.loads(done.stdout)
    assert loaded == []
    assert list(tmp_path.rglob("*")) == []
    with wb.open_runner(variant, threads=1) as runner:
        expected = runner.run(variant.samples()[0])
    for name, value in expected.items():
        np.testing.assert_allclose(np.array(outputs[name], np.float32), value, atol=1e-6)
