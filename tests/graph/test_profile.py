"""Where the time goes: every kernel of the file is found, what is not of the file is said, nothing is left behind.

Times are never compared with a number: only with each other, and with what must be true of them.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest

from workbench.graph.files import open_graphs
from workbench.graph.profile import profile_graph
from workbench.graph.profile_rows import NOT_IN_FILE

HEAD = '<ir_version: 10, opset_import: ["": 21]>\n'
TWO = HEAD + "g (float[N, 4] x) => (float[N, 4] z) { [one] y = Sin (x)  [two] z = Cos (y) }"
FEED = {"x": np.ones((3, 4), np.float32)}


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Temporary files go here in this test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(folder)
    return folder


def test_nodes_of_a_plain_file(write_model, scratch):
    profile = profile_graph(write_model(TWO), samples=[FEED], threads=1, runs=4)
    (file,) = profile.files
    assert {row.node: (row.operator, row.in_file) for row in file.rows} == {
        "one": ("Sin", True),
        "two": ("Cos", True),
    }
    assert all(row.output_bytes == 3 * 4 * 4 for row in file.rows)
    assert sum(row.share for row in file.rows) == pytest.approx(1)
    assert file.unmatched_share == 0
    assert (file.runs, profile.threads, profile.samples) == (4, 1, 1)
    assert file.run_ms >= file.kernel_ms > 0
    assert file.between_ms == pytest.approx(file.run_ms - file.kernel_ms)
    assert file.plain_ms > 0
    assert {row.inputs for row in file.rows} == {("float32[3,4]",)}
    assert "lie between the kernels" in file.headline()[1]
    assert list(scratch.iterdir()) == []


def test_what_onnx_runtime_fuses_on_loading_is_shown_as_not_of_the_file(write_model):
    path = write_model(
        HEAD
        + """
    g (float[4, 4] x) => (float[4, 4] y) <float[4] scale, float[4] bias, float half = {0.5}, float root = {1.4142135},
        float one = {1.0}> {
        [divide] a = Div (x, root)
        [erf] b = Erf (a)
        [add] c = Add (b, one)
        [multiply] d = Mul (x, c)
        [halve] y = Mul (d, half)
    }"""
    )
    (file,) = profile_graph(path, samples=[{"x": np.ones((4, 4), np.float32)}], runs=3).files
    assert [(row.operator, row.in_file) for row in file.rows] == [("Gelu", False)]
    assert file.unmatched_share == pytest.approx(1)
    assert file.by_module()[0].name == NOT_IN_FILE
    assert file.overlay() == {}
    assert set(file.not_run) == {"divide", "erf", "add", "multiply", "halve"}
    assert "100.0% of the time are no nodes of the file" in "\n".join(file.headline())


def test_nodes_without_a_name_are_found(write_model):
    (file,) = profile_graph(
        write_model(TWO.replace("[one]", "").replace("[two]", "")), samples=[FEED], runs=2
    ).files
    assert set(file.overlay()) == {"Sin_0", "Cos_1"}


def test_the_inner_nodes_of_a_branch_are_not_counted_twice(write_model):
    path = write_model(
        HEAD
        + """
    g (bool c, float[64, 64] x) => (float[64, 64] y) {
        [choose] y = If (c) <
            then_branch = a () => (float[64, 64] p) { [inner] p = MatMul (x, x) },
            else_branch = b () => (float[64, 64] q) { [other] q = Neg (x) }
        >
    }"""
    )
    feed = {"c": np.array(True), "x": np.ones((64, 64), np.float32)}
    (file,) = profile_graph(path, samples=[feed], runs=3).files
    shares = {row.node: row.share for row in file.rows}
    assert shares["choose"] == 0
    assert shares["inner"] == pytest.approx(1)
    assert file.not_run == ("other",)


def test_a_variant_is_profiled_on_its_own_sample(bench):
    profile = profile_graph(bench.optimized(), runs=3)
    (file,) = profile.files
    names = {node.name for graph in open_graphs(bench.optimized()) for node in graph.model.graph.node}
    assert set(file.overlay()) <= names
    assert [row.ms for row in file.rows] == sorted((row.ms for row in file.rows), reverse=True)
    assert file.unmatched_share < 0.5
    groups = {group.name: group.nodes for group in file.by_operator()}
    assert groups["Attention"] == 2
    for grouped in (file.by_operator(), file.by_module()):
        assert sum(group.ms for group in grouped) == pytest.approx(file.kernel_ms)
        assert sum(group.nodes for group in grouped) == len(file.rows)
    assert any(group.name.startswith("bert.encoder.layer.1") for group in file.by_module())
    assert profile.overlay() == file.overlay()


def test_kernels_that_took_in_others_keep_their_node_and_say_what_ran(bench):
    (file,) = profile_graph(bench.small(), runs=2).files
    operators = {row.operator for row in file.rows if row.in_file and row.node.endswith("MatMul_quant")}
    assert operators & {"DynamicQuantizeMatMul", "MatMulIntegerToFloat", "MatMulInteger"}


def test_every_file_of_an_encoder_and_decoder_is_profiled(bench):
    profile = profile_graph(bench.exported("t5"), runs=2)
    assert {file.name for file in profile.files} == {path.name for path in bench.exported("t5").onnx_files}
    with pytest.raises(ValueError, match="Name one of them"):
        profile.overlay()
    assert profile.overlay(file="decoder_with_past_model.onnx")


def test_several_samples_are_averaged(write_model, monkeypatch):
    path = write_model(TWO)
    profile = profile_graph(path, samples=[FEED, {"x": np.ones((7, 4), np.float32)}], runs=2)
    assert profile.samples == 2
    assert "mean over 2 samples" in str(profile)
    assert {row.output_bytes for row in profile.files[0].rows} == {7 * 4 * 4}  # the largest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no sample inputs"),
        ({"samples": []}, "samples is empty"),
        ({"samples": [{"y": np.ones(3)}]}, "needs the input 'x'"),
        ({"samples": [{"x": np.ones((3, 9), np.float32)}]}, "does not run on this sample"),
        ({"samples": [FEED], "threads": 0}, "threads must be"),
        ({"samples": [FEED], "runs": 0}, "runs must be"),
    ],
)
def test_bad_arguments(write_model, scratch, options, message):
    with pytest.raises(ValueError, match=message):
        profile_graph(write_model(TWO), **options)
    assert not [path for path in scratch.rglob("*") if path.is_dir()]


def test_pytorch_is_not_profiled_here(bench):
    with pytest.raises(ValueError, match="Export it first"):
        profile_graph(bench.source())


def test_it_prints_and_is_plain_data(write_model):
    hostile = onnx.parser.parse_model(TWO)
    hostile.graph.node[0].name = '"><script>alert(1)</script>'
    profile = profile_graph(write_model(hostile), samples=[FEED], runs=2)
    assert "<script" not in profile._repr_html_()
    assert "By operator" in str(profile)
    assert json.loads(json.dumps(profile.to_dict()))["files"][0]["runs"] == 2
