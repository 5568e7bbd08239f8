"""What happens when the disk, the folder or a file is not as it should be: one clear line, nothing half-made."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import onnx
import pytest

import workbench as wb
from tests.variants import nothing_half_made
from workbench.models.manifest import hash_files
from workbench.models.variant import Variant

VERBS = {
    "optimize_onnx": wb.optimize_onnx,
    "quantize_dynamic": wb.quantize_dynamic,
    "quantize_static": wb.quantize_static,
    "quantize_weights": wb.quantize_weights,
}


@pytest.fixture
def copied(bench, tmp_path) -> Path:
    """A variant's folder that a test may break."""
    return Path(shutil.copytree(bench.exported("distilbert").path, tmp_path / "copied"))


def sign_again(folder: Path, **changes) -> None:
    """Makes the manifest agree with the files, as someone who alters a variant on purpose would."""
    manifest = folder / "variant.json"
    data = json.loads(manifest.read_text()) | changes
    data["files"] = data["files"] if "files" in changes else hash_files(folder)
    data["parent"] = None
    manifest.write_text(json.dumps(data))


def test_a_file_where_the_workspace_should_be(bench, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"cannot be written to .*set WORKBENCH_HOME to a folder"):
        wb.export_onnx(bench.source())
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize("verb", [wb.export_onnx, *VERBS.values()])
def test_no_permission(bench, monkeypatch, verb):
    """A place where not even root may write."""
    monkeypatch.setenv("WORKBENCH_HOME", "/sys/workbench")
    given = bench.source() if verb is wb.export_onnx else bench.exported()
    with pytest.raises(OSError, match=r"cannot be written to .*Give another out_dir, or set WORKBENCH_HOME"):
        verb(given)


def test_a_missing_file_is_named(copied):
    (copied / "model.onnx").unlink()
    with pytest.raises(wb.VariantError, match=r"lacks its file 'model.onnx'.*call export_onnx once more"):
        Variant.load(copied)


def test_an_altered_file_is_named(copied):
    with (copied / "model.onnx").open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"?")
    with pytest.raises(wb.VariantError, match=r"'model.onnx' in .* is not the file that was made"):
        Variant.load(copied)


@pytest.mark.parametrize(
    "name", ["decoder_model.onnx", "weights.data", "pytorch_model.bin", "onnx/model.onnx"]
)
def test_a_model_file_that_the_manifest_does_not_know_is_refused(copied, name):
    """It has no hash, and a library that looks into the folder by itself might open it."""
    (copied / name).parent.mkdir(exist_ok=True)
    (copied / name).write_bytes(b"anything")
    with pytest.raises(wb.VariantError, match=rf"holds '{name}', which its manifest does not name"):
        Variant.load(copied)


def test_other_files_may_lie_in_the_folder(copied):
    (copied / ".ipynb_checkpoints").mkdir()
    (copied / "notes.txt").write_text("good one")
    assert Variant.load(copied).name == "onnx-fp32"


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
@pytest.mark.parametrize(
    "content", [None, b"", b"no graph", b"\x08\x07"], ids=["cut", "empty", "text", "hollow"]
)
def test_a_graph_that_cannot_be_read(copied, workspace, verb, content):
    whole = (copied / "model.onnx").read_bytes()
    (copied / "model.onnx").write_bytes(whole[: len(whole) // 3] if content is None else content)
    sign_again(copied)
    with pytest.raises(wb.VariantError, match=r"model\.onnx.*(Export it again|Make the variant again)"):
        verb(copied)
    with pytest.raises(wb.VariantError, match=r"ONNX Runtime cannot open .*model\.onnx"):
        wb.open_runner(copied)
    assert nothing_half_made(workspace)


@pytest.fixture(params=["parent", "absolute", "link", "linked-folder", "inside-a-node"])
def reaching_out(request, copied, tmp_path) -> Path:
    """A variant, rightly signed, one of whose weights lies outside its folder."""
    secret = tmp_path / "secret.bin"
    model = onnx.load(copied / "model.onnx")
    tensor = next(item for item in model.graph.initializer if len(item.raw_data) > 4096)
    secret.write_bytes(tensor.raw_data)
    location = {
        "parent": "../secret.bin",
        "absolute": str(secret),
        "link": "near.txt",
        "linked-folder": "near/secret.bin",
        "inside-a-node": "../secret.bin",
    }[request.param]
    if request.param == "link":
        (copied / "near.txt").symlink_to(secret)
    if request.param == "linked-folder":
        (copied / "near").symlink_to(tmp_path, target_is_directory=True)
    size = len(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    tensor.external_data.add(key="length", value=str(size))
    if request.param == "inside-a-node":
        constant = onnx.helper.make_node("Constant", [], [tensor.name], name="reaching")
        constant.attribute.add(name="value", type=onnx.AttributeProto.TENSOR).t.CopyFrom(tensor)
        model.graph.initializer.remove(tensor)
        model.graph.node.insert(0, constant)
    (copied / "model.onnx").write_bytes(model.SerializeToString())
    files = {name: entry for name, entry in hash_files(copied).items() if not name.startswith("near")}
    sign_again(copied, files=files)
    return copied


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_weights_outside_the_folder_are_refused_by_every_verb(reaching_out, workspace, verb):
    with pytest.raises(wb.VariantError, match=r"outside its folder .*Refused: a model file may only read"):
        verb(reaching_out)
    assert nothing_half_made(workspace)


def test_weights_outside_the_folder_are_refused_by_what_runs_them(reaching_out):
    for opens in (wb.open_runner, wb.make_pipeline):
        with pytest.raises(
            wb.VariantError, match=r"outside its folder .*Refused: a model file may only read"
        ):
            opens(reaching_out)


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/hostname", "near.txt"])
def test_a_manifest_that_names_files_outside_is_refused(copied, tmp_path, name):
    (tmp_path / "outside.txt").write_text("secret")
    (copied / "near.txt").symlink_to(tmp_path / "outside.txt")
    files = json.loads((copied / "variant.json").read_text())["files"]
    sign_again(copied, files=files | {name: {"bytes": 6, "sha256": "0" * 64}})
    with pytest.raises(wb.VariantError, match=r"(lies|leads) outside its folder\. Refused"):
        Variant.load(copied)


@pytest.mark.parametrize(
    "name", ["sub/../../copied/config.json", "{}/config.json", "..\\config.json", "C:config"]
)
def test_a_name_that_leads_out_and_back_in_is_refused(copied, name):
    """Joined to the folder that is being made it would write beside it."""
    (copied / "sub").mkdir()
    (copied / "..\\config.json").write_bytes((copied / "config.json").read_bytes())
    (copied / "C:config").write_bytes((copied / "config.json").read_bytes())
    files = json.loads((copied / "variant.json").read_text())["files"]
    sign_again(copied, files=files | {name.format(copied): files["config.json"]})
    with pytest.raises(wb.VariantError, match=r"leads outside its folder\. Refused"):
        Variant.load(copied)


def whole_manifest(bench) -> dict:
    return json.loads((bench.exported("distilbert").path / "variant.json").read_text())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", '"variant"', "{}", '{"format": 1}', "\x00", "[" * 100_000]
)
def test_a_manifest_of_rubbish(copied, text):
    (copied / "variant.json").write_text(text)
    with pytest.raises(wb.VariantError, match=r"variant\.json cannot be read .*Make the variant again"):
        Variant.load(copied)


def test_a_manifest_that_is_no_text(copied):
    (copied / "variant.json").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(wb.VariantError, match="cannot be read"):
        Variant.load(copied)


@pytest.mark.parametrize("wrong", [None, 7, "x", [], [7], {}, {"x": 7}, {"model.onnx": {}}], ids=repr)
def test_a_manifest_with_one_wrong_entry(bench, copied, wrong):
    """Each entry in turn: either it is refused, or what comes back is the same as before."""
    whole = whole_manifest(bench)
    # These are words that a variant runs without; what they stand for is not checked here.
    free = {*"parent report versions made cpu name runtime precision steps".split()}
    for key in whole:
        (copied / "variant.json").write_text(json.dumps(whole | {key: wrong}))
        variant, refusal = load_or_refuse(copied)
        if variant is None:
            assert "Make the variant again" in refusal
        else:
            assert key in free or whole[key] == wrong, key
            assert str(variant)
            assert variant.as_code()


def load_or_refuse(folder: Path) -> tuple[Variant | None, str]:
    try:
        return Variant.load(folder), ""
    except wb.VariantError as error:
        return None, str(error)


def test_a_manifest_of_another_version(copied):
    sign_again(copied, format=2)
    with pytest.raises(wb.VariantError, match="has format 2; this version of the workbench reads format 1"):
        Variant.load(copied)


def test_a_manifest_for_a_runtime_that_nobody_knows(copied):
    sign_again(copied, runtime="abacus")
    with pytest.raises((ValueError, wb.VariantError), match="abacus"):
        wb.open_runner(copied)


@pytest.mark.parametrize("damage", ["altered", "no manifest", "rubbish manifest", "no model"])
def test_a_damaged_variant_in_the_workspace_is_made_again(bench, workspace, damage):
    variant = wb.quantize_dynamic(bench.exported("distilbert"))
    match damage:
        case "altered":
            (variant.path / "config.json").write_text("{}")
        case "no manifest":
            (variant.path / "variant.json").unlink()
        case "rubbish manifest":
            (variant.path / "variant.json").write_text("{")
        case "no model":
            (variant.path / "model.onnx").unlink()
    again = wb.quantize_dynamic(bench.exported("distilbert"))
    assert Variant.load(again.path) == again
    assert again.files == variant.files


def test_a_damaged_variant_elsewhere_is_left_to_the_caller(bench, tmp_path):
    variant = wb.quantize_dynamic(bench.exported("distilbert"), out_dir=tmp_path / "mine")
    (variant.path / "model.onnx").write_bytes(b"work of hours")
    with pytest.raises(wb.VariantError, match="is not the file that was made"):
        wb.quantize_dynamic(bench.exported("distilbert"), out_dir=tmp_path / "mine")
    assert (variant.path / "model.onnx").read_bytes() == b"work of hours"


def test_an_interrupt_leaves_nothing(bench, workspace, monkeypatch):
    from workbench.convert import quantizing

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(quantizing, "run_all", interrupt)
    with pytest.raises(KeyboardInterrupt):
        wb.quantize_dynamic(bench.exported())
    assert nothing_half_made(workspace)
    assert not [path for path in workspace.rglob("*.onnx") if os.path.exists(path)]
