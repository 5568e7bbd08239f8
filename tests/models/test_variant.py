"""`Variant`: its manifest, its parents, the code that makes it again, and how it shows itself."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from tests import variants
from tests.variants import run_on
from workbench.models.origin import Origin
from workbench.models.samples import resize_feed
from workbench.models.variant import Variant, resolve_variant, torch_variant

bench = variants.bench  # the session's shared tiny models


def test_what_is_written_is_what_is_read(bench):
    for variant in (bench.exported(), bench.optimized(), bench.int8(), bench.int8("t5")):
        back = Variant.load(variant.path)
        assert back == variant
        assert back.made == variant.made
        assert back.to_dict() == variant.to_dict()


def test_it_records_how_it_was_made(bench):
    variant = Variant.load(bench.int8().path)
    assert [step.verb for step in variant.steps] == ["export_onnx", "optimize_onnx", "quantize_dynamic"]
    assert {"torch", "transformers", "optimum", "onnx", "onnxruntime", "numpy"} <= set(variant.versions)
    assert isinstance(variant.cpu, tuple)
    assert variant.origin.fingerprint == bench.source().origin.fingerprint
    assert variant.task == "question-answering"
    for name, entry in variant.files.items():
        assert (variant.path / name).stat().st_size == entry["bytes"]
        assert re.fullmatch(r"[0-9a-f]{64}", entry["sha256"])


def test_the_chain_of_parents_ends_at_pytorch(bench):
    chain = [bench.int8()]
    while chain[-1].parent is not None:
        chain.append(chain[-1].parent)
    assert [variant.name for variant in chain] == [
        "onnx-int8-dynamic",
        "onnx-optimized",
        "onnx-fp32",
        "torch-fp32",
    ]
    assert chain[1] == bench.optimized()


def test_a_workspace_may_be_moved(bench, tmp_path):
    home = Path(shutil.copytree(bench.int8().path.parent, tmp_path / "elsewhere"))
    moved = Variant.load(home / bench.int8().path.name)
    assert moved.parent.path == home / bench.optimized().path.name


def test_a_parent_that_is_gone_is_named(bench, tmp_path):
    alone = Path(shutil.copytree(bench.int8().path, tmp_path / "alone"))
    variant = Variant.load(alone)
    with pytest.raises(wb.VariantError, match=r"made from, .*onnx-optimized.*, is gone or was altered"):
        _ = variant.parent
    assert run_on(variant, variant.samples()[:1])


def test_the_size_is_that_of_the_model_alone(bench):
    variant = bench.int8()
    assert variant.size_bytes == (variant.path / "model.onnx").stat().st_size
    encoder_decoder = bench.int8("t5")
    assert encoder_decoder.size_bytes == sum(path.stat().st_size for path in encoder_decoder.onnx_files)
    assert bench.source().baseline.size_bytes == bench.source().size_bytes


def remake(variant: Variant) -> Variant:
    names: dict = {}
    exec(variant.as_code(), names)
    return names["variant"]


RECIPES = {
    "export": lambda bench: bench.exported(),
    "opset": lambda bench: wb.export_onnx(bench.source(), opset=17),
    "task": lambda bench: bench.exported("bert", "fill-mask"),
    "optimize": lambda bench: wb.optimize_onnx(bench.exported(), level=1),
    "float16": lambda bench: wb.optimize_onnx(bench.exported(), float16=True),
    "dynamic": lambda bench: wb.quantize_dynamic(
        bench.exported(), weight_type="uint8", exclude=["qa_outputs", "*.layer.0.*"]
    ),
    "static": lambda bench: wb.quantize_static(
        bench.exported(),
        method="entropy",
        samples=[resize_feed(sample, length=8) for sample in bench.source().samples[:2]],
    ),
    "weights": lambda bench: wb.quantize_weights(bench.exported(), bits=8, block_size=64),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_its_code_makes_it_again(bench, workspace, tmp_path, monkeypatch, recipe):
    variant = RECIPES[recipe](bench)
    monkeypatch.chdir(tmp_path)  # no path in it may depend on where it is run
    another = bench.home.with_name("another")  # of all recipes, so that the export is made again once
    monkeypatch.setenv("WORKBENCH_HOME", str(another))
    again = remake(Variant.load(variant.path))
    assert again.path.is_relative_to(another)
    assert (again.name, again.steps, again.origin) == (variant.name, variant.steps, variant.origin)
    assert again.size_bytes == variant.size_bytes
    feeds = variant.samples()[:2]
    for left, right in zip(run_on(variant, feeds), run_on(again, feeds), strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_code_of_a_pytorch_variant(bench):
    for variant in (
        bench.source().baseline,
        bench.source().as_variant("bf16"),
        bench.source().as_variant("bf16", compiled=True),
        wb.load_model("random/tiny-bert", dtype="bfloat16").baseline,
    ):
        again = remake(variant)
        assert (again.name, again.precision, again.compiled) == (
            variant.name,
            variant.precision,
            variant.compiled,
        )
        assert again.origin == variant.origin


def test_the_code_says_that_a_model_was_changed_in_memory(workspace):
    import torch

    source = wb.load_model("random/tiny-bert")
    assert "#" not in wb.export_onnx(source).as_code()
    with torch.no_grad():
        source.model.qa_outputs.bias.add_(1)
    code = Variant.load(wb.export_onnx(source).path).as_code()
    assert "# The model was changed after it was loaded" in code


def test_code_quotes_what_it_is_given():
    nasty = 'it\'s "quoted"\nimport os'
    code = torch_variant(Origin(nasty, "fill-mask")).as_code()
    assert len(code.splitlines()) == 4
    compile(code, "code", "exec")


def test_it_shows_itself_in_one_line(bench):
    assert re.fullmatch(
        r"onnx-int8-dynamic \(onnxruntime, int8, 0\.\d MB\) of random/tiny-bert", str(bench.int8())
    )


def test_it_shows_itself_in_a_notebook_and_escapes_what_it_shows(bench):
    html = bench.int8()._repr_html_()
    assert "onnx-int8-dynamic" in html
    assert "quantize_dynamic" in html
    origin = Origin("<script>alert(1)</script>", "fill-mask")
    nasty = dataclasses.replace(bench.int8(), name="<b>&", origin=origin)
    assert "<script>" not in nasty._repr_html_()
    assert "<b>&" not in nasty._repr_html_()


def test_what_may_stand_for_a_variant(bench):
    variant = bench.exported()
    assert resolve_variant(variant) is variant
    assert resolve_variant(bench.source()) == bench.source().baseline
    assert resolve_variant(variant.path) == resolve_variant(str(variant.path)) == variant


@pytest.mark.parametrize("wrong", [None, 7, ["onnx-fp32"], object])
def test_what_may_not_stand_for_a_variant(wrong):
    with pytest.raises(TypeError, match=r"Expected a Variant, a Source or a variant's folder, got "):
        resolve_variant(wrong)


def test_a_folder_that_holds_no_variant(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist\. Give the folder that export_onnx"):
        resolve_variant(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"holds no variant \(no variant\.json\)"):
        resolve_variant(tmp_path)
    with pytest.raises(FileNotFoundError):
        wb.open_runner("random/tiny-bert")


def test_samples_travel_with_the_variant(bench):
    there = Variant.load(bench.int8().path).samples()
    for left, right in zip(bench.source().samples, there, strict=True):
        assert left.keys() == right.keys()
        assert all((left[name] == right[name]).all() for name in left)


def test_half_precision_is_half_the_size():
    source = wb.load_model("random/tiny-bert")
    assert source.as_variant("bf16").size_bytes * 2 == source.baseline.size_bytes == source.size_bytes
