"""`convert_openvino` says what it cannot do, and keeps to itself: nothing is sent, written at home or printed."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import numpy as np
import pytest

import workbench as wb
from tests.variants import nothing_half_made
from workbench.errors import ConvertError
from workbench.runners import openvino as runtime
from workbench.runners.openvino_package import quiet_nncf

WEIGHTS_OF_BERT = 16  # six products in each of two layers, the head, and three tables of embeddings


def import_from_nncf(name):
    """A module of NNCF's, which no test may import by itself: that would start its telemetry."""
    with quiet_nncf():
        return importlib.import_module(name)


@pytest.mark.parametrize("precision", ["int4", "FP32", "", 8, ["int8"]])
def test_a_wrong_precision(bench, precision):
    with pytest.raises(
        ValueError, match=r"precision must be one of 'fp32', 'bf16', 'int8', 'int8-bf16', got"
    ):
        wb.convert_openvino(bench.exported(), precision=precision)


@pytest.mark.parametrize("argument", ["samples", "include", "exclude"])
def test_what_is_for_int8_alone(bench, argument):
    with pytest.raises(ValueError, match=f"{argument} say what becomes int8, but precision is 'fp32'"):
        wb.convert_openvino(bench.exported(), **{argument: ["qa_outputs"]})


def test_what_is_no_fp32_onnx_variant_is_refused(bench):
    with pytest.raises(ValueError, match="convert_openvino takes an ONNX variant, got torch-fp32"):
        wb.convert_openvino(bench.source())
    with pytest.raises(ValueError, match="convert_openvino takes an ONNX variant, got openvino-fp32"):
        wb.convert_openvino(bench.openvino())
    with pytest.raises(ValueError, match="is quantized already"):
        wb.convert_openvino(bench.int8())


def test_patterns_that_make_no_sense(bench, workspace):
    with pytest.raises(ValueError, match=r"exclude='qa_output' matches nothing.*Near names: .*qa_outputs"):
        wb.convert_openvino(bench.exported(), precision="int8", exclude="qa_output")
    with pytest.raises(ValueError, match="leave nothing of onnx-fp32 to quantize"):
        wb.convert_openvino(bench.exported(), precision="int8", exclude="*")
    with pytest.raises(TypeError, match="exclude takes a glob or a list of globs"):
        wb.convert_openvino(bench.exported(), precision="int8", exclude=[3])
    assert nothing_half_made(workspace)


def test_samples_that_do_not_fit(bench, workspace):
    with pytest.raises(ValueError, match=r"samples\[0\]: onnx-fp32 needs the input 'attention_mask'"):
        wb.convert_openvino(
            bench.exported(), precision="int8", samples=[{"input_ids": np.ones((1, 4), np.int64)}]
        )


def test_a_cpu_without_bf16_is_said(bench, workspace, monkeypatch):
    monkeypatch.setattr(runtime, "list_capabilities", lambda: ["FP32", "INT8"])
    with pytest.raises(ConvertError, match=r"precision='int8-bf16' needs a CPU .*Take precision='int8'"):
        wb.convert_openvino(bench.exported(), precision="int8-bf16")
    assert nothing_half_made(workspace)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_graph_that_openvino_cannot_run(bench, workspace, precision):
    with pytest.raises(ConvertError, match=r"(If operation|NNCF cannot quantize).*Nothing was kept"):
        wb.convert_openvino(bench.exported("deberta-v2"), precision=precision)
    assert nothing_half_made(workspace)


def test_a_wrong_product_never_comes_back(bench, workspace, monkeypatch):
    from workbench.runners.openvino import OpenvinoSession

    run = OpenvinoSession.run
    monkeypatch.setattr(OpenvinoSession, "run", lambda *args: [value + 1 for value in run(*args)])
    with pytest.raises(ConvertError, match="does not say the same as the variant before"):
        wb.convert_openvino(bench.exported())
    assert nothing_half_made(workspace)


@pytest.mark.parametrize(("package", "precision"), [("openvino", "fp32"), ("nncf", "int8")])
def test_without_the_package_the_line_that_installs_it_is_said(
    bench, workspace, monkeypatch, package, precision
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"package {package}.*pip install 'workbench\[openvino\]'"):
        wb.convert_openvino(bench.exported(), precision=precision)
    assert nothing_half_made(workspace)


def test_the_graph_views_work_on_the_onnx_file(bench):
    same, parent = wb.summarize_graph(bench.openvino()), wb.summarize_graph(bench.exported())
    assert same.files[0].operators == parent.files[0].operators
    with pytest.raises(ValueError, match=r"is in OpenVINO's own format.*variant\.parent"):
        wb.summarize_graph(bench.openvino("bert", "int8"))
    with pytest.raises(
        ValueError, match=r"runs on openvino; this profiler is ONNX Runtime's.*variant\.parent"
    ):
        wb.profile_graph(bench.openvino())
    with pytest.raises(ValueError, match=r"is in OpenVINO's own format"):
        wb.profile_graph(bench.openvino("bert", "int8"))
    with pytest.raises(ValueError, match=r"layers of openvino-int8 cannot be read"):
        wb.compare_layers(bench.source(), bench.openvino("bert", "int8"))


def test_generating_is_left_to_others(bench):
    with pytest.raises(wb.TaskError, match=r"no text-generation pipeline for openvino-fp32.*variant\.parent"):
        wb.make_pipeline(bench.openvino("gpt2"))


KEEPS_TO_ITSELF = """
import logging, socket, sys
logging.basicConfig(level=logging.INFO)  # as some library always does
from workbench.models import source

def refuse(*args, **kwargs):
    print("a socket was asked for", file=sys.stderr)
    raise OSError("no")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
import workbench as wb

logging.getLogger().setLevel(logging.WARNING)
variant = wb.Variant.load(sys.argv[1])
made = wb.convert_openvino(variant, precision="int8", out_dir=sys.argv[2])
from nncf.telemetry import decorator
import nncf, openvino, openvino.tools.ovc.telemetry_utils as utils

print(made.name, "openvino_telemetry" in sys.modules, type(decorator.telemetry).__name__, utils.tm.__name__)
"""


def test_nothing_is_sent_or_written_at_home_or_printed(bench, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "USERPROFILE": str(home)}
    for name in ("CI", "TF_BUILD", "JENKINS_URL", "NNCF_CI", "NNCF_DEV"):  # each switches it off by itself
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", KEEPS_TO_ITSELF, str(bench.exported().path), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    stub = "openvino.tools.ovc.telemetry_stub"
    assert (done.stdout, done.stderr) == (f"openvino-int8 False MagicMock {stub}\n", "")
    strange = [
        path for path in home.rglob("*") if "intel" in path.name.lower() or "nncf" in path.name.lower()
    ]
    assert strange == []


def test_telemetry_that_runs_already_is_not_used(bench, workspace, monkeypatch):
    """Whoever imported NNCF before us has it switched on."""
    decorator = import_from_nncf("nncf.telemetry.decorator")
    sent = []

    class Telemetry:
        def __getattr__(self, name):
            return lambda *args, **kwargs: sent.append(name)

    monkeypatch.setattr(decorator, "telemetry", Telemetry())
    wb.convert_openvino(bench.exported(), precision="int8")
    assert sent == []
    assert isinstance(decorator.telemetry, Telemetry), "It is put back."


def test_nncf_is_as_before_afterwards(bench, workspace, capfd):
    import logging

    track = import_from_nncf("nncf.common.logging.track_progress").track
    before = (logging.getLogger("nncf").level, track.__init__)
    wb.convert_openvino(bench.exported(), precision="int8")
    assert (logging.getLogger("nncf").level, track.__init__) == before
    assert capfd.readouterr() == ("", "")
