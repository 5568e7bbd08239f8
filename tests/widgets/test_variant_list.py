"""`VariantList`: what the page is told, and what its clicks do; the page itself is tried in a browser."""

from __future__ import annotations

import shutil
import threading

import pytest

from tests.variants import bench  # noqa: F401
from workbench import widgets
from workbench.models.variant import Variant
from workbench.models.workspace import Workspace


@pytest.fixture
def listed(bench, workspace):  # noqa: F811
    for variant in (bench.exported(), bench.optimized(), bench.int8()):
        place = workspace / variant.path.parent.name / variant.path.name
        shutil.copytree(variant.path, place, copy_function=shutil.copy2)
    return widgets.VariantList()


def names(listed) -> list[str]:
    assert [row["name"] for row in listed._rows] == [variant.name for variant in listed.variants]
    return [row["name"] for row in listed._rows]


def ask(listed, what: str, number: int = 0, **more) -> None:
    """A click in the page."""
    listed._on_message(None, {"ask": what, "key": listed._rows[number]["key"], **more}, [])


def test_the_workspace_is_there_at_once(listed):
    assert names(listed) == ["onnx-fp32", "onnx-optimized", "onnx-int8-dynamic"]
    row = listed._rows[1]
    assert (row["runtime"], row["precision"], row["model"]) == ("onnxruntime", "fp32", "random/tiny-bert")
    assert row["made_from"] == "onnx-fp32, optimize_onnx"
    assert [row["children"] for row in listed._rows] == [1, 1, 0]
    assert listed._ticked == []
    assert listed._chosen == ""


def test_an_empty_list(workspace):
    listed = widgets.VariantList()
    assert listed._rows == []
    assert listed.current is None
    assert not workspace.exists()


def test_ticks_and_the_choice_go_both_ways(listed):
    first, second, third = listed.variants
    listed._ticked = [listed._rows[2]["key"], listed._rows[0]["key"]]
    assert listed.picked == (first, third)
    listed.picked = (second,)
    assert listed._ticked == [listed._rows[1]["key"]]
    listed._chosen = listed._rows[2]["key"]
    assert listed.current == third
    listed.current = first
    assert listed._chosen == listed._rows[0]["key"]
    listed.current = None
    assert listed._chosen == ""
    listed._ticked = ["of another list"]
    assert listed.picked == ()


def test_each_change_is_told_once(listed):
    seen = []
    listed.observe(lambda change: seen.append(change["name"]), ["picked", "current"])
    listed.current = listed.variants[1]
    listed._ticked = [listed._rows[1]["key"]]
    assert seen == ["current", "picked"]
    listed.reload()
    assert seen == ["current", "picked"], "Nothing has changed."


def test_what_is_not_in_the_list_is_added(listed, bench):  # noqa: F811
    model = bench.source().baseline
    listed.current = model
    assert names(listed)[-1] == "torch-fp32"
    assert listed._rows[-1]["folder"] == ""
    listed.picked = (bench.exported("gpt2"),)
    assert len(listed.variants) == 5
    listed.reload()
    assert sorted(names(listed))[-1] == "torch-fp32", "What lies elsewhere stays."
    assert len(listed.variants) == 5
    assert listed.current == model


def test_a_new_name_is_there_everywhere(listed):
    listed.current = listed.variants[1]
    listed.picked = listed.variants[1:]
    ask(listed, "rename", 1, name="faster")
    assert names(listed) == ["onnx-fp32", "faster", "onnx-int8-dynamic"]
    assert (listed.current.name, listed.picked[0].name) == ("faster", "faster")
    assert listed._rows[2]["made_from"] == "faster, quantize_dynamic"
    assert [variant.name for variant in Workspace().variants()] == names(listed)


def test_a_bad_name_is_told_and_nothing_changes(listed):
    ask(listed, "rename", 1, name="../other")
    assert listed._said["failed"]
    assert "is no name for a variant" in listed._said["text"]
    assert names(listed)[1] == "onnx-optimized"
    ask(listed, "rename", 1, name="onnx-fp32")
    assert "There is a variant 'onnx-fp32'" in listed._said["text"]


def test_what_is_deleted_can_be_brought_back(listed):
    middle = listed.variants[1]
    listed.current, listed.picked = middle, listed.variants
    ask(listed, "delete", 1)
    assert names(listed) == ["onnx-fp32", "onnx-int8-dynamic"]
    assert not middle.path.exists()
    assert listed.current is None
    assert middle not in listed.picked
    assert listed._said["deleted"] == "onnx-optimized"
    listed._on_message(None, {"ask": "undo"}, [])
    assert names(listed) == ["onnx-fp32", "onnx-optimized", "onnx-int8-dynamic"]
    assert (listed._said["text"], listed._said["deleted"]) == ("onnx-optimized is back.", "")
    listed._on_message(None, {"ask": "undo"}, [])
    assert "Nothing was deleted" in listed._said["text"]


def test_what_was_deleted_is_offered_until_it_is_back(listed):
    path = listed.variants[1].path
    ask(listed, "delete", 1)
    ask(listed, "reload")
    assert listed._said["deleted"] == "onnx-optimized"
    ask(listed, "rename", 0, name="as exported")
    ask(listed, "rename", 0, name="../other")
    assert (listed._said["failed"], listed._said["deleted"]) == (True, "onnx-optimized")
    path.mkdir()
    for _ in range(2):
        ask(listed, "undo")
        assert "made again since" in listed._said["text"]
    path.rmdir()
    ask(listed, "undo")
    assert names(listed) == ["as exported", "onnx-optimized", "onnx-int8-dynamic"]
    assert listed._said["deleted"] == ""


def test_what_is_gone_already_is_told_and_reloading_takes_it_out(listed):
    shutil.rmtree(listed.variants[2].path)
    ask(listed, "delete", 2)
    assert "is gone already" in listed._said["text"]
    listed._on_message(None, {"ask": "reload"}, [])
    assert names(listed) == ["onnx-fp32", "onnx-optimized"]


def test_broken_ones_have_a_line(listed):
    (listed.variants[1].path / "model.onnx").write_bytes(b"x")
    listed.reload()
    assert names(listed) == ["onnx-fp32", "onnx-int8-dynamic"]
    assert "is not the file that was made" in listed._broken[0]


def test_strange_messages_change_nothing(listed):
    for content in ({}, {"ask": "delete"}, {"ask": "delete", "key": "/etc"}, {"ask": "run", "key": "x"}):
        listed._on_message(None, content, [])
    assert len(names(listed)) == 3


def test_where_no_kernel_runs_a_table_is_left(listed):
    data = listed._repr_mimebundle_()
    data = data[0] if isinstance(data, tuple) else data
    assert "onnx-int8-dynamic" in data["text/plain"]
    assert "<td>onnx-optimized</td>" in data["text/html"]


def test_what_is_deleted_while_another_thread_reads_stays_deleted(listed, monkeypatch):
    read, go_on, first = threading.Event(), threading.Event(), listed.variants[0]
    really = Workspace.variants

    def read_slowly(home):
        found = really(home)
        read.set()
        assert go_on.wait(30)
        return found

    monkeypatch.setattr(Workspace, "variants", read_slowly)
    reading = threading.Thread(target=listed.reload, daemon=True)
    reading.start()
    assert read.wait(30)
    deleting = threading.Thread(target=listed.delete, args=(first,), daemon=True)
    deleting.start()
    deleting.join(0.5)
    go_on.set()
    for thread in (reading, deleting):
        thread.join(30)
        assert not thread.is_alive()
    assert names(listed) == ["onnx-optimized", "onnx-int8-dynamic"]


def test_what_lies_elsewhere_and_is_gone_goes_at_the_next_reading(listed, tmp_path):
    kept = shutil.copytree(listed.variants[0].path, tmp_path / "elsewhere" / "kept")
    listed.current = Variant.load(kept)
    listed.reload()
    assert len(names(listed)) == 4
    shutil.rmtree(kept)
    listed.reload()
    assert len(names(listed)) == 3
