"""The notebooks: each runs from top to bottom offline on one core, prints nothing but what is ours, and is complete."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

import workbench
from tests.memory import Watch
from workbench import widgets
from workbench.exercises.catalogue import list_exercises

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
REFUSED = "refused.txt"  # whom a kernel tried to reach
MOST_MEMORY, MOST_TOGETHER = (
    1.2e9,
    1.8e9,
)  # of a kernel, and with what it starts: Binder grants 2 GB, server and all
# What a library leaves in a cell: its warnings, its log lines, its bars.
DEBRIS = re.compile(
    r"\w*Warning\b|\bWARN(?:ING)?\b|\[[WE]:onnxruntime|\bINFO\b|\bDEBUG\b|it/s|\d%\||█|\r|\x1b\[|Traceback"
)
# The kernel's own figure is the system's for its memory: the other one begins with that of whoever started it.
USAGE = "from workbench.compare.subject import read_peak\nprint(read_peak())"


def read_cells(path: Path, kind: str) -> list[str]:
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def list_texts(cell: Any) -> Iterator[str]:
    """All that a cell shows, as text."""
    for output in cell.get("outputs", ()):
        if output.output_type == "stream":
            yield output.text
        for kind, text in output.get("data", {}).items():
            if kind.startswith("text/"):
                yield re.sub(r"<[^>]+>", " ", text)


def find_debris(notebook: Any) -> list[str]:
    """What stands in the cells of a notebook that ran and is not ours, a line for each thing."""
    found = []
    for number, cell in enumerate(notebook.cells, start=1):
        streams = [output for output in cell.get("outputs", ()) if output.output_type == "stream"]
        found += [f"cell {number}, stderr: {out.text[:300]}" for out in streams if out.name != "stdout"]
        for text in list_texts(cell):
            found += [f"cell {number}: {text[hit.start() :][:200]!r}" for hit in DEBRIS.finditer(text)][:1]
    return found


def has_stderr(notebook: Any) -> bool:
    """Whether the page that the notebook becomes shows a block of what went to stderr."""
    page, _ = HTMLExporter().from_notebook_node(notebook)
    return '"application/vnd.jupyter.stderr"' in page


def kernel_environment(folder: Path) -> dict[str, str]:
    """The environment of a kernel that cannot leave this machine, and that nobody told to work offline."""
    return {
        **{name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"},
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "offline_kernel"), str(ROOT)]),
        "WORKBENCH_TEST_REFUSED": str(folder / REFUSED),
        "WORKBENCH_HOME": str(folder / "workspace"),
        "HF_HOME": str(folder / "hub"),
        "IPYTHONDIR": str(folder / "ipython"),
    }


@pytest.mark.parametrize(
    "call", ["create_connection(('192.0.2.1', 80), 1)", "getaddrinfo('example.org', 80)"]
)
def test_a_kernel_cannot_leave_this_machine(call: str, tmp_path: Path) -> None:
    code = f"import socket; socket.create_server(('127.0.0.1', 0)); print('here', flush=True); socket.{call}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=kernel_environment(tmp_path), capture_output=True, text=True
    )
    assert done.stdout == "here\n"
    assert "NetworkUseError: A notebook tried to reach" in done.stderr
    assert (tmp_path / REFUSED).read_text().strip() in ("192.0.2.1", "example.org")


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_from_top_to_bottom(
    path: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    (tmp_path / "notebooks").mkdir()
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(USAGE))
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path / "notebooks")}},
    )
    begin = time.monotonic()
    with Watch() as watch:
        client.execute(env=kernel_environment(tmp_path))
    seconds = time.monotonic() - begin
    kernel = json.loads(notebook.cells.pop().outputs[0].text)
    record_property(
        "figures",
        f"{path.name}: {seconds:.0f} s on one core, kernel {kernel / 1e6:.0f} MB at most, "
        f"with all that it started {watch.peak / 1e6:.0f} MB",
    )
    refused = tmp_path / REFUSED
    assert not refused.exists(), f"It tried to reach {refused.read_text()}"
    assert kernel <= MOST_MEMORY
    assert watch.peak <= MOST_TOGETHER
    assert not (debris := find_debris(notebook)), "\n".join(debris)
    assert not has_stderr(notebook)


@pytest.mark.parametrize(
    "text",
    [
        "UserWarning: this is slow",
        "WARNING:root:no",
        "100%|██████| 3/3 [00:00<00:00, 31.1it/s]",
        "\x1b[0;93m2026-01-01 [W:onnxruntime:, session.cc:1] Serializing",
    ],
)
def test_debris_is_found(text: str) -> None:
    output = nbformat.v4.new_output("stream", name="stdout", text=text)
    cell = nbformat.v4.new_code_cell("1", outputs=[output])
    assert find_debris(nbformat.v4.new_notebook(cells=[cell]))
    assert not has_stderr(nbformat.v4.new_notebook(cells=[cell]))
    output.update(name="stderr", text="anything")
    assert find_debris(nbformat.v4.new_notebook(cells=[cell]))
    assert has_stderr(nbformat.v4.new_notebook(cells=[cell]))
    output.update(name="stdout", text="Too noisy: close what else runs here.")
    assert not find_debris(nbformat.v4.new_notebook(cells=[cell]))


def used_names(owner: str) -> set[str]:
    """The names that any notebook takes from `wb`, `widgets` or `exercises`."""
    trees = [ast.parse(cell) for path in NOTEBOOKS for cell in read_cells(path, "code")]
    return {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == owner
    }


def test_every_public_function_is_shown() -> None:
    functions = {name for name in workbench.__all__ if inspect.isfunction(getattr(workbench, name))}
    assert functions, "The package has no public functions: this test looks in the wrong place."
    missing = functions - used_names("wb")
    assert not missing, f"In no notebook: {', '.join(sorted(missing))}. Show each where it is learned."


def test_every_widget_is_shown() -> None:
    missing = set(widgets.__all__) - used_names("widgets")
    assert not missing, (
        f"In no notebook: {', '.join(sorted(missing))}. Show each beside its twin call in code."
    )


def test_every_exercise_is_asked_in_its_notebook() -> None:
    for name in list_exercises():
        (path,) = (ROOT / "notebooks").glob(f"{name[:2]}_*.ipynb")
        text, code = "\n".join(read_cells(path, "markdown")), "\n".join(read_cells(path, "code"))
        assert f"**{name}.**" in text, f"{path.name} does not ask {name}."
        for call in (f'exercises.check("{name}", ', f'exercises.solution("{name}")'):
            assert call in code, f"{path.name} has no {call}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_has_all_its_parts(path: Path) -> None:
    texts, code = read_cells(path, "markdown"), "\n".join(read_cells(path, "code"))
    assert texts[0].startswith("# ")
    assert len(re.findall(r"^- ", texts[0], re.M)) == 3, (
        "The first cell says in three lines what one will have."
    )
    headings = re.findall(r"^## (.+)$", "\n".join(texts), re.M)
    assert headings[-3:] == ["What you have seen", "Exercises", "Where to go next"]
    assert any(name.startswith(f"{path.name[:2]}-") for name in list_exercises()), "It has no exercise."
    if "demo/qa" in code:
        assert re.search(r"# .*deepset/roberta-base-squad2", code), "No line switches to the real model."


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_resolve(path: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", "\n".join(read_cells(path, "markdown")))
    inside = [target for target in targets if not re.match(r"[a-z]+:|#", target)]
    assert inside, "It links to no other lesson."
    broken = [target for target in inside if not (path.parent / target.partition("#")[0]).exists()]
    assert not broken, broken
