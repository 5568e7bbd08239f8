"""How a panel's call begins and ends, where clicks, results and other panels cross."""

from __future__ import annotations

import threading

import pytest

from tests.variants import bench  # noqa: F401
from tests.widgets.clicks import finish
from tests.widgets.held_desk import HeldDesk
from workbench import widgets
from workbench.compare.scores import ScorePair, ScoreRow
from workbench.models.origin import Origin
from workbench.models.variant import torch_variant
from workbench.widgets.score_view import draw_scores

WORDS = ScorePair("a", "b", "Ines lives in Oslo.", "m", (ScoreRow("Ines PER", 0.9, 0.8),), True)


@pytest.fixture
def held() -> HeldDesk:
    return HeldDesk()


def test_what_is_cancelled_while_it_begins_is_cancelled(bench, held, workspace):  # noqa: F811
    panel = widgets.ExportPanel(bench.source(), desk=held)
    panel.run()
    held.end(bench.exported())
    held.gate.clear()
    begun = threading.Event()
    panel.observe(lambda _: begun.set(), "busy")
    click = threading.Thread(target=panel.run, daemon=True)
    click.start()
    assert begun.wait(30)
    cancel = threading.Thread(target=panel.run_bar.cancel_button.click, daemon=True)
    cancel.start()
    cancel.join(0.3)
    held.gate.set()
    cancel.join(30)
    assert panel.task.wait(30)
    assert panel.task.state == "cancelled"
    assert panel.after_cancel in panel.run_bar.message.value
    assert not panel.run_bar.button.disabled


def test_a_result_is_drawn_before_another_model_comes_in(held, workspace):
    """Rows of words have no answer; the model that was loaded meanwhile has."""
    table = widgets.Workbench(torch_variant(Origin("random/tiny-bert", "token-classification")), desk=held)
    panel = table.panels["try"]
    panel.run_bar.button.click()
    table.variant = torch_variant(Origin("demo/qa", "question-answering"))
    assert panel.controls["reference"].value.task == "token-classification"
    held.end(WORDS)
    assert panel.result == WORDS
    assert (
        draw_scores(WORDS, names=("torch-fp32", "torch-fp32"), answers=False)
        in panel.output.children[0].value
    )
    assert panel.controls["reference"].value.task == "question-answering"


def test_a_result_is_about_what_was_asked_whatever_is_chosen_by_then(held, workspace):
    panel = widgets.TryPanel(torch_variant(Origin("random/tiny-bert", "token-classification")), desk=held)
    panel.run()
    panel.variants = torch_variant(Origin("demo/qa", "question-answering"))
    held.end(WORDS)
    assert (
        draw_scores(WORDS, names=("torch-fp32", "torch-fp32"), answers=False)
        in panel.output.children[0].value
    )


def test_a_result_stands_before_the_panel_is_free(bench, held, workspace):  # noqa: F811
    panel = widgets.ExportPanel(bench.source(), desk=held)
    results = []
    panel.observe(lambda change: change["new"] or results.append(panel.result), "busy")
    panel.run()
    held.end(bench.exported())
    assert results == [bench.exported()]


def test_a_panel_draws_its_own_call_and_not_the_last_of_the_desk(bench, desk, workspace):  # noqa: F811
    panel = widgets.QuantizePanel(bench.exported(), desk=desk)
    made = finish(panel)
    drawn = panel.output.children[0].value
    finish(widgets.OptimizePanel(bench.exported("gpt2"), desk=desk))
    assert panel.show(made)[0].value == drawn
