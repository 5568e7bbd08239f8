"""Models that the notebook holds: what was changed in memory is what the other process works on, and is said so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import workbench as wb
from tests.compare.processes import wait_for
from tests.models.files import OWN_CODE
from tests.variants import run_on
from workbench.background import Call, Desk, Task
from workbench.models.source import Source
from workbench.models.variant import Variant, torch_variant

NOTE = "# The model was changed after it was loaded: make the same change here."
DRIFT = 3.0


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with (
        pytest.MonkeyPatch.context() as patch
    ):  # where code of models is copied to; read when transformers starts
        patch.setenv("HF_MODULES_CACHE", str(tmp_path_factory.mktemp("modules")))
        with Desk() as desk:
            yield desk


@pytest.fixture
def edited() -> Source:
    """A model whose answers were shifted after it was loaded."""
    source = wb.load_model("random/tiny-bert")
    with torch.no_grad():
        source.model.qa_outputs.bias.add_(torch.tensor([DRIFT, 0.0]))
    return source


def finish(task: Task, state: str = "done") -> Any:
    assert task.wait(120)
    assert task.state == state, task.failure
    return task.result if state == "done" else task.failure


def run_first(variant: Variant | Source) -> np.ndarray:
    sample = variant.samples() if isinstance(variant, Variant) else variant.samples
    return run_on(variant, sample[:1])[0]


@pytest.mark.parametrize("name", ["bert", "t5", "vit"])
def test_what_is_made_of_an_edited_model_is_what_the_function_makes(desk, workspace, name):
    source = wb.load_model(f"random/tiny-{name}")
    with torch.no_grad():
        next(source.model.parameters()).add_(DRIFT)
    clicked = finish(desk.start(Call("export_onnx", (source.baseline,))))
    typed = wb.export_onnx(source)
    assert (clicked.path, clicked.origin, clicked.files) == (typed.path, typed.origin, typed.files)
    assert clicked.origin.edited
    np.testing.assert_allclose(run_first(clicked), run_first(source), atol=1e-3)


def test_an_edited_model_is_what_others_are_compared_with(desk, edited, workspace):
    original = wb.export_onnx(wb.load_model("random/tiny-bert"))
    diff = finish(desk.start(Call("compare_outputs", (edited.baseline, original))))
    assert not diff.agrees
    assert str(diff) == str(wb.compare_outputs(edited, original))


def test_the_steps_after_it_know_the_model_again(desk, edited, workspace):
    exported = finish(desk.start(Call("export_onnx", (edited.baseline,))))
    finish(
        desk.start(Call("load_model", (), {"source": "random/tiny-vit"}))
    )  # takes its place in the process
    diff = finish(desk.start(Call("compare_outputs", (torch_variant(exported.origin), exported))))
    assert diff.agrees


def test_an_edit_that_leaves_no_mark_is_found_when_the_call_is_made(desk, workspace):
    source = wb.load_model("random/tiny-bert")
    call = Call("export_onnx", (source.baseline,))
    assert NOTE not in call.as_code()
    source.model.qa_outputs.bias.data.add_(1)
    assert finish(desk.start(call)).origin.edited
    assert NOTE in Call("export_onnx", (source.baseline,)).as_code()


def test_the_code_says_which_model_was_changed(edited):
    assert NOTE in Call("export_onnx", (edited.baseline,)).as_code()
    other = wb.load_model("random/tiny-bert")
    lines = Call("compare_outputs", (other.baseline, edited.baseline)).as_code().splitlines()
    assert lines[2:] == [
        "source = wb.load_model('random/tiny-bert', task='question-answering')",
        "source_2 = wb.load_model('random/tiny-bert', task='question-answering')",
        NOTE,
        "reference = source.baseline",
        "candidate = source_2.baseline",
        "diff = wb.compare_outputs(reference, candidate)",
    ]


def test_an_unchanged_model_is_loaded_from_where_it_came(workspace):
    source = wb.load_model("random/tiny-bert")
    call = Call("export_onnx", (source.baseline,))
    assert NOTE not in call.as_code()
    with Desk() as desk:
        assert not finish(desk.start(call)).origin.edited
        assert desk._models._folder is None, "no copy was made"


def add_hook(source: Source) -> None:
    source.model.bert.register_forward_hook(lambda *_: None)


def change_layer(source: Source) -> None:
    source.model.qa_outputs = torch.nn.Sequential(source.model.qa_outputs, torch.nn.Tanh())


@pytest.mark.parametrize("change", [add_hook, change_layer])
def test_what_no_file_keeps_is_refused_with_advice(desk, workspace, change):
    source = wb.load_model("random/tiny-bert")
    change(source)
    failure = finish(desk.start(Call("export_onnx", (source.baseline,))), "failed")
    assert "save_pretrained" in failure.message
    assert "in a cell" in failure.message
    assert not workspace.exists() or not list(workspace.rglob("variant.json"))


def test_what_works_on_files_alone_asks_nothing_of_the_model(desk, workspace):
    source = wb.load_model("random/tiny-bert")
    exported = wb.export_onnx(source)
    add_hook(source)
    news = []
    call = Call("optimize_onnx", (exported,))
    finish(desk.start(call, lambda kind, value: news.append(value)))
    assert not [line for line in news if isinstance(line, str) and "in memory" in line]


def test_the_module_beside_a_node_is_that_of_the_edited_model(desk, edited, workspace):
    exported = wb.export_onnx(edited)
    call = Call("trace_node", (exported,), {"node": "/qa_outputs/Add", "module": True})
    assert finish(desk.start(call)).difference < 1e-4


def test_a_cancel_while_the_model_is_looked_at_leaves_the_process_alone(desk, edited, workspace):
    finish(desk.start(Call("load_model", (), {"source": "random/tiny-bert"})))
    before = desk._process.pid
    task = desk.start(
        Call("export_onnx", (edited.baseline,)), lambda kind, _: kind == "log" and desk.task.cancel()
    )
    assert task.wait(60)
    assert task.state == "cancelled"
    assert not task.sent
    finish(desk.start(Call("load_model", (), {"source": "random/tiny-bert"})))
    assert desk._process.pid == before


def test_copies_are_few_and_go_with_the_desk(workspace):
    with Desk() as desk:
        source = wb.load_model("random/tiny-bert")
        for _ in range(5):
            with torch.no_grad():
                source.model.qa_outputs.bias.add_(1)
            finish(desk.start(Call("compare_outputs", (source.baseline, source.baseline))))
        folder = desk._models._folder
        assert len(list(folder.iterdir())) == 3
    assert not folder.exists()


KERNEL = """
import os, signal, torch
import workbench as wb
from workbench.background import Call, Desk

source = wb.load_model("random/tiny-bert")
with torch.no_grad():
    source.model.qa_outputs.bias.add_(1)
desk = Desk()
task = desk.start(Call("compare_outputs", (source.baseline, source.baseline)))
assert task.wait(120) and task.state == "done", task.failure
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_copies_go_when_the_kernel_is_killed(workspace, tmp_path):
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    kernel = subprocess.run([sys.executable, "-c", KERNEL], env=environment, capture_output=True, text=True)
    assert kernel.returncode == -signal.SIGKILL, kernel.stderr
    wait_for(lambda: not list((tmp_path / "tmp").glob("workbench-models-*")))


def test_code_that_was_allowed_here_is_allowed_there(desk, workspace, tmp_path, monkeypatch):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = write_own_code(tmp_path / "own")
    source = wb.load_model(folder, trust_remote_code=True)
    ours = torch_variant(source.origin, source=source)
    assert finish(desk.start(Call("compare_outputs", (ours, ours)))).agrees
    alone = torch_variant(source.origin)
    assert finish(desk.start(Call("compare_outputs", (alone, alone)))).agrees
    with Desk() as other:  # which was never told so: a manifest says what it likes
        failure = finish(other.start(Call("compare_outputs", (alone, alone))), "failed")
        assert "trust_remote_code=True" in failure.message


def write_own_code(folder: Path) -> Path:
    """A model whose classes are its own."""
    import json

    source = wb.load_model("random/tiny-bert")
    source.model.save_pretrained(folder)
    source.processor.save_pretrained(folder)
    (folder / "own.py").write_text(OWN_CODE)
    auto_map = {"AutoConfig": "own.MyConfig", "AutoModelForQuestionAnswering": "own.MyModel"}
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "my-bert", "auto_map": auto_map}))
    return folder
