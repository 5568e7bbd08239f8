"""The demo's data: the same every time, answers that stand where they say, and no name shared by the splits."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from workbench.demo import demo_names, model_folder, qa_dataset
from workbench.demo.qa.generate import WORLD, iter_examples
from workbench.demo.qa.names import MAKERS
from workbench.demo.qa.score import score_answer, score_answers

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def validation() -> list[dict[str, Any]]:
    return qa_dataset("validation")


@pytest.fixture(scope="module")
def train() -> list[dict[str, Any]]:
    return qa_dataset("train")


def _words(records: list[dict[str, Any]]) -> Counter[str]:
    return Counter(w for r in records for w in re.findall(r"[A-Za-z]+", f"{r['context']} {r['question']}"))


def test_same_records_in_another_process():
    # Another process has another hash seed, which must not matter.
    code = "from workbench.demo import qa_dataset; print(qa_dataset(limit=40))"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == str(qa_dataset(limit=40))


def test_limit_takes_the_first_records(validation: list[dict[str, Any]]):
    assert qa_dataset("validation", limit=7) == validation[:7]
    assert qa_dataset("validation", limit=10**6) == validation


def test_another_seed_gives_other_texts(validation: list[dict[str, Any]]):
    assert next(iter_examples("validation", seed=1))["context"] != validation[0]["context"]


def test_is_quick_and_large_enough():
    start = time.perf_counter()
    records = qa_dataset()
    assert len(records) >= 2_000
    assert time.perf_counter() - start < 3  # about 0.1 s; the rest is for a busy machine


@pytest.mark.parametrize("split", ["train", "validation"])
def test_every_answer_stands_at_its_start(split: str, request: pytest.FixtureRequest):
    records = request.getfixturevalue(split)
    for record in records:
        texts, starts = record["answers"]["text"], record["answers"]["answer_start"]
        assert len(texts) == len(starts)
        for text, start in zip(texts, starts, strict=True):
            assert text
            assert start >= 0
            context, end = record["context"], start + len(text)
            assert context[start:end] == text, record
            # The generator cuts answers out of the text, so a wrong offset shows as a word cut in two.
            assert not context[:start][-1:].isalnum(), record
            assert not context[end : end + 1].isalnum(), record


def test_ids_are_unique_and_no_text_is_asked_twice_the_same(validation: list[dict[str, Any]]):
    assert len({r["id"] for r in validation}) == len(validation)
    assert len({(r["context"], r["question"]) for r in validation}) == len(validation)


def test_about_a_third_cannot_be_answered(validation: list[dict[str, Any]]):
    share = sum(not r["answers"]["text"] for r in validation) / len(validation)
    assert 0.3 < share < 0.42


def test_unanswerable_questions_look_answerable(validation: list[dict[str, Any]]):
    # The wording must not give it away: every opening of a question occurs with and without an answer.
    openings: dict[str, set[bool]] = {}
    for record in validation:
        opening = " ".join(record["question"].split()[:2])
        openings.setdefault(opening, set()).add(bool(record["answers"]["text"]))
    common = {
        o for o, n in Counter(" ".join(r["question"].split()[:2]) for r in validation).items() if n >= 25
    }
    assert len(common) > 20
    assert all(len(openings[o]) == 2 for o in common)


def test_no_invented_name_is_shared_by_the_splits(
    train: list[dict[str, Any]], validation: list[dict[str, Any]]
):
    seen, held_out = _words(train), _words(validation)
    # Words of sentences and questions are in both; names are capitalised words that train never has.
    everyday = {w for w, n in seen.items() if n >= 30}
    names = {w for r in validation for w in re.findall(r"[A-Za-z]+", r["title"]) if w not in everyday}
    assert len(names) > 800
    assert not names & set(seen)
    rare = {w for w in held_out if w[0].isupper() and w.lower() not in everyday and w not in everyday}
    assert len(rare) > 3_000
    shared = rare & set(seen)
    assert not shared


def test_no_question_has_a_slot_left_open(train: list[dict[str, Any]]):
    assert not [r for r in train if "{" in r["context"] + r["question"]]


def test_every_relation_can_be_said_and_asked():
    for kind, relations in WORLD.items():
        for key, relation in relations.items():
            assert relation.kind in MAKERS, (kind, key)
            assert all("{s}" in t and "{v}" in t for t in relation.says), (kind, key)
            assert all("{s}" in t and "{v}" not in t and t.endswith("?") for t in relation.asks), (kind, key)
            assert all("{v}" in t and "{s}" not in t and t.endswith("?") for t in relation.reverse), (
                kind,
                key,
            )


def test_bad_arguments_say_what_to_do():
    with pytest.raises(ValueError, match="train, validation"):
        qa_dataset("test")
    for limit in (0, -3, 2.5, True, "10"):
        with pytest.raises(ValueError, match="at least 1"):
            qa_dataset(limit=limit)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="The demos are: qa, sentiment, digits"):
        model_folder("no-such-demo")
    with pytest.raises(ValueError, match="Did you mean 'qa'"):
        model_folder("demo/qa2")
    assert demo_names() == ("qa", "sentiment", "digits")


def test_data_needs_neither_torch_nor_transformers():
    code = (
        "import sys; from workbench.demo import qa_dataset, model_folder; qa_dataset(limit=3); model_folder('qa');"
        "print([m for m in ('torch', 'transformers', 'numpy', 'tokenizers') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("given", "golds", "exact", "f1"),
    [
        ("the Velka River.", ["Velka River"], 1.0, 1.0),
        ("Velka", ["Velka River"], 0.0, 2 / 3),
        ("", [], 1.0, 1.0),
        ("Velka", [], 0.0, 0.0),
        ("", ["Velka"], 0.0, 0.0),
        ("in Tormere", ["Ostby", "Tormere"], 0.0, 2 / 3),
    ],
)
def test_score_of_one_answer(given: str, golds: list[str], exact: float, f1: float):
    assert score_answer(given, golds) == pytest.approx((exact, f1))


def test_scores_of_many_are_split_by_answerability():
    def record(*golds: str) -> dict[str, Any]:
        return {"answers": {"text": list(golds), "answer_start": [0] * len(golds)}}

    scores = score_answers(["a b", "", "x"], [record("b"), record(), record()])
    assert scores["n"] == 3
    assert scores["answerable_f1"] == pytest.approx(100.0)
    assert scores["unanswerable_f1"] == pytest.approx(50.0)
    with pytest.raises(ValueError, match="one answer per record"):
        score_answers([], [])
