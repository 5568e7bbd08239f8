"""The sentiment demo's data: the same every time, with held-out wordings, and no matter of counting words."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from workbench.demo import sentiment_dataset
from workbench.demo.sentiment.generate import LABELS, iter_examples
from workbench.demo.sentiment.topics import ANYWHERE, TOPICS
from workbench.demo.sentiment.wordings import CONTRAST, DIRECT, NEGATED, OPEN, VOICES, Wordings
from workbench.demo.sentiment.words import BAD, GOOD

ROOT = Path(__file__).parents[2]
Records = list[dict[str, str]]


@pytest.fixture(scope="module")
def validation() -> Records:
    return sentiment_dataset("validation")


@pytest.fixture(scope="module")
def train() -> Records:
    return sentiment_dataset("train", limit=9_000)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def test_same_records_in_another_process():
    # Another process has another hash seed, which must not matter.
    code = "from workbench.demo import sentiment_dataset; print(sentiment_dataset(limit=40))"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == str(sentiment_dataset(limit=40))


def test_limit_takes_the_first_records(validation: Records):
    assert sentiment_dataset("validation", limit=7) == validation[:7]
    assert sentiment_dataset("validation", limit=10**6) == validation
    assert len(validation) == 1_500


def test_another_seed_gives_other_texts(validation: Records):
    assert next(iter_examples("validation", seed=1))["text"] != validation[0]["text"]


def test_ids_and_texts_come_once(validation: Records, train: Records):
    assert len({r["id"] for r in validation + train}) == len(validation + train)
    assert len({r["text"] for r in validation}) == len(validation)


def test_labels_are_equally_frequent(validation: Records):
    assert Counter(r["label"] for r in validation) == dict.fromkeys(LABELS, 500)


def test_every_kind_with_an_opinion_has_both(validation: Records):
    for kind in ("plain", "negated", "contrast", "voices"):
        labels = Counter(r["label"] for r in validation if r["kind"] == kind)
        assert set(labels) == {"negative", "positive"}
        assert min(labels.values()) > 60, (kind, labels)


def test_no_slot_is_left_open_and_sentences_look_like_some(validation: Records, train: Records):
    for text in (r["text"] for r in validation + train):
        assert not re.search(r"[{}]|  |\.\.|\?\.", text), text
        assert text[0].isupper(), text
        assert text[-1] in ".!?", text
        assert not re.search(r"[.!?] [a-z]", text), text


@pytest.mark.parametrize("wordings", [DIRECT, NEGATED, CONTRAST, VOICES, OPEN])
def test_no_wording_is_shared_by_the_splits(wordings: Wordings):
    assert not set(wordings.train) & set(wordings.held_out)
    for templates in (wordings.train, wordings.held_out):
        assert len(set(templates)) == len(templates) >= 8


def test_the_turning_words_of_validation_are_known_from_training():
    for wordings in (DIRECT, NEGATED, CONTRAST, VOICES, OPEN):
        known = {w for t in (*DIRECT.train, *NEGATED.train, *wordings.train) for w in _words(t)}
        new = {w for t in wordings.held_out for w in _words(t)} - known
        assert new <= {"of", "us", "can", "find"}, new  # these turn nothing round


def test_no_fact_is_shared_and_none_says_anything_for_or_against():
    judging = {w for words in (GOOD, BAD) for w in (*words.adjectives, *words.past, *words.base)}
    for topic in (*TOPICS, ANYWHERE):
        assert not set(topic.facts) & set(topic.held_out)
        for fact in (*topic.facts, *topic.held_out):
            assert not judging & set(_words(fact)), fact


def test_praise_and_blame_share_no_word():
    for sort in ("adjectives", "past", "base", "nouns"):
        good, bad = getattr(GOOD, sort), getattr(BAD, sort)
        assert not set(good) & set(bad)
        assert len(set(good)) == len(good)
        assert len(set(bad)) == len(bad)


def test_counting_words_does_not_do(validation: Records, train: Records):
    # Naive Bayes on single words, which is all that a bag of words holds.
    counts: dict[str, Counter[str]] = {label: Counter() for label in LABELS}
    for record in train:
        counts[record["label"]].update(_words(record["text"]))
    totals = {label: sum(counter.values()) for label, counter in counts.items()}

    def guess(text: str) -> str:
        scores = {
            label: sum(math.log((counts[label][word] + 0.1) / totals[label]) for word in _words(text))
            for label in LABELS
        }
        return max(LABELS, key=scores.__getitem__)

    right = sum(guess(r["text"]) == r["label"] for r in validation) / len(validation)
    assert 0.4 < right < 0.8, right


def test_bad_arguments_say_what_to_do():
    with pytest.raises(ValueError, match="train, validation"):
        sentiment_dataset("test")
    for limit in (0, -3, 2.5, True, "10"):
        with pytest.raises(ValueError, match="at least 1"):
            sentiment_dataset(limit=limit)  # type: ignore[arg-type]


def test_data_needs_neither_torch_nor_transformers():
    code = (
        "import sys; from workbench.demo import sentiment_dataset; sentiment_dataset(limit=3);"
        "print([m for m in ('torch', 'transformers', 'numpy', 'tokenizers', 'PIL') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
