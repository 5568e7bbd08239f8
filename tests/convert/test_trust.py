"""What a folder says of itself is no reason to run code, to lose files, or to hand out another model's variant."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

import workbench as wb
from workbench.models.variant import Variant, torch_variant


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A model and its tokenizer in a plain folder."""
    source = wb.load_model("random/tiny-bert")
    folder = tmp_path / "checkpoint"
    source.model.save_pretrained(folder)
    source.processor.save_pretrained(folder)
    return folder


def edit_manifest(folder: Path, **entries: object) -> None:
    manifest = folder / "variant.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **entries}))


def test_a_manifest_cannot_allow_foreign_code(checkpoint):
    origin = dataclasses.replace(wb.load_model(checkpoint).origin, trust_remote_code=True)
    with pytest.raises(wb.VariantError, match="code of its own"):
        wb.open_runner(torch_variant(origin))


def test_a_folder_cannot_pass_as_a_pytorch_variant(workspace):
    variant = wb.export_onnx(wb.load_model("random/tiny-bert"))
    edit_manifest(variant.path, runtime="torch")
    with pytest.raises(wb.VariantError, match="PyTorch variant has no folder"):
        Variant.load(variant.path)


@pytest.mark.parametrize(
    "step",
    [
        {"verb": "x\nprint('owned')\n#", "arguments": {}},
        {"verb": "export_onnx", "arguments": {"opset=18)\nprint('owned')#": 1}},
    ],
)
def test_a_manifest_cannot_write_lines_of_code(workspace, step):
    variant = wb.export_onnx(wb.load_model("random/tiny-bert"))
    edit_manifest(variant.path, steps=[step])
    with pytest.raises(wb.VariantError, match="cannot be read"):
        Variant.load(variant.path)


def test_making_a_variant_again_deletes_nothing_of_the_users(workspace):
    source = wb.load_model("random/tiny-bert")
    variant = wb.export_onnx(source)
    (variant.path / "mine.onnx").write_bytes(b"precious")
    assert wb.export_onnx(source).path == variant.path
    kept = list(variant.path.parent.glob(".broken-*/mine.onnx"))
    assert [path.read_bytes() for path in kept] == [b"precious"]


def test_a_variant_does_not_go_into_another_ones_folder(workspace):
    variant = wb.export_onnx(wb.load_model("random/tiny-bert"))
    with pytest.raises(ValueError, match="lies inside the variant"):
        wb.quantize_dynamic(variant, out_dir=variant.path / "int8")
    assert Variant.load(variant.path) == variant


def test_another_tokenizer_makes_another_variant(workspace, checkpoint):
    first = wb.export_onnx(wb.load_model(checkpoint))
    settings = json.loads((checkpoint / "tokenizer_config.json").read_text())
    (checkpoint / "tokenizer_config.json").write_text(json.dumps({**settings, "model_max_length": 20}))
    second = wb.export_onnx(wb.load_model(checkpoint))
    assert second.path != first.path
    assert second.report["max_length"] == 20


def test_another_activation_makes_another_variant(workspace):
    source = wb.load_model("random/tiny-bert")
    first = wb.export_onnx(source)
    for layer in source.model.bert.encoder.layer:
        layer.intermediate.intermediate_act_fn = torch.nn.ReLU()
    second = wb.export_onnx(source)
    assert second.path != first.path
    assert second.report["max_difference"] < 1e-4


def test_the_model_behind_a_variant_is_the_one_it_was_made_from(workspace):
    source = wb.load_model("random/tiny-bert")
    with torch.no_grad():
        source.model.qa_outputs.weight.mul_(2)
    variant = wb.export_onnx(source)
    wb.open_runner(variant.parent).close()  # still in memory: that very model
    with pytest.raises(wb.VariantError, match="not the model any more"):
        wb.open_runner(Variant.load(variant.path).parent)


def test_a_relative_folder_stays_the_same_after_a_change_of_directory(checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(checkpoint.parent)
    source = wb.load_model(checkpoint.name)
    monkeypatch.chdir("/")
    assert wb.load_model(source.origin.source).fingerprint() == source.fingerprint()


def test_sizes_that_the_model_refuses_are_not_promised(workspace):
    from workbench.models.onnx_files import load_graph

    variant = wb.export_onnx(wb.load_model("random/tiny-vit"))
    (image,) = load_graph(variant.onnx_files[0]).graph.input
    sizes = [dimension.dim_param or dimension.dim_value for dimension in image.type.tensor_type.shape.dim]
    assert sizes == ["batch_size", 3, 64, 64]
    assert len({tuple(shape) for shape in variant.report["shapes"]} - {(2, 3, 64, 64)}) >= 3


def test_saving_over_large_weights_replaces_them(tmp_path, workspace):
    from workbench.models.onnx_files import load_graph, save_graph

    file = wb.export_onnx(wb.load_model("random/tiny-bert")).onnx_files[0]
    for _ in range(2):
        save_graph(load_graph(file), tmp_path / "model.onnx", limit=0)
        size = (tmp_path / "model.onnx_data").stat().st_size
    assert size < file.stat().st_size


def test_a_revision_needs_the_hub():
    with pytest.raises(ValueError, match="revision='main'"):
        wb.load_model("random/tiny-bert", revision="main")


def test_variants_can_stand_in_sets(workspace):
    variant = wb.export_onnx(wb.load_model("random/tiny-bert"))
    assert len({variant, Variant.load(variant.path)}) == 1
