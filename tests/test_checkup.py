"""`check_setup`: what it says of this machine, and of worse ones."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import workbench as wb
from workbench.checkup import checking
from workbench.checkup.rows import FINE, LOOK


def row(setup, name):
    return next(each for each in setup.rows if each.name == name)


def test_this_machine_is_ready(workspace):
    setup = wb.check_setup()
    assert setup.ready
    assert setup.headline() == "Everything is ready."
    assert f"torch {importlib.metadata.version('torch')}" in row(setup, "packages").found
    assert str(workspace) in row(setup, "workspace").found
    assert not workspace.exists(), "It only looks."
    assert setup.to_dict()["ready"] is True


def test_what_is_missing_is_said_first_and_escaped(workspace, monkeypatch):
    monkeypatch.setattr(checking, "free_memory", lambda: 600_000_000)
    monkeypatch.setenv("WORKBENCH_HOME", str(workspace / "<img src=x>"))
    setup = wb.check_setup()
    assert not setup.ready
    assert str(setup).startswith("Have a look at: memory.")
    assert "600.0 MB free" in str(setup)
    assert "<img" not in setup._repr_html_()


def test_packages_that_do_not_fit_are_named_with_what_to_do(monkeypatch):
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "5.23.0" if name == "transformers" else version(name)
    )
    found = checking.check_packages()
    assert found.state == LOOK
    assert "transformers 5.23.0 is not" in found.meaning
    assert "4.57" in found.meaning
    assert found.meaning.endswith("pip install -c constraints.txt -e .")


def test_a_package_that_is_missing(monkeypatch):
    version = importlib.metadata.version

    def look(name):
        if name == "netron":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", look)
    assert "netron is missing" in checking.check_packages().meaning


def test_a_workbench_that_is_on_the_path_and_not_installed(monkeypatch):
    def look(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", look)
    found = checking.check_packages()
    assert found.state == LOOK
    assert found.meaning.startswith("workbench itself is not installed")
    assert found.meaning.endswith("pip install -c constraints.txt -e .")


def test_extras_are_no_duty(monkeypatch):
    """What only tutorials or tests need may be missing."""
    version = importlib.metadata.version

    def look(name):
        if name in ("openvino", "nncf", "onnxscript", "pytest"):
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", look)
    assert checking.check_packages().state == FINE


def test_a_workspace_that_nobody_may_write_to(tmp_path, monkeypatch):
    def refuse(**options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    found = checking.check_workspace(tmp_path / "deep" / "down")
    assert found.state == LOOK
    assert "WORKBENCH_HOME" in found.meaning


def test_a_workspace_in_a_folder_that_nobody_may_enter(tmp_path, monkeypatch):
    """As Python 3.11 meets it: whether something is in there is an error, and so is writing there."""
    exists, closed = Path.exists, tmp_path / "closed"

    def look(path):
        if closed in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    def refuse(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    closed.mkdir()
    monkeypatch.setattr(Path, "exists", look)
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    found = checking.check_workspace(closed / "deep" / "down")
    assert found.state == LOOK
    assert "WORKBENCH_HOME" in found.meaning


def test_a_workspace_on_a_full_disk(tmp_path, monkeypatch):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(10**10, 10**10, 10**9))
    assert checking.check_workspace(tmp_path).state == LOOK


def test_without_a_compiler_or_openvino_it_is_still_ready(workspace, monkeypatch):
    monkeypatch.setattr("workbench.runners.compiled.find_missing", lambda device: "needs a C++ compiler")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    setup = wb.check_setup()
    assert setup.ready
    assert row(setup, "C++ compiler").meaning == "torch.compile needs a C++ compiler"
    assert "pip install 'workbench[openvino]'" in row(setup, "OpenVINO").meaning
