"""What goes wrong around a desk: calls that hear nothing, listeners that fail, processes that do not read."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.background.stubborn import HALF_MADE, Deaf, Unreadable
from tests.compare.processes import wait_for
from tests.variants import nothing_half_made
from workbench.background import Call, Desk, Task
from workbench.background import desk as desk_module
from workbench.models.workspace import Workspace

LOAD = Call("load_model", (), {"source": "random/tiny-bert"})
PATIENCE = 120


@pytest.fixture(scope="module")
def shared() -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


@pytest.fixture
def desk(shared: Desk, workspace: Path) -> Desk:
    """One for all tests, with a workspace of its own for each: it has to be usable after all that is done to it."""
    return shared


def done(task: Task) -> Task:
    assert task.wait(PATIENCE)
    assert task.state == "done", task.failure
    return task


def start_deaf(desk: Desk) -> Task:
    """A call that is at work, hears no interrupt, and has something half-made."""
    working = threading.Event()

    def hear(kind: str, value: Any) -> None:
        if value == "deaf from now on":
            working.set()

    task = desk.start(Call("load_model", (), {"source": Deaf("deaf")}), hear)
    assert working.wait(PATIENCE)
    assert not nothing_half_made(task.root)
    return task


def test_a_call_that_hears_no_interrupt_ends_with_its_process(desk, workspace):
    task = start_deaf(desk)
    before = desk._process.pid
    task.cancel()
    assert task.wait(PATIENCE)
    assert (task.state, task.failure, task.result) == ("cancelled", None, None)
    assert nothing_half_made(workspace)
    assert not psutil.pid_exists(before)
    done(desk.start(LOAD))


def test_a_desk_that_is_closed_at_work_leaves_nothing(workspace):
    with Desk() as desk:
        task = start_deaf(desk)
    assert task.state == "cancelled"
    assert nothing_half_made(workspace)


def test_the_workspace_of_the_call_is_swept_wherever_the_notebook_is_by_then(tmp_path, monkeypatch):
    monkeypatch.delenv("WORKBENCH_HOME", raising=False)
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with Desk() as desk:
        task = start_deaf(desk)
        monkeypatch.chdir(tmp_path / "there")
        task.cancel()
        assert task.wait(PATIENCE)
    assert (tmp_path / "here" / "artifacts").is_dir()
    assert nothing_half_made(tmp_path / "here" / "artifacts")


def test_what_a_kernel_that_was_killed_has_left_goes_with_the_next_call(desk):
    target = Workspace().root / HALF_MADE
    left = target.with_name(f".making-{target.name}-0123abcd")
    left.mkdir(parents=True)
    done(desk.start(LOAD))
    assert not left.exists()


@pytest.mark.parametrize("error", [ValueError, OSError, EOFError, AttributeError])
def test_a_listener_that_fails_does_not_stop_the_work(desk, error, caplog):
    heard = []

    def fail(kind: str, value: Any) -> None:
        heard.append(kind)
        raise error("in an observer of a widget")

    done(desk.start(LOAD, fail))
    assert heard[-1] == "done"
    assert "in an observer of a widget" in caplog.text
    done(desk.start(LOAD))


def test_an_answer_that_cannot_be_read_is_a_failure(desk):
    task = desk.start(Call("load_model", (), {"source": Unreadable("random/tiny-bert")}))
    assert task.wait(PATIENCE)
    assert (task.state, task.failure.kind) == ("failed", "ImportError")
    assert "of another version" in task.failure.message
    done(desk.start(LOAD))


def test_a_call_that_cannot_be_sent_is_a_failure(desk):
    task = desk.start(Call("load_model", (), {"source": lambda: "of this notebook alone"}))
    assert task.wait(PATIENCE)
    assert task.state == "failed"
    assert "lambda" in task.failure.message
    done(desk.start(LOAD))


def test_nobody_waits_for_a_process_that_does_not_read(desk):
    desk.warm()
    os.kill(desk._process.pid, signal.SIGSTOP)
    started: list[Task] = []
    large = Call("load_model", (), {"source": "x" * 4_000_000})
    click = threading.Thread(target=lambda: started.append(desk.start(large)), daemon=True)
    click.start()
    click.join(PATIENCE)
    assert not click.is_alive()
    (task,) = started
    wait_for(lambda: task.sent)  # as far as the pipe takes it
    task.cancel()
    assert task.wait(PATIENCE)
    assert task.state == "cancelled"
    done(desk.start(LOAD))


def test_a_cancel_that_comes_too_late_ends_nothing(desk, monkeypatch):
    """While the listener still shows what came out, the process is idle, or does what is next."""
    monkeypatch.setattr(desk_module, "GRACE", 0)
    done(desk.start(LOAD))
    process = desk._process

    def hear(kind: str, value: Any) -> None:
        if kind == "done":
            desk._end_unless_over(tasks[0], process)

    known, tasks = threading.Event(), []
    tasks.append(desk.start(LOAD, lambda *news: known.wait(PATIENCE) and hear(*news)))
    known.set()
    done(tasks[0])
    done(desk.start(LOAD))
    assert desk._process is process
