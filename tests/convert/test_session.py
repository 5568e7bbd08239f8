"""`set_session`: the same files, set otherwise; and nothing that a manifest says of settings is taken on trust."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

import workbench as wb
from tests.variants import nothing_half_made, run_on
from workbench.convert.linking import link_files
from workbench.models import onnx_files
from workbench.models.manifest import hash_files
from workbench.models.settings import check_settings
from workbench.models.variant import Variant

SPINNING = ("session.intra_op.allow_spinning", "session.inter_op.allow_spinning")


def session_options(variant: Variant, threads: int | None = None):
    with wb.open_runner(variant, threads=threads) as runner:
        return runner.session(variant.onnx_files[0].name).get_session_options()


def alter(variant: Variant, folder: Path, **changes) -> Path:
    """A copy of a variant's folder whose manifest says something else."""
    shutil.copytree(variant.path, folder)
    manifest = folder / "variant.json"
    data = {**json.loads(manifest.read_text()), **changes}
    manifest.write_text(json.dumps({name: value for name, value in data.items() if value is not ...}))
    return folder


def test_what_is_set_is_recorded(bench, workspace):
    tuned = wb.set_session(bench.int8(), threads=2, spinning=False)
    assert tuned.name == "onnx-int8-dynamic-tuned"
    assert tuned.settings == {"threads": 2, "spinning": False}
    assert (tuned.precision, tuned.runtime) == ("int8", "onnxruntime")
    assert tuned.steps == (*bench.int8().steps, tuned.steps[-1])
    assert tuned.as_code().endswith("variant = wb.set_session(variant, threads=2, spinning=False)")
    assert tuned.parent == bench.int8()
    assert tuned.size_bytes == bench.int8().size_bytes
    assert Variant.load(tuned.path) == tuned
    assert tuned.report["quantized"] == bench.int8().report["quantized"]
    assert wb.set_session(bench.int8(), threads=2, spinning=False).made == tuned.made, "It is found again."
    assert nothing_half_made(workspace)


def test_what_was_set_before_stays(bench, workspace):
    twice = wb.set_session(wb.set_session(bench.int8(), threads=2, spinning=False), threads=1, arena=False)
    assert twice.name == "onnx-int8-dynamic-tuned"
    assert twice.settings == {"threads": 1, "spinning": False, "arena": False}
    assert [step.verb for step in twice.steps[-2:]] == ["set_session"] * 2


def as_elsewhere(variant: Variant, folder: Path) -> Variant:
    """The same steps on the same model, as another CPU made them: with another file."""
    shutil.copytree(variant.path, folder)
    model = onnx.load(folder / "model.onnx")
    model.doc_string = "made elsewhere"
    onnx.save(model, folder / "model.onnx")
    manifest = folder / "variant.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "files": hash_files(folder)}))
    return Variant.load(folder)


def test_the_same_steps_with_another_file_are_another_variant(bench, workspace, tmp_path):
    ours, theirs = bench.int8(), as_elsewhere(bench.int8(), tmp_path / "theirs")
    assert (ours.origin, ours.steps) == (theirs.origin, theirs.steps)
    for parent in (ours, theirs):
        tuned = wb.set_session(parent, arena=False)
        assert tuned.files["model.onnx"] == parent.files["model.onnx"]
    place = tmp_path / "tuned"
    wb.set_session(ours, arena=False, out_dir=place)
    assert wb.set_session(ours, arena=False, out_dir=place).path == place
    with pytest.raises(FileExistsError, match="holds another variant"):
        wb.set_session(theirs, arena=False, out_dir=place)


def test_its_code_makes_it_again(workspace):
    source = wb.load_model(
        "random/tiny-bert"
    )  # of its own: a pipeline leaves its mark on the tokenizer of the other
    tuned = wb.set_session(wb.export_onnx(source), spinning=False)
    names: dict = {}
    exec(tuned.as_code(), names)
    assert names["variant"] == tuned


def test_it_gives_the_same_answers(bench, workspace):
    feeds = bench.source().samples[:3]
    tuned = wb.set_session(bench.int8(), spinning=False, arena=False)
    for left, right in zip(run_on(bench.int8(), feeds), run_on(tuned, feeds), strict=True):
        np.testing.assert_array_equal(left, right)


def test_an_encoder_and_its_decoder(bench, workspace):
    tuned = wb.set_session(bench.exported("t5"), arena=False)
    with wb.open_runner(tuned) as runner:
        for file in tuned.onnx_files:
            assert not runner.session(file.name).get_session_options().enable_cpu_mem_arena


def test_sessions_are_opened_as_set(bench, workspace):
    options = session_options(wb.set_session(bench.exported(), spinning=False, arena=False))
    assert [options.get_session_config_entry(key) for key in SPINNING] == ["0", "0"]
    assert (options.enable_cpu_mem_arena, options.enable_mem_pattern) == (False, False)
    options = session_options(wb.set_session(bench.exported(), spinning=True, arena=True))
    assert [options.get_session_config_entry(key) for key in SPINNING] == ["1", "1"]
    assert (options.enable_cpu_mem_arena, options.enable_mem_pattern) == (True, True)
    plain = session_options(bench.exported())
    assert plain.enable_cpu_mem_arena
    with pytest.raises(RuntimeError, match="does not have configuration"):
        plain.get_session_config_entry(SPINNING[0])


def test_threads_are_as_set_and_never_more_than_told(bench, workspace, monkeypatch):
    tuned = wb.set_session(bench.exported(), threads=3)
    monkeypatch.setattr("workbench.runners.usable_cores", lambda: 8)
    for told, taken in ((None, 3), (2, 2), (3, 3), (5, 3)):
        assert session_options(tuned, told).intra_op_num_threads == taken
    monkeypatch.setattr("workbench.runners.usable_cores", lambda: 2)
    assert session_options(tuned).intra_op_num_threads == 2, "This machine has no more."


def test_pipeline_and_profile_follow(bench, workspace, monkeypatch):
    monkeypatch.setattr("workbench.runners.pipeline.usable_cores", lambda: 4)
    tuned = wb.set_session(bench.exported(), threads=2, arena=False)
    ask = wb.make_pipeline(tuned)
    options = ask.model.model.get_session_options() if hasattr(ask.model, "model") else None
    assert options is not None
    assert (options.intra_op_num_threads, options.enable_cpu_mem_arena) == (2, False)
    assert wb.profile_graph(tuned, runs=1, threads=3).threads == 2


def test_model_files_are_linked_and_the_rest_is_copied(bench, workspace):
    parent = wb.export_onnx(bench.source())
    tuned = wb.set_session(parent, arena=False)
    assert os.path.samefile(parent.onnx_files[0], tuned.onnx_files[0])
    assert not os.path.samefile(parent.path / "config.json", tuned.path / "config.json")
    shutil.rmtree(parent.path)
    assert run_on(Variant.load(tuned.path), bench.source().samples[:1])


def test_files_are_copied_where_links_cannot_be(bench, workspace, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    tuned = wb.set_session(bench.exported(), arena=False)
    assert not os.path.samefile(bench.exported().onnx_files[0], tuned.onnx_files[0])
    assert run_on(tuned, bench.source().samples[:1])


def test_weights_in_a_file_of_their_own_are_never_linked(bench, workspace, monkeypatch):
    """onnx reads no such file that has two names, not even where it was made."""
    monkeypatch.setattr(onnx_files, "EXTERNAL_DATA_LIMIT", 0)
    parent = wb.optimize_onnx(bench.exported(), level=0)
    assert "model.onnx_data" in parent.files
    tuned = wb.set_session(parent, arena=False)
    for variant in (parent, tuned):
        assert (variant.path / "model.onnx_data").stat().st_nlink == 1
        onnx.load(variant.onnx_files[0])
    assert tuned.size_bytes == parent.size_bytes


def test_a_link_does_not_lead_astray(bench, workspace, tmp_path):
    """A file that is itself a symbolic link, within its folder, is linked for what it is."""
    folder = alter(bench.exported(), tmp_path / "variant")
    (folder / "sub").mkdir()
    (folder / "model.onnx").rename(folder / "sub" / "it")
    (folder / "model.onnx").symlink_to("sub/it")
    work = tmp_path / "work"
    work.mkdir()
    link_files(Variant.load(folder), work)
    assert not (work / "model.onnx").is_symlink()
    assert (work / "model.onnx").read_bytes() == bench.exported().onnx_files[0].read_bytes()


def test_nothing_to_set(bench):
    with pytest.raises(ValueError, match="give at least one of threads, spinning and arena"):
        wb.set_session(bench.exported())


def test_pytorch_has_no_session(bench):
    for variant in (bench.source(), bench.source().as_variant("int8")):
        with pytest.raises(
            ValueError, match=r"got torch-\w+ \(torch\), which has no session\. Export it first"
        ):
            wb.set_session(variant, threads=1)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2", 10**9])
def test_threads_that_make_no_sense(bench, threads):
    with pytest.raises(ValueError, match="threads must be a whole number from 1 to 4096"):
        wb.set_session(bench.exported(), threads=threads)


@pytest.mark.parametrize("name", ["spinning", "arena"])
@pytest.mark.parametrize("value", ["no", 0, 1.0])
def test_switches_are_true_or_false(bench, name, value):
    with pytest.raises(TypeError, match=f"{name} must be True or False, got {value!r}"):
        wb.set_session(bench.exported(), **{name: value})


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_openvino_has_threads_alone(bench, workspace, precision):
    parent = wb.convert_openvino(bench.exported(), precision=precision)
    tuned = wb.set_session(parent, threads=1)
    assert (tuned.name, tuned.settings) == (f"openvino-{precision}-tuned", {**parent.settings, "threads": 1})
    with wb.open_runner(tuned, threads=4) as runner:
        assert runner.threads == 1
        assert runner.opened("model.onnx").compiled.get_property("INFERENCE_NUM_THREADS") == 1
    models = [name for name in parent.files if name.endswith((".onnx", ".xml", ".bin"))]
    assert models
    assert all(os.path.samefile(parent.path / name, tuned.path / name) for name in models)
    for name in ("spinning", "arena"):
        with pytest.raises(ValueError, match=f"{name} is no setting of openvino; it has threads"):
            wb.set_session(parent, threads=1, **{name: False})


HOSTILE = [
    {"threads": "1"},
    {"threads": 0},
    {"threads": True},
    {"threads": 2**63},
    {"spinning": "0"},
    {"arena": 0},
    {"inference_precision": "bf16"},
    {"session.disable_prepacking": "1"},
    {"threads": {"a": [1]}},
]


@pytest.mark.parametrize("settings", HOSTILE, ids=json.dumps)
def test_settings_of_a_manifest_are_checked(bench, tmp_path, settings):
    folder = alter(bench.exported(), tmp_path / "variant", settings=settings)
    with pytest.raises(wb.VariantError, match=r"variant\.json cannot be read .*Make the variant again"):
        Variant.load(folder)
    with pytest.raises((ValueError, TypeError)):
        wb.open_runner(dataclasses.replace(bench.exported(), settings=settings))


@pytest.mark.parametrize("settings", [None, [], "threads", 3])
def test_settings_that_are_no_mapping(bench, tmp_path, settings):
    with pytest.raises(wb.VariantError, match="'settings' is"):
        Variant.load(alter(bench.exported(), tmp_path / "variant", settings=settings))


def test_a_manifest_from_before_there_were_settings(bench, tmp_path):
    variant = Variant.load(alter(bench.exported(), tmp_path / "variant", settings=...))
    assert variant.settings == {}
    assert run_on(variant, variant.samples()[:1])


def test_precision_is_for_openvino():
    check_settings({"threads": 1, "inference_precision": "bf16"}, "openvino")
    with pytest.raises(ValueError, match="inference_precision must be 'fp32' or 'bf16', got 'int8'"):
        check_settings({"inference_precision": "int8"}, "openvino")
    with pytest.raises(ValueError, match="threads is no setting of torch; it has none"):
        check_settings({"threads": 1}, "torch")
