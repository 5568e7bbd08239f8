"""The repository itself: notebooks, Makefile, changelog, tracked files, the wheel."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.conftest import NetworkUseError
from tests.notebook_rules import find_faults

ROOT = Path(__file__).parent.parent


def tracked_files() -> list[Path]:
    """What git tracks or would track; everything that is not a cache where there is no git."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        listing = subprocess.run(
            [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        )
        names = [name for name in listing.stdout.split("\0") if name]
    else:
        skipped = {".venv", ".git", "artifacts", "build", "dist", "__pycache__", ".ipynb_checkpoints"}
        found = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        names = [
            str(p)
            for p in found
            if not any(s in skipped or s.endswith(("_cache", ".egg-info")) for s in p.parts)
        ]
    return [ROOT / name for name in sorted(names) if (ROOT / name).is_file()]


def test_notebooks_are_clean(tmp_path):
    faults = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        # What git has of it: who runs a notebook gets outputs, and may run the tests all the same.
        name = path.relative_to(ROOT).as_posix()
        stored = subprocess.run(["git", "show", f":{name}"], cwd=ROOT, capture_output=True, check=False)
        copy = tmp_path / path.name
        copy.write_bytes(stored.stdout if stored.returncode == 0 else path.read_bytes())
        faults += find_faults(copy)
    assert not faults, "\n".join(faults)


def test_the_notebook_check_finds_faults(tmp_path):
    dirty = tmp_path / "dirty.ipynb"
    cell = {"cell_type": "code", "source": "1", "outputs": [{"output_type": "stream"}], "execution_count": 1}
    dirty.write_text(json.dumps({"cells": [cell], "metadata": {"widgets": {}}}))
    assert len(find_faults(dirty)) == 3


def test_the_readme_starts_with_commands_that_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))
    first_block = re.search(r"^```\w*\n(.*?)^```", readme, re.M | re.S)[1]
    assert re.findall(r"^make (\w+)", first_block, re.M) == ["lab", "test"]
    named = {"lab", "test"} | set(
        re.findall(r"`make (\w+)", readme + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    )
    assert named <= targets, (
        f"README.md or CONTRIBUTING.md names targets that the Makefile lacks: {named - targets}"
    )


def test_links_between_our_pages_resolve():
    broken = []
    for page in ROOT.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text):
            if not re.match(r"[a-z]+:|#", target) and not (page.parent / target.partition("#")[0]).exists():
                broken.append(f"{page.name}: {target}")
    assert not broken, broken


def test_the_changelog_knows_this_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert headings, "CHANGELOG.md has no `## [version]` headings."
    assert headings[0] in ("Unreleased", version), f"CHANGELOG.md starts with {headings[0]}; add {version}."


def test_the_version_is_said_once():
    import workbench

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert workbench.__version__ == project["version"], "pyproject.toml and workbench/__init__.py differ."


def test_no_path_of_somebodys_home_is_tracked():
    home = re.compile(rb"/(?:home|Users)/[a-z][\w.-]*/|/root/|[A-Z]:\\Users\\")
    found = []
    for path in tracked_files():
        if path.suffix in {".safetensors", ".png", ".onnx"} or path == Path(__file__):
            continue
        found += [
            f"{path.relative_to(ROOT)}: {match[0].decode()}" for match in home.finditer(path.read_bytes())
        ]
    assert not found, f"Paths that exist on one machine only: {found}"


def test_tests_cannot_leave_this_machine():
    with pytest.raises(NetworkUseError, match="stay on this machine"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(NetworkUseError, match="stay on this machine"):
        socket.getaddrinfo("example.org", 80)
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


def test_the_wheel_holds_every_file_of_the_package(tmp_path):
    """Front-end files, demo models and type marker, too. Built from a copy, so nothing is left in the tree."""
    wanted = [p.relative_to(ROOT) for p in tracked_files() if p.is_relative_to(ROOT / "workbench")]
    for name in [*wanted, Path("pyproject.toml"), Path("README.md"), Path("LICENSE")]:
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / "tree" / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index", "--quiet"]
    built = subprocess.run(
        [*pip, "--wheel-dir", tmp_path, tmp_path / "tree"], capture_output=True, text=True, timeout=300
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert "workbench/py.typed" in inside
    missing = [str(name) for name in wanted if name.as_posix() not in inside]
    assert not missing, f"Not in the wheel; see [tool.setuptools.package-data] in pyproject.toml: {missing}"
    beyond = {name for name in inside if not name.startswith("workbench")}
    assert not beyond, f"The wheel would install more than the package: {beyond}"
