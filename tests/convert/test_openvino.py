"""`convert_openvino`: what it makes, which nodes become int8, what it refuses, and that it keeps to itself."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import workbench as wb
from tests.variants import argmax_agreement, cosine, largest_gap, nothing_half_made, other_feeds, run_on
from workbench.convert.openvino_nodes import list_int8
from workbench.errors import ConvertError
from workbench.models import onnx_files
from workbench.runners import openvino as runtime
from workbench.runners.openvino import get_core, has_bf16
from workbench.runners.openvino_package import quiet_nncf

WEIGHTS_OF_BERT = 16  # six products in each of two layers, the head, and three tables of embeddings


def import_from_nncf(name):
    """A module of NNCF's, which no test may import by itself: that would start its telemetry."""
    with quiet_nncf():
        return importlib.import_module(name)


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


def test_it_stands_in_the_same_tables(bench):
    """Every verb that takes a variant takes this one."""
    source, variant = bench.source(), bench.openvino("bert", "int8")
    assert wb.compare_outputs(source, bench.openvino()).agrees
    assert json.loads(json.dumps(wb.compare_outputs(source, variant).to_dict()))
    latency = wb.measure_latency(
        [bench.exported(), bench.openvino(), variant], samples=source.samples[:1], seconds=1, threads=1
    )
    assert [row.error for row in latency.rows] == [None] * 3
