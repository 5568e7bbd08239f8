"""`export_onnx`: axes, opset, cache, folder, large weights, and what it refuses."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings

import numpy as np
import onnx
import pytest
import torch

import workbench as wb
from tests.variants import largest_gap, nothing_half_made, other_feeds, run_on
from workbench.convert import export
from workbench.models import onnx_files
from workbench.models.samples import resize_feed


def file_times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["bert", "gpt2", "vit", "wav2vec2", "t5", "clip"])
def test_batch_and_length_are_dynamic(bench, name):
    source = bench.source(name)
    shapes = [(1, 6), (5, 9), (2, 33), (4, 60)]
    feeds = other_feeds(source, shapes)
    with wb.open_runner(bench.exported(name)) as runner:
        found = [runner.run(feed)[source.task_row.outputs[0]] for feed in feeds]
    images = name in ("vit", "clip")
    assert [len(value) for value in found] == [len(next(iter(feed.values()))) for feed in feeds]
    assert images or len({value.shape[1] for value in found}) == 4


def test_the_report_says_how_it_was_checked(bench):
    report = bench.exported().report
    assert report["max_difference"] <= 1e-4
    assert report["max_length"] == 512
    assert len({tuple(shape) for shape in report["shapes"]}) >= 4


@pytest.mark.parametrize("opset", [None, 14, 17, 20])
def test_the_opset_is_honoured_and_recorded(bench, workspace, opset):
    variant = wb.export_onnx(bench.source("distilbert"), opset=opset)
    chosen = opset or export.DEFAULT_OPSET
    assert variant.steps[0].arguments == {"opset": chosen}
    model = onnx.load(variant.onnx_files[0])
    assert {item.version for item in model.opset_import if item.domain in ("", "ai.onnx")} == {chosen}


@pytest.mark.parametrize("opset", [0, 3, 99, "18", True])
def test_an_opset_that_cannot_be_written_is_refused(bench, workspace, opset):
    with pytest.raises(ValueError, match=r"opset must lie between 14 and 20, got "):
        wb.export_onnx(bench.source(), opset=opset)
    assert not workspace.exists()


def test_a_source_in_half_precision_is_refused(workspace):
    source = wb.load_model("random/tiny-bert", dtype="bfloat16")
    with pytest.raises(ValueError, match=r"loaded in bf16.*Load it with load_model\('random/tiny-bert'\)"):
        wb.export_onnx(source)
    assert not workspace.exists()


def test_something_that_is_no_source_is_refused(bench):
    with pytest.raises(TypeError, match="takes what load_model returns, got Variant"):
        wb.export_onnx(bench.exported())


def test_an_architecture_that_the_exporter_does_not_know_is_named(bench, workspace, monkeypatch):
    source = wb.load_model("random/tiny-bert")
    monkeypatch.setattr(source.model.config, "model_type", "unheard-of")
    with pytest.raises(wb.TaskError, match="does not know the architecture 'unheard-of'"):
        wb.export_onnx(source)
    monkeypatch.setattr(source.model.config, "model_type", "gpt2")
    with pytest.raises(wb.TaskError, match="cannot export 'gpt2' for 'question-answering'"):
        wb.export_onnx(source)
    assert nothing_half_made(workspace)


def test_the_cached_variant_comes_back_at_once(bench, monkeypatch):
    first = bench.exported()
    before = file_times(first.path)
    monkeypatch.setattr(export, "_call_exporter", lambda *args: pytest.fail("It was exported again."))
    again = bench.make(wb.export_onnx, bench.source())
    assert (again.path, again.made) == (first.path, first.made)
    assert file_times(first.path) == before
    assert again.source is bench.source()


def test_another_weight_makes_another_variant(workspace):
    source = wb.load_model("random/tiny-bert")
    first = wb.export_onnx(source)
    with torch.no_grad():
        source.model.qa_outputs.bias.add_(1.0)
    second = wb.export_onnx(source)
    assert second.path != first.path
    feed = source.samples[0]
    (before, *_), (after, *_) = run_on(first, [feed]), run_on(second, [feed])
    np.testing.assert_allclose(after, before + 1, atol=1e-4)


def test_a_folder_of_the_callers_own(bench, tmp_path):
    target = tmp_path / "deep" / "inside"
    variant = wb.export_onnx(bench.source("distilbert"), out_dir=target)
    assert variant.path == target
    assert wb.Variant.load(target) == variant
    assert wb.export_onnx(bench.source("distilbert"), out_dir=target).made == variant.made
    before = file_times(target)
    with pytest.raises(FileExistsError, match=r"holds another variant \(onnx-fp32\)"):
        wb.export_onnx(bench.source("bert"), out_dir=target)
    with pytest.raises(FileExistsError, match=r"holds another variant"):
        wb.optimize_onnx(variant, out_dir=target)
    assert file_times(target) == before


def test_a_folder_or_file_of_someone_else_is_left_alone(bench, tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="holds something else"):
        wb.export_onnx(bench.source(), out_dir=tmp_path)
    with pytest.raises(FileExistsError, match="holds something else"):
        wb.export_onnx(bench.source(), out_dir=tmp_path / "diary.txt")
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == ["diary.txt"]
    assert (tmp_path / "diary.txt").read_text() == "mine"


def test_an_empty_folder_may_be_used(bench, tmp_path):
    (tmp_path / "empty").mkdir()
    assert wb.export_onnx(bench.source("distilbert"), out_dir=tmp_path / "empty").path == tmp_path / "empty"


@pytest.mark.parametrize("name", ["bert", "t5"])
def test_large_weights_stand_in_a_file_of_their_own(bench, workspace, monkeypatch, name):
    source, inside = bench.source(name), (bench.exported(name), bench.int8(name))
    monkeypatch.setattr(onnx_files, "EXTERNAL_DATA_LIMIT", 50_000)
    exported = wb.export_onnx(source)
    optimized = wb.optimize_onnx(exported)
    small = wb.quantize_dynamic(optimized)
    feeds = [resize_feed(source.samples[0], batch=2, length=11)]
    made = [exported, optimized, small]
    if name == "bert":  # each file of an encoder-decoder takes the same way as the one file here
        made += [wb.quantize_static(exported), wb.quantize_weights(exported)]
    for variant in made:
        assert all(path.stat().st_size < 1_000_000 for path in variant.onnx_files)
        data = [name for name in variant.files if name.endswith(("_data", ".data"))]
        assert len(data) == len(variant.onnx_files), f"{variant.name}: {sorted(variant.files)}"
        graph = onnx.load(variant.onnx_files[0], load_external_data=False).graph
        assert any(tensor.external_data for tensor in graph.initializer)
        found = run_on(wb.Variant.load(variant.path), feeds)
        if variant.precision == "fp32":
            assert largest_gap(run_on(source, feeds), found) < 1e-3
    # The same models with the weights inside are as large, give or take what the graph says about each weight.
    assert exported.size_bytes == pytest.approx(inside[0].size_bytes, rel=0.1)
    assert small.size_bytes == pytest.approx(inside[1].size_bytes, rel=0.15)


def test_what_does_not_agree_is_refused_and_not_kept(bench, workspace, monkeypatch):
    monkeypatch.setattr(export, "TOLERANCE", 0.0)
    with pytest.raises(wb.ConvertError, match=r"does not say the same as PyTorch: .* differ by up to .*e-0"):
        wb.export_onnx(bench.source())
    assert nothing_half_made(workspace)
    assert wb.Workspace().folders() == []


def test_what_answers_with_nan_is_refused(workspace):
    source = wb.load_model("random/tiny-bert")
    with torch.no_grad():
        source.model.qa_outputs.bias.fill_(float("nan"))
    with pytest.raises(wb.ConvertError, match="PyTorch model itself answers a sample input with NaN or Inf"):
        wb.export_onnx(source)
    assert nothing_half_made(workspace)


def test_the_source_is_left_as_it_was(bench, workspace):
    source = wb.load_model("random/tiny-t5")
    config = source.model.config.to_dict()
    before = run_on(source, source.samples[:1])
    wb.export_onnx(source)
    assert source.model.config.to_dict() == config
    assert source.fingerprint() == source.origin.fingerprint
    assert largest_gap(before, run_on(source, source.samples[:1])) == 0


def test_nothing_is_said_on_the_way(workspace, capfd, caplog):
    logging.basicConfig(level=logging.INFO)
    with warnings.catch_warnings(record=True) as warned, caplog.at_level(logging.INFO):
        warnings.simplefilter("always")
        source = wb.load_model("random/tiny-distilbert")
        exported = wb.export_onnx(source)
        small = wb.quantize_dynamic(wb.optimize_onnx(exported))
        wb.quantize_static(exported, method="entropy")
        wb.quantize_weights(exported)
        run_on(small, source.samples[:2])
        wb.make_pipeline(small)
    assert [str(item.message) for item in warned] == []
    assert [record.getMessage() for record in caplog.records if not record.name.startswith("workbench")] == []
    assert capfd.readouterr() == ("", "")


def test_nothing_is_said_where_nobody_has_set_up_logging(tmp_path):
    """As in a fresh notebook: there, Python itself prints the warnings that libraries log."""
    code = """
import workbench as wb
wb.quantize_dynamic(wb.optimize_onnx(wb.export_onnx(wb.load_model("random/tiny-t5"))))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "WORKBENCH_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_tokenizer_that_was_used_makes_no_other_variant(workspace):
    """The fast ones write down how they padded and cut last."""
    source = wb.load_model("random/tiny-bert")
    before = wb.export_onnx(source)
    source.processor(["one", "two and three"], padding="max_length", truncation=True, max_length=24)
    assert wb.export_onnx(source).path == before.path


@pytest.mark.parametrize("name", ["vit", "bert", "t5"])
def test_an_export_leaves_no_method_behind(name, workspace):
    source = wb.load_model(f"random/tiny-{name}")
    wb.export_onnx(source)
    assert [label for label, part in source.model.named_modules() if "forward" in vars(part)] == []
