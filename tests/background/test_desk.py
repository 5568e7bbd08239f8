"""The desk: work is done elsewhere, errors and news come back, and a cancelled call leaves nothing behind."""

from __future__ import annotations

import io
import os
import pickle
import re
import signal
import threading
from collections.abc import Iterator

import psutil
import pytest

from tests.compare.processes import wait_for
from tests.variants import bench  # noqa: F401
from workbench.background import Call, Desk, Task
from workbench.models.variant import Variant, torch_variant
from workbench.models.workspace import Workspace

LOAD = Call("load_model", (), {"source": "random/tiny-bert"})


@pytest.fixture(scope="module")
def shared() -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


@pytest.fixture
def desk(workspace) -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


def done(task: Task) -> Task:
    assert task.wait(120)
    assert task.state == "done", task.failure
    return task


def packages_of(thing: object) -> set[str]:
    """The packages that a thing needs where it is unpacked."""
    packages = set()

    class Reader(pickle.Unpickler):
        def find_class(self, module, name):
            packages.add(module.partition(".")[0])
            return super().find_class(module, name)

    Reader(io.BytesIO(pickle.dumps(thing))).load()
    return packages


def test_a_model_is_loaded_once_and_what_is_made_of_it_comes_back(desk):
    news = []
    loaded = done(desk.start(LOAD)).result
    assert loaded.parameters > 1000
    assert "random/tiny-bert" in loaded.text
    call = Call("export_onnx", (torch_variant(loaded.origin),))
    task = done(desk.start(call, lambda kind, value: news.append((kind, value))))
    assert task.result.path.is_relative_to(Workspace().root)
    assert task.result.source is None
    assert [kind for kind, _ in news][-1] == "done"
    assert any(kind == "log" for kind, _ in news)
    assert task.seconds > 0
    assert not {"torch", "transformers"} & packages_of(task.result), "The kernel would have to import them."


def test_progress_comes_back(desk):
    news = []
    loaded = done(desk.start(LOAD)).result
    call = Call("measure_latency", (torch_variant(loaded.origin),), {"seconds": 0.1, "threads": 1})
    latency = done(desk.start(call, lambda kind, value: news.append((kind, value)))).result
    assert latency.rows[0].median_ms > 0
    assert ("progress", (100, 100)) in news


SAYS = {
    "load_model": (lambda made: (), {"source": "demo/digits"}, r"reading the weights of demo/digits, \d"),
    "optimize_onnx": (lambda made: (made.exported(),), {"level": 0}, "optimizing model.onnx: all fusions"),
    "profile_graph": (lambda made: (made.exported(),), {}, "running model.onnx with the profiler"),
    "compare_layers": (
        lambda made: (made.source().baseline, made.exported()),
        {},
        r"comparing \d+ modules: sample 2 of 8",
    ),
    "compare_scores": (
        lambda made: (made.source().baseline, made.exported()),
        {"example": {"question": "Who?", "context": "Ines."}},
        "asking onnx-fp32",
    ),
}


@pytest.mark.parametrize("verb", SAYS)
def test_each_verb_says_what_it_does(shared, workspace, bench, verb):  # noqa: F811
    subjects, arguments, said = SAYS[verb]
    news = []
    call = Call(verb, subjects(bench), arguments)
    done(shared.start(call, lambda kind, value: news.append(value) if kind == "log" else None))
    assert any(re.search(said, line) for line in news), news


def test_a_model_that_is_there_is_not_loaded_again(shared, bench):  # noqa: F811
    news = []
    call = Call("trace_node", (torch_free(bench.exported()),), {"node": "/qa_outputs/Add", "module": True})
    for _ in range(2):
        news.append([])
        trace = done(shared.start(call, lambda kind, value: news[-1].append(value))).result
        assert trace.difference < 1e-4
    assert not [line for line in news[1] if isinstance(line, str)]


def torch_free(variant: Variant) -> Variant:
    """As it comes from the workspace."""
    return Variant.load(variant.path)


def test_an_error_comes_back_with_its_words(desk):
    task = desk.start(Call("load_model", (), {"source": "demo/nothing"}))
    assert task.wait(60)
    assert (task.state, task.failure.kind) == ("failed", "LoadError")
    assert "demo/nothing" in task.failure.message
    assert "Traceback" in task.failure.traceback
    done(desk.start(LOAD))  # the desk goes on


def test_one_thing_at_a_time(desk):
    first = desk.start(LOAD)
    with pytest.raises(RuntimeError, match="load_model is still running"):
        desk.start(LOAD)
    done(first)


def test_a_cancelled_call_is_over_soon_and_leaves_nothing(desk, workspace):
    loaded = done(desk.start(LOAD)).result
    working = threading.Event()
    call = Call("export_onnx", (torch_variant(loaded.origin),))
    task = desk.start(call, lambda kind, value: working.set())
    assert working.wait(60)
    task.cancel()
    task.cancel()  # twice is no harm
    assert task.wait(30)
    assert task.state == "cancelled"
    assert [path for path in workspace.rglob("*") if path.is_file() and not path.name.endswith(".lock")] == []
    assert Workspace().folders() == []
    done(desk.start(call))


def test_a_process_that_is_killed_is_a_failure_with_advice(desk):
    news = threading.Event()
    loaded = done(desk.start(LOAD)).result
    task = desk.start(Call("export_onnx", (torch_variant(loaded.origin),)), lambda *_: news.set())
    assert news.wait(60)
    os.kill(desk._process.pid, signal.SIGKILL)
    assert task.wait(60)
    assert task.state == "failed"
    assert "The process that did the work: killed while at work" in task.failure.message
    done(desk.start(LOAD))  # another one takes its place


def test_it_ends_with_its_owner():
    desk = Desk()
    desk.warm()
    process = psutil.Process(desk._process.pid)
    desk.close()
    wait_for(lambda: not process.is_running())


def test_what_killed_makers_left_is_swept_and_what_others_make_stays(workspace):
    from workbench.models.workspace import lock_folder, new_folder

    left = workspace / "model" / ".making-onnx-fp32-123-0123abcd"
    left.mkdir(parents=True)
    target = workspace / "model" / "onnx-int8-456"
    with lock_folder(target), new_folder(target) as work:
        Workspace().sweep()
        assert work.is_dir()
    assert not left.exists()
