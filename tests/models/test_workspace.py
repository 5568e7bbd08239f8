"""`Workspace`: names, keys, what counts as a variant's folder, locks and leftovers."""

from __future__ import annotations

import threading

import pytest

from workbench.models.workspace import Workspace, lock_folder, new_folder, slug


def test_the_root_is_chosen_in_this_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORKBENCH_HOME", raising=False)
    assert Workspace().root == tmp_path / "artifacts"
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    assert Workspace().root == tmp_path / "home"
    assert Workspace(tmp_path / "given").root == tmp_path / "given"
    assert not list(tmp_path.iterdir()), "Asking for a place makes none."


def test_another_recipe_is_another_place(tmp_path):
    home = Workspace(tmp_path)
    place = home.place("demo/qa", "onnx-fp32", {"opset": 18, "a": 1})
    assert place == home.place("demo/qa", "onnx-fp32", {"a": 1, "opset": 18})
    assert place != home.place("demo/qa", "onnx-fp32", {"opset": 17, "a": 1})
    assert place.name.startswith("onnx-fp32-")


@pytest.mark.parametrize(
    "name", ["a/b", "../../etc", "C:\\models\\x", ".hidden", "ü ñ", "", "x" * 500, "a\nb", "-rf"]
)
def test_every_name_makes_one_safe_folder_name(tmp_path, name):
    assert slug(name)
    assert len(slug(name)) <= 80
    assert Workspace(tmp_path).place(name, name, 0).parent.parent == tmp_path
    assert not slug(name).startswith((".", "-"))


def test_folders_lists_what_is_whole(tmp_path):
    home = Workspace(tmp_path)
    assert home.folders() == []
    for name in ("model/one-1", "model/.making-two-2", "model/three-3"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("model/one-1", "model/.making-two-2"):
        (tmp_path / name / "variant.json").write_text("{}")
    assert home.folders() == [tmp_path / "model/one-1"]


def test_a_folder_appears_when_it_is_finished(tmp_path):
    target = tmp_path / "model" / "one"
    with new_folder(target) as work:
        (work / "file").write_text("x")
        assert not target.exists()
        assert work.parent == target.parent
        inode = work.stat().st_ino
    assert target.stat().st_ino == inode, "It has to be renamed: a copy could be stopped half-way."
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "one", "file"]


def test_an_error_takes_the_folder_away(tmp_path):
    target = tmp_path / "one"

    def fail():
        with new_folder(target) as work:
            (work / "file").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not list(tmp_path.iterdir())


def test_leftovers_of_this_target_are_swept_and_no_others(tmp_path):
    for name in (".making-one-ab12cd34", ".making-one-two-ab12cd34", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / ".making-one-ab12cd34" / "model.onnx").write_text("half")
    with lock_folder(tmp_path / "one"):
        left = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert left == {".making-one-two-ab12cd34", "other"}


def test_one_at_a_time_makes_a_folder(tmp_path):
    inside, together = threading.Semaphore(0), []
    busy = threading.Lock()

    def work():
        with lock_folder(tmp_path / "one"):
            together.append(not busy.acquire(blocking=False))
            inside.release()
            inside.acquire(timeout=0.05)
            if not together[-1]:
                busy.release()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert together == [False] * 4
