"""Outputs: equal is equal, what differs is found, put in proportion and said in the task's terms."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from tests.compare.disturbing import disturb, fill_weight, rewrite
from tests.variants import Bench, bench, one_thread  # noqa: F401
from workbench.compare.decisions import LABEL, NEIGHBOUR, RANKS, SPAN, TOKEN, Tally, decide, rank_correlation
from workbench.compare.output_rows import OutputDiff
from workbench.compare.outputs import compare_outputs
from workbench.compare.similarity import Similarity, kl_divergences, round_up, token_mask
from workbench.models.samples import resize_feed, save_feeds
from workbench.models.tasks import find_task
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


def test_nan_and_inf_are_found_and_named(bench, tmp_path):  # noqa: F811
    for value, kind in ((math.nan, "NaN"), (math.inf, "Inf")):
        broken = rewrite(
            bench.exported("vit"),
            tmp_path / kind,
            lambda graph, value=value: fill_weight(graph, "classifier.bias", value),
        )
        diff = compare_outputs(bench.source("vit"), broken, samples=bench.source("vit").samples[:2])
        assert not diff.agrees
        assert [(item.side, item.output, item.sample, item.kind) for item in diff.not_finite] == [
            ("candidate", "logits", 0, kind),
            ("candidate", "logits", 1, kind),
        ]
        assert f"the candidate's 'logits' holds 2 {kind} values for sample 0" in diff.verdict
        assert compare_outputs(broken, bench.exported("vit")).not_finite[0].side == "reference"


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


def test_padding_decides_no_span():
    task = find_task("question-answering")
    feed = {"attention_mask": np.array([[1, 1, 1, 0]])}
    start, end = np.array([[0.0, 3.0, 1.0, 50.0]]), np.array([[2.0, 0.5, 1.0, 50.0]])
    (found,) = decide(task, {"start_logits": start, "end_logits": end}, feed)
    assert found.picks.tolist() == [
        1 * 3 + 2
    ]  # from the second token to the third: an end before its start is none
    assert found.margins == pytest.approx([4.0 - 3.5])


def test_ties_are_no_disagreement():
    task = find_task("text-classification")

    def tally(left, right):
        counts = Tally(task)
        counts.add({"logits": np.array([left])}, {"logits": np.array([right])}, {})
        return counts.results()[0]

    tie = tally([5.0, 5.00001, 0.0], [5.00001, 5.0, 0.0])
    assert (tie.differing, tie.ties, tie.holds) == (1, 1, True)
    flip = tally([5.0, 5.1, 0.0], [5.1, 5.0, 0.0])
    assert (flip.differing, flip.ties, flip.holds) == (1, 0, False)
    assert tally([1.0, 2.0, 0.0], [1.0, 2.5, 0.0]).value == 1.0


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


def test_a_single_number_is_no_decision():
    assert list(decide(find_task("text-classification"), {"logits": np.array([[0.3]])}, {})) == []


def test_embeddings_are_compared_by_their_order():
    task = find_task("feature-extraction")
    rng = np.random.default_rng(0)
    states = [rng.normal(size=(1, 4, 8)) for _ in range(6)]

    def results(change):
        tally = Tally(task)
        for state in states:
            tally.add({"last_hidden_state": state}, {"last_hidden_state": change(state)}, {})
        return {item.kind: item for item in tally.results()}

    same = results(lambda state: 3 * state)
    assert same[RANKS].value == pytest.approx(1.0)
    assert same[RANKS].count == 15
    assert same[NEIGHBOUR].value == 1.0
    other = results(lambda state: rng.normal(size=state.shape))
    assert other[RANKS].value < 0.9
    assert not other[RANKS].holds
    assert rank_correlation(np.array([1.0, 2, 2, 3]), np.array([4.0, 3, 3, 1])) == pytest.approx(-1.0)


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


def test_nothing_to_compare_is_an_error(bench):  # noqa: F811
    source = bench.source()
    with pytest.raises(ValueError, match="samples is empty"):
        compare_outputs(source, bench.exported(), samples=[])
    bare = dataclasses.replace(source, samples=[])
    with pytest.raises(ValueError, match="no sample inputs"):
        compare_outputs(bare, bare)
    with pytest.raises(ValueError, match="no output in common"):
        compare_outputs(source, bench.exported("vit"))
    with pytest.raises(ValueError, match=r"has the shape .* Compare variants of one model"):
        compare_outputs(bench.source("gpt2"), bench.exported("t5"), samples=fit_both(bench))
    with pytest.raises(ValueError, match="needs the input"):
        compare_outputs(bench.exported(), bench.exported(), samples=[{"pixels": np.zeros((1, 3))}])
    with pytest.raises(TypeError, match="Expected a Variant"):
        compare_outputs(source, 3)


def fit_both(bench: Bench):  # noqa: F811
    """A feed for a model that reads and for one that reads and writes."""
    return [{**bench.source("t5").samples[0], **bench.source("gpt2").samples[0]}]


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


def test_streaming_statistics():
    rng = np.random.default_rng(1)
    left, right = rng.normal(size=(2, 4000)).astype(np.float32)
    whole, pieces = Similarity(), Similarity()
    whole.add(left, right)
    for start in range(0, 4000, 700):
        pieces.add(left[start : start + 700], right[start : start + 700])
    for name in ("values", "max_abs", "mean_abs", "relative", "cosine", "snr_db"):
        assert getattr(pieces, name) == pytest.approx(getattr(whole, name))
    empty = Similarity()
    assert (empty.relative, empty.cosine, empty.snr_db) == (0.0, 1.0, math.inf)
    silent = Similarity()
    silent.add(np.zeros(3), np.ones(3))
    assert silent.relative == math.inf
    mixed = Similarity()
    mixed.add(np.array([-math.inf, 1.0, 2.0, math.nan]), np.array([-math.inf, 1.0, math.inf, 3.0]))
    assert mixed.not_finite == {"reference": 1, "candidate": 1}
    assert mixed.values == 1
    large = Similarity()
    large.add(np.full(4, 1e30, np.float32), np.full(4, 1.1e30, np.float32))
    assert large.relative == pytest.approx(0.1, rel=1e-5)
    with pytest.raises(ValueError, match="shapes differ"):
        Similarity().add(np.zeros(2), np.zeros(3))
    assert round_up(0.0) == 0.0
    assert [round_up(value) for value in (0.001, 0.0021, 0.0051, 7)] == [0.001, 0.005, 0.01, 10.0]
    assert kl_divergences(np.array([[0.0, math.inf]]), np.zeros((1, 2)), None) == []
