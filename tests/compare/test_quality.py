"""Quality of real, small models: against transformers' pipelines and PyTorch itself."""

from __future__ import annotations

import json

import numpy as np
import pytest

import workbench as wb
from tests.variants import bench, one_thread  # noqa: F401
from workbench.compare.answers import answer_questions, make_features
from workbench.compare.engine import open_engine, pad_feeds, show_progress
from workbench.compare.predict_texts import encode_texts
from workbench.compare.quality import evaluate_quality
from workbench.models.demo_data import demo_records
from workbench.models.samples import SENTENCES, draw_image, make_sound


@pytest.fixture(autouse=True)
def _one_thread(one_thread):  # noqa: F811
    """Applies to every test of this file."""


@pytest.fixture(scope="module")
def demo():
    return wb.load_model("demo/qa")


@pytest.fixture(scope="module")
def records():
    return demo_records("demo/qa", limit=200)


def test_answers_are_those_of_the_pipeline(demo, records):
    ask = wb.make_pipeline(demo)
    expected = [
        ask(question=row["question"], context=row["context"], handle_impossible_answer=True)["answer"]
        for row in records
    ]
    with open_engine(demo.baseline, threads=1) as engine:
        answers = answer_questions(engine, records)
    assert sum(a == b for a, b in zip(answers, expected, strict=True)) >= 198
    assert "" in answers
    assert len(set(answers)) > 50


def test_the_demo_is_as_good_as_its_card_says(demo):
    quality = evaluate_quality(demo, limit=300, threads=1)
    assert quality.metric == "squad_v2"
    assert quality.low < quality.value < quality.high
    # The card: 92.9 over all 2,400.
    assert quality.low - 3 < 92.9 < quality.high + 3
    assert set(quality.details) == {"exact match", "F1 with an answer", "F1 without one"}
    assert quality.dataset == "demo/qa, validation"


def test_a_long_text_goes_through_in_pieces(demo, records):
    rows = [row for row in records if row["answers"]["text"]][:20]
    filler = "Little else is known. " * 150
    long_rows = [{**row, "context": filler + row["context"]} for row in rows]
    with open_engine(demo.baseline, threads=1) as engine:
        features = make_features(engine, long_rows)
        assert len(features) >= 3 * len(rows)
        assert max(feature.feed["input_ids"].shape[1] for feature in features) == 384
        answers = answer_questions(engine, long_rows, may_be_none=False)
    for row, answer in zip(long_rows, answers, strict=True):
        assert answer in row["context"]
    # The answer stands at the very end: without the last piece nothing of this could be right.
    right = sum(answer in row["answers"]["text"] for row, answer in zip(rows, answers, strict=True))
    assert right >= 8


def test_a_question_longer_than_the_model_leaves_room_for_the_text(demo):
    row = {"question": "Who " * 900, "context": "Ida Berg lives here.", "answers": ["Ida Berg"]}
    assert evaluate_quality(demo, [row], metric="squad", threads=1).n == 1


def test_without_unanswerable_questions_none_is_no_answer(demo):
    rows = [row for row in demo_records("demo/qa", limit=60) if row["answers"]["text"]]
    quality = evaluate_quality(demo, rows, threads=1)
    assert quality.metric == "squad"
    assert quality.dataset == "a list of records"
    # Here every answer is some text, so it beats or equals what may also stay silent.
    assert quality.value >= evaluate_quality(demo, rows, metric="squad_v2", threads=1).value - 1e-9


@pytest.mark.parametrize("name", ["bert", "roberta", "gpt2"])
def test_batches_change_nothing(bench, name):  # noqa: F811
    rows = [{"text": text, "label": index % 2} for index, text in enumerate(SENTENCES)]
    source = bench.source(name, "text-classification")
    with open_engine(source.baseline, threads=1) as engine:
        feeds = encode_texts(engine, [row["text"] for row in rows])
        alone = {place: out["logits"] for place, out in engine.run([feeds[3]], cut=False)}[0]
        if name != "gpt2":
            together = dict(engine.run(feeds, cut=False))
            assert sorted(together) == list(range(len(feeds)))
            np.testing.assert_allclose(together[3]["logits"], alone, atol=1e-5)
    one = evaluate_quality(source, rows, batch_size=1, threads=1)
    many = evaluate_quality(source, rows, batch_size=7, threads=1)
    assert one.scores.tolist() == many.scores.tolist()


def test_padding_uses_the_models_own_id():
    feeds = [{"input_ids": np.array([[5, 6]]), "attention_mask": np.array([[1, 1]])}]
    feeds += [{"input_ids": np.array([[7]]), "attention_mask": np.array([[1]])}]
    padded = pad_feeds(feeds, padding=9)
    assert padded["input_ids"].tolist() == [[5, 6], [7, 9]]
    assert padded["attention_mask"].tolist() == [[1, 1], [1, 0]]


def test_perplexity_is_pytorchs_own_loss(bench):  # noqa: F811
    import torch

    source = bench.source("gpt2", "text-generation")
    rows = [{"text": text} for text in SENTENCES[:6]]
    total, count = 0.0, 0
    for row in rows:
        ids = torch.tensor([source.processor(row["text"])["input_ids"]])
        with torch.no_grad():
            loss = source.model(ids, labels=ids).loss
        total, count = total + float(loss) * (ids.shape[1] - 1), count + ids.shape[1] - 1
    quality = evaluate_quality(source, rows, threads=1)
    assert quality.value == pytest.approx(np.exp(total / count), rel=1e-4)
    assert not quality.higher_is_better
    onnx = evaluate_quality(bench.exported("gpt2", "text-generation"), rows, threads=1, baseline=quality)
    assert onnx.value == pytest.approx(quality.value, rel=1e-3)


TEXTS = [{"text": text} for text in SENTENCES[:5]]
OTHERS = {
    ("bert", "fill-mask"): TEXTS,
    ("t5", "text2text-generation"): [{"text": "Say it.", "target": ["It.", "it"]}],
    ("bert", "token-classification"): [
        {"tokens": ["Ida", "is", "unbelievably", "late"], "tags": [0, 1, 1, "LABEL_0"]}
    ],
    ("vit", "image-classification"): [{"image": draw_image(seed), "label": 1} for seed in range(3)],
    ("clip", "zero-shot-image-classification"): [
        {"image": draw_image(1), "candidate_labels": ["a circle", "a square"], "label": "a square"}
    ],
    ("wav2vec2", "automatic-speech-recognition"): [{"audio": make_sound(1, 0.5), "text": "a tone"}],
    ("whisper", "automatic-speech-recognition"): [
        {"audio": {"array": make_sound(1, 0.5), "sampling_rate": 16000}, "text": "a tone"}
    ],
    ("bert", "feature-extraction"): [
        {"sentence1": SENTENCES[i], "sentence2": SENTENCES[i + 1], "score": i} for i in range(4)
    ],
}


@pytest.mark.parametrize(("name", "task"), OTHERS)
def test_every_task_has_its_figure(bench, name, task):  # noqa: F811
    rows = OTHERS[name, task]
    source = bench.source(name, task)
    quality = evaluate_quality(source, rows, threads=1)
    assert quality.n == len(rows)
    assert np.isfinite(quality.value)
    assert quality.random
    assert "mean" in str(quality)


def test_a_variant_stands_on_its_own_folder(bench):  # noqa: F811
    folder = bench.exported("bert").path
    quality = evaluate_quality(folder, demo_records("demo/qa", limit=6), threads=1)
    assert quality.variant == "onnx-fp32"
    assert quality.random


def test_the_same_model_twice_differs_by_nothing(demo):
    first = evaluate_quality(demo, limit=90, threads=1)
    again = evaluate_quality(demo, limit=90, threads=1, baseline=first)
    assert again.difference.value == 0
    assert not again.difference.significant
    assert again.difference.kept == 100
    assert "not decided" in str(again)


def test_a_damaged_model_is_significantly_worse(demo):
    import copy
    import dataclasses

    import torch

    broken = copy.deepcopy(demo.model)
    with torch.no_grad():
        broken.bert.encoder.layer[2].output.dense.weight.mul_(-1)
    damaged = dataclasses.replace(demo, model=broken)
    quality = evaluate_quality(damaged, limit=90, threads=1, baseline=demo)
    assert quality.difference.significant
    assert quality.difference.high < 0
    assert quality.difference.kept < 95
    assert "more than noise" in quality._repr_html_()


def test_figures_on_other_examples_are_not_paired(demo):
    first = evaluate_quality(demo, limit=6, threads=1)
    with pytest.raises(ValueError, match="cannot be paired"):
        evaluate_quality(demo, limit=7, threads=1, baseline=first)


def test_plain_data(demo):
    quality = evaluate_quality(demo, limit=6, threads=1, baseline=demo)
    plain = json.loads(json.dumps(quality.to_dict()))
    assert plain["difference"]["baseline"] == "torch-fp32"
    assert plain["value"] == quality.value
    assert "scores" not in plain


def test_progress_is_reported_and_can_be_drawn(demo, capsys):
    seen = []
    evaluate_quality(demo, limit=40, threads=1, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (40, 40)
    assert len(seen) == 3
    assert capsys.readouterr() == ("", "")

    class Terminal:
        text = ""

        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> None:
            self.text += text

        def flush(self) -> None:
            """A real one has it."""

    terminal = Terminal()
    report = show_progress("mine", terminal)
    report(1, 2)
    report(2, 2)
    assert terminal.text == f"\rmine: [{'#' * 12}{'.' * 12}] 1 of 2\rmine: [{'#' * 24}] 2 of 2\n"
