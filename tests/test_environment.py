"""One environment for users, Binder and CI: the files that describe it say the same."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent

# Every package that a user has to install. A longer list is a slower start for everyone: before you add a name,
# see whether the standard library or one of these can do it.
ALLOWED_AT_RUN_TIME = {
    *("torch", "transformers", "optimum", "optimum-onnx", "onnx", "onnx-ir", "onnxruntime"),
    *("numpy", "safetensors", "pillow", "filelock", "grandalf", "psutil"),
    *("netron", "plotly", "jupyterlab", "ipywidgets", "anywidget"),
}
CONDA_NAMES = {"pytorch": "torch"}
NOT_OURS_ON_CONDA = {"python", "pip"}

IMPORT_NAMES = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml"}
# Part of a package we name, or pinned by it so tightly that naming it too would only be one more place to change.
COMES_WITH = {
    "IPython": "ipywidgets",
    "traitlets": "ipywidgets",
    "huggingface_hub": "transformers",
    "packaging": "transformers",
    "requests": "transformers",
    "tokenizers": "transformers",
    "google": "onnx",
    "pandas": "plotly",  # not brought along: only `to_frame()` asks for it, and says how to get it
}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements(*extras: str) -> dict[str, Requirement]:
    """What pyproject.toml asks for at run time, and with these extras."""
    lines = list(project()["dependencies"])
    for extra in extras:
        lines += project()["optional-dependencies"][extra]
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r for r in parsed if canonicalize_name(r.name) != "workbench"}


def constraints() -> dict[str, str]:
    pins: dict[str, str] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            name, _, version = line.partition("==")
            pins[canonicalize_name(name)] = version
    return pins


def conda_pins() -> dict[str, str]:
    """The pins of environment.yml, conda's and pip's together, under the names pip knows."""
    pins: dict[str, str] = {}
    for entry in yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]:
        for line in entry["pip"] if isinstance(entry, dict) else [entry]:
            name, version = re.fullmatch(r"([\w.-]+)(?:==?([^=]*))?(?:=.*)?", line).groups()
            if name not in NOT_OURS_ON_CONDA:
                pins[canonicalize_name(CONDA_NAMES.get(name, name))] = version
    return pins


def test_runtime_dependencies_are_the_allowed_ones():
    assert set(requirements()) == ALLOWED_AT_RUN_TIME, (
        "The runtime dependencies in pyproject.toml changed. If that is really needed, change ALLOWED_AT_RUN_TIME "
        "in this file, environment.yml and constraints.txt with them."
    )


def test_constraints_are_exact_and_without_local_builds():
    odd = {name: pin for name, pin in constraints().items() if not re.fullmatch(r"\d[\w.]*", pin)}
    assert not odd, f"constraints.txt pins plain versions only, `name==1.2.3`, without +cpu or ranges: {odd}"


def test_constraints_fit_the_ranges_of_the_project():
    pins = constraints()
    for name, requirement in requirements(*project()["optional-dependencies"]).items():
        assert name in pins, (
            f"{name} is in pyproject.toml but not in constraints.txt: add the version you tested."
        )
        assert pins[name] in requirement.specifier, (
            f"constraints.txt pins {name}=={pins[name]}, but pyproject.toml allows {requirement.specifier}: "
            "move one of them."
        )


def test_constraints_pin_everything_that_gets_installed():
    """Also what the named packages bring along, as far as it is installed here."""
    pins, missing = constraints(), set()
    queue, seen = list(requirements("dev", "tutorials", "openvino").values()), set()
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        if name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        try:
            needs = importlib.metadata.requires(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if name not in pins:
            missing.add(name)
        queue += [Requirement(line) for line in needs or []]
    assert not missing, f"Installed, needed and not pinned: add to constraints.txt {sorted(missing)}."


def test_conda_environment_says_the_same():
    named, pins = set(requirements("tutorials")), conda_pins()
    assert set(pins) == named, (
        f"environment.yml lacks {sorted(named - set(pins))} and has {sorted(set(pins) - named)} beyond "
        "pyproject.toml's dependencies and its `tutorials` extra: make the lists equal."
    )
    pinned = constraints()
    differing = {name: (version, pinned[name]) for name, version in pins.items() if version != pinned[name]}
    assert not differing, (
        f"environment.yml and constraints.txt pin different versions, make them equal: {differing}"
    )


def test_conda_environment_needs_nothing_else():
    """conda-forge only, PyTorch without CUDA, our Python; and no local path, which Binder could not find."""
    text = (ROOT / "environment.yml").read_text()
    environment = yaml.safe_load(text)
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    lines = [line for line in environment["dependencies"] if isinstance(line, str)]
    assert any(re.fullmatch(r"pytorch=[\d.]+=cpu\*?", line) for line in lines), "Ask for PyTorch's cpu build."
    (python,) = (line.partition("=")[2] for line in lines if line.startswith("python="))
    assert python in Requirement("python" + project()["requires-python"]).specifier
    (by_pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in by_pip), "Only `name==version` under pip."


def test_binder_builds_what_the_environment_says():
    """Binder reads nothing outside binder/ once that folder is there, so it has to lead to the same file."""
    assert {path.name for path in (ROOT / "binder").iterdir()} == {"environment.yml", "postBuild"}
    linked = ROOT / "binder" / "environment.yml"
    assert linked.read_text() == (ROOT / "environment.yml").read_text(), (
        "binder/environment.yml is not environment.yml: `ln -sf ../environment.yml binder/environment.yml`."
    )
    post_build = ROOT / "binder" / "postBuild"
    assert os.access(post_build, os.X_OK), (
        "Binder runs only an executable postBuild: `chmod +x binder/postBuild`."
    )
    commands = [
        line for line in post_build.read_text().splitlines() if line and not line.startswith(("#", "set "))
    ]
    assert commands == [
        "python -m pip install --no-deps --no-cache-dir -e .",
        "jupyter labextension disable --level=sys_prefix @jupyterlab/apputils-extension:announcements",
    ], "binder/postBuild may only install the package itself; what it needs belongs in environment.yml."


@pytest.mark.slow
def test_post_build_makes_the_package_usable(tmp_path: Path):
    """In a fresh virtual environment that sees the packages of this one, as Binder's has those of environment.yml."""
    tree, env = tmp_path / "tree", tmp_path / "env"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, tracked.decode().split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", env], check=True)
    (site,) = (env / "lib").glob("python3*/site-packages")
    there = sysconfig.get_path("purelib")
    # A path alone: with `addsitedir` this environment's own editable install would be there, too.
    (site / "packages.pth").write_text(f"{there}\n")
    (env / "bin" / "jupyter").write_text(
        f"#!{env}/bin/python\nfrom jupyter_core.command import main\nmain()\n"
    )
    (env / "bin" / "jupyter").chmod(0o755)
    (env / "bin" / "jupyter-labextension").write_text(
        f"#!{env}/bin/python\nfrom jupyterlab.labextensions import main\nmain()\n"
    )
    (env / "bin" / "jupyter-labextension").chmod(0o755)
    environ = {
        **{name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")},
        "PATH": f"{env / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",  # what the environment lacks may not come from anywhere
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this as "without"
    }
    done = subprocess.run(
        ["bash", tree / "binder" / "postBuild"], cwd=tree, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    code = (
        "import workbench, sys; print(workbench.__file__); workbench.load_model('demo/qa'); print(sys.prefix)"
    )
    used = subprocess.run(
        [env / "bin" / "python", "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True
    )
    assert used.stdout.split() == [str(tree / "workbench" / "__init__.py"), str(env)], used.stderr
    disabled = json.loads((env / "etc" / "jupyter" / "labconfig" / "page_config.json").read_text())
    assert disabled["disabledExtensions"] == {"@jupyterlab/apputils-extension:announcements": True}


def test_the_badge_opens_the_first_notebook():
    links = re.findall(
        r"\(https://mybinder\.org/v2/gh/[^/]+/[^/]+/HEAD\?urlpath=lab/tree/([^)]+)\)",
        (ROOT / "README.md").read_text(),
    )
    assert links == ["notebooks/00_start_here.ipynb"]
    assert (ROOT / links[0]).is_file()


def test_every_import_is_declared():
    """A package that we import ourselves is named by us, not left to whoever brings it along today."""
    declared = set(requirements("openvino")) | {"workbench"}
    strays = []
    for path in sorted((ROOT / "workbench").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            else:
                continue
            for top in {name.partition(".")[0] for name in names} - sys.stdlib_module_names:
                package = COMES_WITH.get(top, IMPORT_NAMES.get(top, top))
                if canonicalize_name(package) not in declared:
                    strays.append(f"{path.relative_to(ROOT)}: {top}")
    assert not strays, f"Imported but not in pyproject.toml's dependencies: {strays}"


def test_no_package_index_is_named():
    """Where packages come from is the business of each machine's pip, not of this repository."""
    names = (
        "pyproject.toml",
        "constraints.txt",
        "environment.yml",
        "Makefile",
        "binder/postBuild",
        ".ci/run",
    )
    for name in names:
        text = (ROOT / name).read_text()
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links|file:", text), (
            f"{name} names an index."
        )


def test_shell_scripts_parse():
    for name in (".ci/run", "binder/postBuild"):
        subprocess.run(["bash", "-n", ROOT / name], check=True)
        assert os.access(ROOT / name, os.X_OK), f"`chmod +x {name}`"
