"""Outputs: equal is equal, what differs is found, put in proportion and said in the task's terms."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.compare.disturbing import disturb, rewrite
from tests.variants import Bench, bench, one_thread  # noqa: F401
from workbench.compare.decisions import (
    LABEL,
    SPAN,
    TOKEN,
    Agreement,
)
from workbench.compare.masks import token_mask
from workbench.compare.output_rows import OutputDiff, OutputRow
from workbench.compare.outputs import compare_outputs
from workbench.models.samples import resize_feed, save_feeds
from workbench.runners import onnxruntime as runtime
from workbench.runners import torch as pytorch

KINDS = {"bert": SPAN, "vit": LABEL, "gpt2": TOKEN}


@pytest.fixture(autouse=True)
def _one_thread(one_thread):  # noqa: F811
    """Applies to every test of this file."""


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_the_same_model_agrees(bench, name, kind):  # noqa: F811
    source = bench.source(name)
    same = compare_outputs(source, source, samples=source.samples[:3])
    assert same.agrees
    assert {row.max_abs for row in same.rows} == {0.0}
    assert "equal to the last bit" in same.verdict
    exported = compare_outputs(source, bench.exported(name), samples=source.samples[:3])
    assert exported.agrees
    assert exported.agreements[0].kind == kind
    assert exported.agreements[0].value == 1.0
    assert all(0 < row.max_abs < 1e-3 for row in exported.rows)
    assert all(row.bf16_max_abs > 20 * row.max_abs for row in exported.rows), "bf16 is coarser than an export"
    assert exported.verdict.startswith("The same: all ")
    assert "what bf16 makes" in exported.verdict
    assert "median margin" in exported.verdict


def test_figures_are_those_of_the_formulas(bench):  # noqa: F811
    source = bench.source("vit")
    samples = source.samples[:2]
    diff = compare_outputs(source, bench.small("vit"), samples=samples)
    with (
        pytorch.TorchRunner(source.baseline, threads=1, device="cpu") as left,
        runtime.OnnxRunner(bench.small("vit"), threads=1, device="cpu") as right,
    ):
        a, b = (np.concatenate([runner.run(feed)["logits"] for feed in samples]) for runner in (left, right))
    (row,) = diff.rows
    a, b = a.astype(np.float64), b.astype(np.float64)
    gap = b - a
    assert row.values == a.size
    assert row.max_abs == pytest.approx(np.abs(gap).max())
    assert row.mean_abs == pytest.approx(np.abs(gap).mean())
    assert row.relative == pytest.approx(np.linalg.norm(gap) / np.linalg.norm(a))
    assert row.cosine == pytest.approx((a.ravel() @ b.ravel()) / (np.linalg.norm(a) * np.linalg.norm(b)))
    assert row.snr_db == pytest.approx(10 * np.log10((a**2).mean() / (gap**2).mean()))
    p, q = (np.exp(side) / np.exp(side).sum(1, keepdims=True) for side in (a, b))
    assert row.kl == pytest.approx((p * np.log(p / q)).sum(1).mean(), rel=1e-6)
    assert row.worst_sample == int(np.abs(gap).max(axis=1).argmax())
    assert row.max_abs <= row.atol <= 2.5 * row.max_abs
    ordered = np.sort(a, axis=1)
    assert diff.margins == pytest.approx(sorted(ordered[:, -1] - ordered[:, -2]))


def test_another_model_does_not_agree(bench):  # noqa: F811
    source = bench.source()
    other = disturb(source, "bert.encoder.layer.1.output.dense", 1.0)
    diff = compare_outputs(source, other)
    assert not diff.agrees
    assert diff.verdict.startswith("Not the same: ")
    assert "spans differ" in diff.verdict
    assert " times what bf16 makes" in diff.verdict
    assert 0 < diff.agreements[0].differing <= len(source.samples)


def test_equal_answers_alone_are_not_agreement(bench, tmp_path):  # noqa: F811
    """Twice the logits choose the same labels, and are not the same logits."""
    source = bench.source("vit")

    def double(graph) -> None:
        for node in graph.node:
            node.output[:] = ["half" if name == "logits" else name for name in node.output]
        from onnx import helper

        graph.node.append(helper.make_node("Add", ["half", "half"], ["logits"], name="double"))

    loud = rewrite(bench.exported("vit"), tmp_path / "loud", double)
    diff = compare_outputs(source, loud)
    assert diff.agreements[0].value == 1.0
    assert diff.rows[0].relative == pytest.approx(1.0, abs=1e-4)
    assert not diff.agrees


def test_padding_is_left_out(bench):  # noqa: F811
    source = bench.source()
    feed = resize_feed(source.samples[0], batch=2, length=20)
    mask = feed["attention_mask"].copy()
    mask[1, 13:] = 0
    padded = compare_outputs(source, bench.exported(), samples=[{**feed, "attention_mask": mask}])
    assert {row.values for row in padded.rows} == {20 + 13}
    whole = compare_outputs(source, bench.exported(), samples=[feed])
    assert {row.values for row in whole.rows} == {40}
    assert token_mask({"attention_mask": mask}, (2, 20, 3)).sum() == 33
    assert token_mask({"attention_mask": mask}, (2, 21)) is None
    assert token_mask(feed, (2, 20)) is None


def test_top_5_is_said_where_there_are_more_to_choose_from(bench):  # noqa: F811
    diff = compare_outputs(
        bench.source("gpt2"), bench.exported("gpt2"), samples=bench.source("gpt2").samples[:2]
    )
    assert [item.kind for item in diff.agreements] == [TOKEN, "same top-5"]
    assert diff.agreements[0].count == sum(
        feed["input_ids"].size for feed in bench.source("gpt2").samples[:2]
    )
    vit = compare_outputs(bench.source("vit"), bench.source("vit"), samples=bench.source("vit").samples[:1])
    assert [item.kind for item in vit.agreements] == [LABEL]


def test_encoder_decoders_and_paths(bench, tmp_path):  # noqa: F811
    source = bench.source("t5")
    path = tmp_path / "feeds.npz"
    save_feeds(source.samples[:2], path)
    diff = compare_outputs(source, bench.exported("t5").path, samples=path)
    assert diff.agrees
    assert diff.samples == 2
    assert diff.rows[0].output == "logits"


def test_the_yardstick_is_the_reference_own_model(bench, tmp_path):  # noqa: F811
    alone = dataclasses.replace(bench.exported("vit"), source=None)
    loaded = compare_outputs(alone, bench.small("vit"), samples=bench.source("vit").samples[:1])
    assert loaded.rows[0].bf16_max_abs > 0, "a random model can be made again"
    changed = dataclasses.replace(alone, origin=dataclasses.replace(alone.origin, fingerprint="another"))
    refused = compare_outputs(changed, changed, samples=bench.source("vit").samples[:1])
    assert refused.yardstick is None
    assert "not the model any more" in refused.yardstick_note
    far = dataclasses.replace(alone, origin=dataclasses.replace(alone.origin, source="someone/model"))
    assert (
        "not in memory" in compare_outputs(far, far, samples=bench.source("vit").samples[:1]).yardstick_note
    )
    source = bench.source("vit")
    half = compare_outputs(source, source.as_variant("bf16"), samples=source.samples[:1])
    assert "bf16 itself" in half.yardstick_note
    assert half.rows[0].max_abs == pytest.approx(loaded.rows[0].bf16_max_abs, rel=0.2)


def make_diff(heads: tuple[str, ...], gaps: dict[str, float], margins: tuple[float, ...]) -> OutputDiff:
    """A diff of a task that agrees in everything, with the given largest differences, a tenth of them relative."""
    rows = tuple(
        OutputRow(name, 10, gap, gap / 2, gap / 10, 1.0, 40.0, None, None, 0, None)
        for name, gap in gaps.items()
    )
    kind = SPAN if len(heads) > 1 else LABEL
    agreements = (Agreement(kind, 1.0, len(margins)),)
    return OutputDiff("a", "b", "any", 1, rows, heads, agreements, margins, None, "no model", (), (), ())


def test_margins_are_set_beside_what_decides():
    clip = make_diff(("logits_per_image",), {"logits_per_image": 0.01, "text_embeds": 0.5}, (0.1, 1.0, 1.0))
    assert "the largest difference is 0.5 in 'text_embeds' (0.05 of its size)" in clip.verdict
    assert "that in 'logits_per_image' 1/100 of the median margin" in clip.verdict
    assert "0 of 3 are within the largest difference of 'logits_per_image'" in str(clip)
    # A span's score is the sum of two logits, each of which may be off.
    spans = make_diff(
        ("start_logits", "end_logits"), {"start_logits": 0.2, "end_logits": 0.3}, (0.4, 1.0, 2.0)
    )
    assert "start and end together 0.5 of the median margin" in spans.verdict
    assert "1 of 3 are within the largest differences of start and end" in str(spans)
    label = make_diff(("logits",), {"logits": 0.5}, (0.1, 1.0, 1.0))
    assert "(0.05 of its size): 0.5 of the median margin" in label.verdict


def test_outputs_of_clip_beside_its_logits(bench):  # noqa: F811
    samples = bench.source("clip").samples[:2]
    diff = compare_outputs(bench.exported("clip"), bench.optimized("clip"), samples=samples)
    assert diff.heads == ("logits_per_image",)
    assert {"text_embeds", "image_embeds"} <= {row.output for row in diff.rows}
    assert diff.head_gap == diff.rows[0].max_abs
    assert diff.rows[0].output == "logits_per_image"


def test_printing(bench):  # noqa: F811
    diff = compare_outputs(bench.source(), bench.small(), samples=bench.source().samples[:2])
    assert isinstance(diff, OutputDiff)
    text, page = str(diff), diff._repr_html_()
    for part in ("start_logits", "end_logits", SPAN, "would pass with atol", "weights are random"):
        assert part in text
        assert part in page
    data = diff.to_dict()
    assert data["agrees"] == diff.agrees
    assert data["rows"][0]["max_abs"] == diff.rows[0].max_abs
    assert diff.verdict.endswith(".")
