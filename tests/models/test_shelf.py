"""What stands on the shelf: variants listed, renamed, deleted and brought back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import workbench as wb
from tests.variants import bench, nothing_half_made  # noqa: F401
from workbench.graph.trace import trace_node
from workbench.models import upkeep
from workbench.models.shelf import describe_variants
from workbench.models.variant import Variant
from workbench.models.workspace import Workspace, lock_folder


@pytest.fixture
def home(bench, workspace) -> Workspace:  # noqa: F811
    """A workspace with a chain of three variants."""
    for variant in (bench.exported(), bench.optimized(), bench.int8()):
        place = workspace / variant.path.parent.name / variant.path.name
        shutil.copytree(variant.path, place, copy_function=shutil.copy2)
    return Workspace()


def names(home: Workspace) -> list[str]:
    return [variant.name for variant in home.variants()]


def test_what_is_there_is_listed_in_the_order_of_its_making(home):
    found = home.variants()
    assert names(home) == ["onnx-fp32", "onnx-optimized", "onnx-int8-dynamic"]
    assert all(variant.path.is_relative_to(home.root) for variant in found)
    assert len(found) == 3
    assert "3 variants" in str(found)
    rows = describe_variants([wb.Variant.load(found.variants[0].path), *found.variants[1:]])
    assert [row.made_from for row in rows] == [
        "torch-fp32, export_onnx",
        "onnx-fp32, optimize_onnx",
        "onnx-optimized, quantize_dynamic",
    ]
    assert all(row.made and row.size.endswith("MB") for row in rows)


def test_an_empty_workspace_is_no_error(workspace):
    assert names(Workspace()) == []
    assert not workspace.exists()


def alter(file: Path) -> None:
    """Another content of the same size."""
    file.write_bytes(file.read_bytes()[:-1] + b"?")


def test_a_list_reads_no_model(home, monkeypatch):
    def refuse(path: Path) -> str:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr("workbench.models.manifest._hash_file", refuse)
    assert names(home) == ["onnx-fp32", "onnx-optimized", "onnx-int8-dynamic"]
    first = home.variants().variants[0]
    assert home.restore(home.delete(first)) == first


USES = {
    "runner": lambda made, variant: wb.open_runner(variant),
    "pipeline": lambda made, variant: wb.make_pipeline(variant),
    "optimize": lambda made, variant: wb.optimize_onnx(variant, level=0),
    "trace": lambda made, variant: trace_node(variant, "/qa_outputs/Add"),
    "layers": lambda made, variant: wb.compare_layers(made.source(), variant),
}


@pytest.mark.parametrize("use", USES)
def test_what_was_altered_shows_when_it_is_used(home, bench, use):  # noqa: F811
    alter(home.folders()[0] / "model.onnx")
    variant = home.variants().variants[0]
    with pytest.raises(wb.VariantError, match=r"'model.onnx' in .* is not the file that was made"):
        USES[use](bench, variant)


def test_a_file_is_read_once_also_when_its_folder_gets_another_name(home, monkeypatch):
    folder = home.folders()[0]
    Variant.load(folder)
    moved = folder.rename(folder.with_name("moved"))
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("it was read again"))
    assert Variant.load(moved).path == moved


@pytest.mark.parametrize("damage", ["manifest", "file", "altered", "other"])
def test_a_broken_one_has_a_line_and_the_others_are_listed(home, damage):
    folder = home.folders()[1]
    if damage == "manifest":
        (folder / "variant.json").write_text("{")
    elif damage == "file":
        (folder / "model.onnx").unlink()
    elif damage == "altered":
        (folder / "model.onnx").write_bytes(b"x")
    else:
        (folder / "variant.json").write_text("[]")
    found = home.variants()
    assert len(found) == 2
    (broken,) = found.broken
    assert broken.folder == folder
    assert str(folder) in broken.reason
    assert broken.reason in str(found)
    assert "Make the variant again" in found._repr_html_()


def test_names_from_manifests_are_escaped(home):
    manifest = home.folders()[0] / "variant.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "name": "<script>x</script>"}))
    assert "<script>" not in home.variants()._repr_html_()


def test_a_new_name_is_there_for_everyone(home):
    first, second, third = home.variants()
    renamed = home.rename(second, "  my best ")
    assert (renamed.name, renamed.path) == ("my best", second.path)
    assert Variant.load(second.path) == renamed
    assert names(home) == ["onnx-fp32", "my best", "onnx-int8-dynamic"], "It keeps its place."
    assert third.parent.name == "my best"
    assert describe_variants(list(home.variants()))[2].made_from == "my best, quantize_dynamic"
    with wb.open_runner(renamed) as runner:
        assert runner.run(renamed.samples()[0])
    assert wb.optimize_onnx(first).name == "my best", "The same steps bring the same variant back."
    assert nothing_half_made(home.root)


@pytest.mark.parametrize(
    "name", ["", "  ", "a/b", "..", ".hidden", "-rf", "a\nb", "x" * 61, "<b>", "torch-fp32"]
)
def test_bad_names_are_refused(home, name):
    variant = home.variants().variants[0]
    before = (variant.path / "variant.json").read_bytes()
    with pytest.raises(ValueError, match=r"is no name for a variant|is kept for PyTorch"):
        home.rename(variant, name)
    assert (variant.path / "variant.json").read_bytes() == before


def test_a_taken_name_is_refused_and_its_own_is_not(home, bench):  # noqa: F811
    variant = home.variants().variants[0]
    with pytest.raises(ValueError, match="There is a variant 'ONNX-Optimized' of this model already"):
        home.rename(variant, "ONNX-Optimized")
    assert home.rename(variant, variant.name) == variant
    with pytest.raises(ValueError, match="lives in memory"):
        home.rename(bench.source().baseline, "mine")


def test_a_name_that_cannot_be_written_leaves_the_old_one(home, monkeypatch):
    variant = home.variants().variants[0]

    def fail(self, target):
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        home.rename(variant, "mine")
    assert Variant.load(variant.path) == variant
    assert {path.name for path in variant.path.iterdir()} == {"variant.json", *variant.files}


def test_a_deleted_variant_can_be_brought_back(home):
    variant = home.variants().variants[1]
    deleted = home.delete(variant)
    assert not variant.path.exists()
    assert names(home) == ["onnx-fp32", "onnx-int8-dynamic"]
    assert "which is gone" in describe_variants(list(home.variants()))[1].made_from
    assert home.restore(deleted) == variant
    assert names(home) == ["onnx-fp32", "onnx-optimized", "onnx-int8-dynamic"]
    with pytest.raises(FileNotFoundError, match="removed for good"):
        home.restore(deleted)


def test_the_next_delete_empties_the_trash(home):
    first, second, _ = home.variants()
    gone = home.delete(first)
    kept = home.delete(second)
    assert not gone.folder.exists()
    with pytest.raises(FileNotFoundError, match="removed for good"):
        home.restore(gone)
    assert home.restore(kept) == second


def test_what_was_made_again_is_not_overwritten(home):
    exported, variant, _ = home.variants()
    deleted = home.delete(variant)
    again = wb.optimize_onnx(exported)
    assert again.path == variant.path
    with pytest.raises(FileExistsError, match="made again since"):
        home.restore(deleted)


def test_the_end_of_the_session_empties_the_trash(home):
    folder = home.folders()[0]
    code = (
        "import sys; from workbench import Variant, Workspace; "
        "deleted = Workspace().delete(Variant.load(sys.argv[1])); assert deleted.folder.is_dir()"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not list(home.root.glob("*/.trash-*"))
    assert not folder.exists()


def test_only_what_lies_in_the_workspace_is_deleted(home, bench):  # noqa: F811
    with pytest.raises(ValueError, match="lies outside the workspace"):
        home.delete(bench.exported())
    assert bench.exported().path.is_dir()
    with pytest.raises(ValueError, match="lives in memory"):
        home.delete(bench.source().baseline)
    variant = home.variants().variants[0]
    shutil.rmtree(variant.path)
    with pytest.raises(FileNotFoundError, match="gone already"):
        home.delete(variant)


def test_what_is_being_made_is_left_alone(home, monkeypatch):
    import threading

    monkeypatch.setattr(upkeep, "PATIENCE", 0)
    variant = home.variants().variants[0]
    refused = []

    def change():
        for change in (lambda: home.delete(variant), lambda: home.rename(variant, "mine")):
            try:
                change()
            except RuntimeError as error:
                refused.append(str(error))

    with lock_folder(variant.path):
        other = threading.Thread(target=change)
        other.start()
        other.join(60)
    assert len(refused) == 2
    assert "is being made at this moment" in refused[0]
    assert home.rename(variant, "mine").name == "mine"
