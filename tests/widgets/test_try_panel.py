"""Trying a model by mouse: the fields of each task, the samples, pictures, and both answers side by side."""

from __future__ import annotations

import datetime
import io
from typing import Any

import pytest
from PIL import Image

import workbench as wb
from tests.widgets.clicks import finish, run_code
from workbench import widgets
from workbench.compare.scores import ScorePair, ScoreRow
from workbench.models.origin import Origin
from workbench.models.variant import torch_variant
from workbench.widgets.score_view import draw_scores

PICTURES = "image-classification"


def light(name: str, task: str) -> Any:
    return torch_variant(Origin(name, task))


def labels(pair: ScorePair) -> list[str]:
    return [row.label for row in pair.rows]


def shown(panel) -> list[str]:
    fields = [
        name for name in ("question", "context", "text") if panel.controls[name].layout.display != "none"
    ]
    return fields + (["picture"] if panel.picture_row.layout.display != "none" else [])


def bring(panel, content: bytes, name: str = "a <b>.png") -> None:
    now = datetime.datetime.now(datetime.UTC)
    file = {"name": name, "type": "image/png", "size": len(content), "last_modified": now}
    panel.controls["upload"].value = ({**file, "content": memoryview(content)},)


def pack(picture: Image.Image) -> bytes:
    packed = io.BytesIO()
    picture.save(packed, "PNG")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("task", "name", "fields"),
    [
        ("question-answering", "tiny-bert", ["question", "context"]),
        ("text-classification", "tiny-bert", ["text"]),
        ("fill-mask", "tiny-roberta", ["text"]),
        ("text-generation", "tiny-gpt2", ["text"]),
        (PICTURES, "tiny-vit", ["picture"]),
    ],
)
def test_every_task_has_its_fields_filled_with_a_sample(desk, task, name, fields):
    panel = widgets.TryPanel(light(f"random/{name}", task), desk=desk)
    assert shown(panel) == fields
    assert panel.controls["sample"].value == 0
    assert not panel.run_bar.button.disabled
    for field in fields:
        assert field == "picture" or panel.controls[field].value.strip()
    assert ("<img" in panel.preview.value) == (task == PICTURES)
    for control in panel.controls.values():
        assert control.description


def test_what_is_typed_is_ones_own_and_a_sample_takes_its_place(desk):
    panel = widgets.TryPanel(light("demo/qa", "question-answering"), desk=desk)
    controls = panel.controls
    first = controls["question"].value
    controls["sample"].value = 3
    assert controls["question"].value != first
    controls["context"].value += " And so on."
    assert controls["sample"].value is None
    assert panel.call().arguments["example"]["context"].endswith(" And so on.")
    controls["sample"].value = 0
    assert controls["question"].value == first
    controls["question"].value = "  "
    assert "Type a question first." in panel.run_bar.message.value
    controls["context"].value = ""
    assert "Type a question and a context first." in panel.run_bar.message.value
    assert panel.run_bar.button.disabled


def test_both_answers_stand_side_by_side(bench, desk, workspace):
    source = bench.source()
    panel = widgets.TryPanel([source, bench.small()], desk=desk)
    assert [panel.controls[side].label for side in ("reference", "candidate")] == [
        "torch-fp32",
        bench.small().name,
    ]
    panel.controls["question"].value = "Who lives in <b>Oslo</b>?"
    panel.controls["context"].value = "Ines lives in Oslo."
    pair = finish(panel)
    example = {"question": "Who lives in <b>Oslo</b>?", "context": "Ines lives in Oslo."}
    again = wb.compare_scores(source, bench.small(), example=example)
    assert (labels(pair), pair.agrees) == (labels(again), again.agrees)
    drawn = panel.output.children[0].value
    assert "<b>Oslo</b>" not in drawn
    assert "Who lives in &lt;b&gt;Oslo" in drawn
    for row in pair.rows:
        for value in (row.reference, row.candidate):
            assert value is None or f"{value:.4f}" in drawn
    assert drawn.count(bench.small().name) == 2  # over the answer, and over its column


def test_a_picture_of_the_samples(bench, desk, workspace):
    source = bench.source("vit")
    panel = widgets.TryPanel([source, bench.exported("vit")], desk=desk)
    panel.controls["sample"].value = 2
    assert "example=source.examples[2])" in panel.code.code
    pair = finish(panel)
    typed = run_code(panel, "scores")
    assert (labels(pair), pair.agrees) == (labels(typed), True)
    expected = wb.compare_scores(source, source, example=source.examples[2])
    assert pair.rows[0].reference == pytest.approx(expected.rows[0].reference, abs=1e-5)
    # Where neither side is PyTorch, the code loads the examples by themselves.
    panel.controls["reference"].value = panel.controls["candidate"].value
    assert (
        "examples = wb.load_model('random/tiny-vit', task='image-classification').examples" in panel.code.code
    )
    assert labels(run_code(panel, "scores")) == labels(typed)


def test_a_picture_of_ones_own(bench, desk, workspace):
    panel = widgets.TryPanel(bench.source("vit"), desk=desk)
    bring(panel, pack(Image.new("RGBA", (2000, 900), "red")))
    assert panel.controls["sample"].value is None
    (kept,) = (workspace / "pictures").iterdir()
    assert f"Image.open({str(kept)!r})" in panel.code.code
    pair = finish(panel)
    assert labels(run_code(panel, "scores")) == labels(pair)
    assert "<img" in panel.output.children[0].value
    kept.unlink()
    panel.refresh()
    assert kept.is_file()
    bring(panel, b"nothing to look at")
    assert "'a <b>.png' is no picture that can be read" in panel.run_bar.message.value
    assert panel.run_bar.button.disabled
    panel.controls["sample"].value = 1
    assert not panel.run_bar.button.disabled


def test_a_picture_that_cannot_be_kept_is_said(bench, desk, workspace):
    workspace.write_text("a file is in the way")
    panel = widgets.TryPanel(bench.source("vit"), desk=desk)
    bring(panel, pack(Image.new("RGB", (9, 9))))
    assert "cannot be kept in the workspace" in panel.run_bar.message.value


def test_the_model_itself_is_always_among_the_variants(bench, desk):
    exported = bench.exported()
    panel = widgets.TryPanel(exported, desk=desk)
    assert [variant.name for variant in panel.variants] == ["torch-fp32", exported.name]
    assert panel.controls["reference"].label == "torch-fp32"
    assert panel.controls["candidate"].value == exported


def test_other_variants_leave_the_choice_and_the_text(bench, desk):
    source, exported, small = bench.source(), bench.exported(), bench.small()
    panel = widgets.TryPanel([source, exported, small], desk=desk)
    panel.controls["candidate"].value = exported
    panel.controls["question"].value = "Mine?"
    panel.variants = [source, exported, small, bench.optimized()]
    assert panel.controls["candidate"].value == exported
    assert panel.controls["question"].value == "Mine?"
    panel.controls["reference"].value = exported
    assert panel.controls["question"].value == "Mine?"
    panel.variants = [light("demo/qa", "question-answering")]
    assert panel.controls["question"].value == "Mine?", "another source, the same fields"
    panel.variants = [source]
    assert panel.controls["candidate"].label == "torch-fp32"
    assert finish(panel).agrees
    assert "The same variant on both sides" in panel.output.children[0].value
    panel.variants = ()
    assert panel.hint in panel.run_bar.message.value


def test_variants_of_one_name_are_told_apart(desk):
    origin = Origin("demo/qa", "question-answering")
    other = Origin("random/tiny-bert", "question-answering")
    panel = widgets.TryPanel([torch_variant(origin), torch_variant(other)], desk=desk)
    assert [label for label, _ in panel.controls["reference"].options] == [
        "torch-fp32 of demo/qa",
        "torch-fp32 of random/tiny-bert",
    ]


def test_two_sources_are_compared(desk, workspace):
    origins = [Origin(name, "question-answering") for name in ("demo/qa", "random/tiny-bert")]
    panel = widgets.TryPanel([*map(torch_variant, origins)], desk=desk)
    assert "source_2 = wb.load_model('random/tiny-bert'" in panel.code.code
    assert "candidate = source_2.baseline" in panel.code.code
    assert labels(finish(panel)) == labels(run_code(panel, "scores"))


@pytest.mark.parametrize(
    ("variants", "what"),
    [
        ((), "Load a model first."),
        ([light("random/tiny-bert", "feature-extraction")], "has no scores to show"),
        ([light("random/tiny-wav2vec2", "automatic-speech-recognition")], "has no scores to show"),
        ([light("demo/qa", "question-answering"), light("demo/digits", PICTURES)], "different tasks"),
    ],
)
def test_what_cannot_be_tried_is_said(desk, variants, what):
    panel = widgets.TryPanel(variants, desk=desk)
    assert what in panel.run_bar.message.value
    assert panel.run_bar.button.disabled


def test_an_error_of_the_verb_stands_under_the_panel(desk, workspace):
    panel = widgets.TryPanel(light("random/tiny-bert", "fill-mask"), desk=desk)
    panel.controls["text"].value = "There is nothing to fill."
    panel.run_bar.button.click()
    assert panel.task.wait(120)
    assert "[MASK]" in panel.run_bar.error.value
    assert panel.controls["text"].value == "There is nothing to fill."
    assert not panel.controls["text"].disabled


def test_what_a_load_panel_loaded_can_be_tried(desk, workspace):
    loading = widgets.LoadPanel("demo/digits", desk=desk)
    loading.run_bar.button.click()
    assert loading.task.wait(120)
    panel = widgets.TryPanel(loading.result, desk=desk)
    assert panel.controls["reference"].value == loading.variant
    pair = finish(panel)
    assert pair.rows[0].label == "0"  # its first sample is drawn as a nought
    assert pair.rows[0].difference == 0


def test_scores_are_drawn_whatever_they_are():
    rows = (ScoreRow("<i>", -3.5, None), ScoreRow("b", -4.0, -2.0), ScoreRow("c", None, -9.0))
    pair = ScorePair("torch", "<b>onnx</b>", "Who?", "Scores are sums of two logits", rows, False)
    drawn = draw_scores(pair)
    assert "They do not put the same first." in drawn
    assert "<i>" not in drawn
    assert "&lt;b&gt;onnx&lt;/b&gt;" in drawn
    assert "+2.0000" in drawn
    assert drawn.count("<td style='padding:2px 14px 2px 0;white-space:nowrap'>–") == 2
    assert "margin-left:0.0%;width:100.0%" in drawn  # the lowest of all: the whole width, towards zero
    same = draw_scores(ScorePair("a", "b", "", "m", (ScoreRow("x", 0.0, 0.0),), True))
    assert "margin-left:0.0%;width:0.0%" in same
