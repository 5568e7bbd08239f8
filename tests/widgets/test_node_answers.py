"""What a node's panel asks, and what is answered: the same as the plain functions say, wherever it is worked out."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.graph.hostile import write_hostile_model
from tests.variants import Bench
from tests.widgets.lab import wait_until
from workbench import widgets
from workbench.background import Call, Desk
from workbench.graph.stats import summarize_array
from workbench.graph.trace import trace_node
from workbench.graph.weights import read_weight
from workbench.widgets import node_answers

NODE = "/bert/encoder/layer.1/attention/self/Softmax"
SERIALS = itertools.count(1)
PATIENCE = 120


@pytest.fixture
def not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is run in this process."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("it ran in the kernel")

    monkeypatch.setattr(node_answers, "trace_in", refuse)


def send(view: widgets.GraphView, **content: Any) -> str:
    """A message from the browser; its serial."""
    serial = f"page {next(SERIALS)}"
    view._on_message(view.panel, {**content, "serial": serial}, [])
    return serial


def ask(view: widgets.GraphView, **content: Any) -> Mapping[str, Any]:
    """What the panel shows after a message from the browser."""
    serial = send(view, **content)
    wait_until(lambda: not view.panel.busy, seconds=PATIENCE, what="an answer")
    assert view.panel._answer["serial"] == serial
    return view.panel._answer


def test_parameter_in_the_panel_is_what_the_function_says(bench: Bench) -> None:
    variant, name = bench.exported(), "bert.embeddings.word_embeddings.weight"
    view = widgets.GraphView(variant)
    expected = summarize_array(read_weight(variant.onnx_files[0], name), name=name)
    assert ask(view, ask="parameter", name=name)["stats"] == expected.to_dict()


def test_outputs_in_the_panel_are_what_the_function_says(bench: Bench, desk: Desk) -> None:
    view = widgets.GraphView(bench.exported(), desk=desk)
    answer = ask(view, ask="trace", name=NODE, sample=2)
    expected = trace_node(bench.exported(), NODE, sample=2).to_dict()
    assert {name: answer[name] for name in expected} == expected
    assert view.answers.task is None, "a light model on its own sample: nobody waits for a process"


TYPED = {"question": "Who knows?", "context": "Nobody knows."}
HEAVY = {
    "PyTorch's module": ({"sample": 2, "module": True}, {"sample": 2, "module": True}),
    "typed in": ({"example": TYPED}, {"example": TYPED}),
}


@pytest.mark.parametrize("case", HEAVY)
def test_what_is_heavy_is_the_desks(bench: Bench, desk: Desk, not_here: None, case: str) -> None:
    asked, given = HEAVY[case]
    view = widgets.GraphView(bench.exported(), desk=desk)
    answer = ask(view, ask="trace", name=NODE, **asked)
    expected = trace_node(bench.exported(), NODE, **given).to_dict()
    assert {name: answer.get(name, answer) for name in expected} == expected


def test_a_large_model_is_the_desks(
    bench: Bench, desk: Desk, not_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = bench.exported("t5")
    monkeypatch.setattr(node_answers, "LIGHT", variant.size_bytes - 1)
    view = widgets.GraphView(variant, desk=desk)
    view.pane.file_picker.value = name = variant.onnx_files[1].name
    node = view.pane.index.names()[-1]
    answer = ask(view, ask="trace", name=node)
    expected = trace_node(variant, node, file=name).to_dict()
    assert {name: answer.get(name, answer) for name in expected} == expected


def test_the_desk_does_one_thing_at_a_time_and_what_is_light_goes_on(bench: Bench, desk: Desk) -> None:
    view = widgets.GraphView(bench.exported(), desk=desk)
    task = stop_desk(desk, Call("load_model", (), {"source": "random/tiny-bert"}))
    assert "load_model is still running" in ask(view, ask="trace", name=NODE, module=True)["message"]
    assert ask(view, ask="trace", name=NODE)["kind"] == "trace"
    os.kill(desk._process.pid, signal.SIGCONT)
    assert task.wait(PATIENCE)
    assert ask(view, ask="trace", name=NODE, module=True)["kind"] == "trace"


def test_figures_come_while_the_desk_runs_the_model(bench: Bench, desk: Desk) -> None:
    view = widgets.GraphView(bench.exported(), desk=desk)
    stop_desk(desk)
    answers: list[Mapping[str, Any]] = []
    view.panel.observe(lambda change: answers.append(change["new"]), "_answer")
    traced = send(view, ask="trace", name=NODE, module=True)
    wait_until(lambda: view.answers.layout.display is None, what="a way to stop it")
    read = send(view, ask="parameter", name="qa_outputs.bias")
    wait_until(lambda: answers, what="the parameter")
    assert view.panel.busy
    os.kill(desk._process.pid, signal.SIGCONT)
    wait_until(lambda: not view.panel.busy, seconds=PATIENCE, what="the trace")
    assert [(each["serial"], each["kind"]) for each in answers] == [(read, "parameter"), (traced, "trace")]
    assert view.answers.layout.display == "none"


def test_it_can_be_cancelled(bench: Bench, desk: Desk) -> None:
    view = widgets.GraphView(bench.exported(), desk=desk)
    stop_desk(desk)
    serial = send(view, ask="trace", name=NODE, module=True)
    wait_until(lambda: view.answers.layout.display is None, what="a way to stop it")
    wait_until(lambda: view.answers.task.sent, what="the call on its way")
    view.answers.stop_button.click()
    wait_until(lambda: not view.panel.busy, seconds=PATIENCE, what="the end")
    assert view.panel._answer == {"kind": "error", "serial": serial, "message": "Cancelled."}
    assert ask(view, ask="trace", name=NODE, module=True)["kind"] == "trace"


def stop_desk(desk: Desk, call: Call | None = None) -> Any:
    """Brings its process to a halt, once it is there; `call` is begun then."""
    warm = desk.start(Call("load_model", (), {"source": "random/tiny-bert"}))
    assert warm.wait(PATIENCE)
    os.kill(desk._process.pid, signal.SIGSTOP)
    return None if call is None else desk.start(call)


def test_a_plain_file_has_nothing_to_run_on(tmp_path: Path) -> None:
    write_hostile_model(tmp_path / "hostile.onnx")
    view = widgets.GraphView(tmp_path / "hostile.onnx")
    assert "comes without samples" in ask(view, ask="trace", name=view.pane.index.names()[0])["message"]


def test_what_goes_wrong_is_shown(bench: Bench) -> None:
    view = widgets.GraphView(bench.exported())
    assert ask(view, ask="parameter", name="nobody") == {
        "kind": "error",
        "serial": view.panel._answer["serial"],
        "message": "model.onnx has no weight 'nobody'.",
    }
    assert ask(view, ask="trace", name=NODE, example={})["message"] == "Type a text first."
    assert "has no node 'nobody'" in ask(view, ask="trace", name="nobody")["message"]


def test_what_goes_wrong_elsewhere_is_shown_in_its_words(bench: Bench, desk: Desk) -> None:
    view = widgets.GraphView(bench.exported(), desk=desk)
    assert ask(view, ask="trace", name="nobody", module=True)["message"] == "model.onnx has no node 'nobody'."


def test_while_one_request_is_answered_the_last_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    view = widgets.GraphView(bench.exported("t5"))
    running, go_on, answers, files = threading.Event(), threading.Event(), [], []

    def trace(graph: Any, _: Any, node: str, **__: Any) -> Any:
        running.set()
        assert go_on.wait(30)
        files.append(graph.name)
        raise RuntimeError(node)

    monkeypatch.setattr(node_answers, "trace_in", trace)
    view.panel.observe(lambda change: answers.append(change["new"]), "_answer")
    for serial in range(3):
        view._on_message(view.panel, {"ask": "trace", "name": f"n{serial}", "serial": serial}, [])
        assert running.wait(30)
    names = list(view.pane.file_picker.options)
    view.pane.show_file(names[1])
    go_on.set()
    wait_until(lambda: not view.panel.busy, what="the answers")
    assert [(answer["serial"], answer["kind"]) for answer in answers] == [
        (1, "error"),
        (0, "error"),
        (2, "error"),
    ]
    assert [answer["message"] for answer in answers[1:]] == ["n0", "n2"]
    assert files == [names[0]] * 2
