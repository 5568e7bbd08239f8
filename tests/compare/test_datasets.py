"""Labelled data from everywhere, and what bad data get told."""

from __future__ import annotations

import csv
import json
import sys
import types

import numpy as np
import pytest

import workbench as wb
from tests.variants import bench  # noqa: F401
from workbench.compare.datasets import read_data
from workbench.compare.fingerprint import hash_records
from workbench.compare.predict import find_golds
from workbench.compare.quality import evaluate_quality
from workbench.models.demo_data import demo_records
from workbench.models.samples import draw_image


@pytest.fixture(scope="module")
def demo():
    return wb.load_model("demo/qa")


GOOD = {"question": "Who?", "context": "Ida.", "answers": ["Ida"]}


@pytest.mark.parametrize(
    ("dataset", "error", "words"),
    [
        ([], ValueError, "a list of records is empty"),
        (
            [{"question": "Who?", "answers": []}],
            ValueError,
            "'context'.*It has: 'question', 'answers'. Expected",
        ),
        ([GOOD, {**GOOD, "context": 3}], ValueError, "Record 1 .*'context' is no text. It holds 3"),
        ([{**GOOD, "answers": {"start": [0]}}], ValueError, "has no 'text', only 'start'"),
        (["Who?"], TypeError, "Record 0 .* is of type str"),
        ({"question": ["Who?"]}, TypeError, "give a list of dicts"),
        (7, TypeError, "got int"),
        ("missing.csv", FileNotFoundError, "no file missing.csv"),
        ("demo/qq", ValueError, "no demo data named 'demo/qq'. There are: demo/qa"),
    ],
)
def test_bad_data_are_named(demo, dataset, error, words):
    with pytest.raises(error, match=f"(?s){words}"):
        evaluate_quality(demo, dataset)


@pytest.mark.parametrize("limit", [0, -1, True, 2.5])
def test_a_limit_is_a_whole_number(demo, limit):
    with pytest.raises(ValueError, match="limit is"):
        evaluate_quality(demo, limit=limit)


def test_a_model_without_data_says_what_it_wants(bench):  # noqa: F811
    with pytest.raises(ValueError, match=r"No labelled data come with .*'text' .*'label'"):
        evaluate_quality(bench.source("bert", "text-classification"))


def test_labels_that_the_model_does_not_know(bench):  # noqa: F811
    source = bench.source("bert", "text-classification")
    with pytest.raises(
        ValueError, match=r"'LABEL_9' in a list of records is not one of the model's labels.*'LABEL_0'"
    ):
        evaluate_quality(source, [{"text": "Fine.", "label": "LABEL_9"}])
    tagger = bench.source("bert", "token-classification")
    with pytest.raises(ValueError, match="2 words and 1 tags"):
        evaluate_quality(tagger, [{"tokens": ["a", "b"], "tags": [0]}])


class FakeDataset:
    """As `datasets.Dataset` looks from outside."""

    def __init__(self, rows, names=()):
        self.rows, self.split = rows, "test"
        self.column_names = list(rows[0])
        self.features = {"label": types.SimpleNamespace(names=list(names))}
        self.info = types.SimpleNamespace(dataset_name="reviews")

    def __iter__(self):
        return iter(self.rows)


def test_a_dataset_counts_its_labels_in_its_own_order(bench):  # noqa: F811
    variant = bench.source("bert", "text-classification").baseline
    data = FakeDataset([{"sentence": "Fine.", "label": 0}], ["LABEL_1", "LABEL_0"])
    read = read_data(data, variant)
    assert read.name == "reviews, test"
    assert find_golds("text-classification", read, "accuracy", {0: "LABEL_0", 1: "LABEL_1"}) == [1]
    both = {"train": FakeDataset([{"sentence": "x", "label": 1}]), "test": data}
    assert read_data(both, variant).records == [{"text": "Fine.", "label": 0}]


def test_files_give_the_same_records(demo, tmp_path):
    rows = demo_records("demo/qa", limit=9)
    lines, table = tmp_path / "rows.jsonl", tmp_path / "rows.csv"
    lines.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["question", "context", "answers"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows({**row, "answers": json.dumps(row["answers"])} for row in rows)
    expected = read_data("demo/qa", demo.baseline, limit=5)
    for path in (lines, str(table)):
        data = read_data(path, demo.baseline, limit=5)
        assert data.records == expected.records
        assert data.fingerprint == expected.fingerprint
    lines.write_text("{}\n{\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"Line 2 of rows.jsonl is no JSON"):
        read_data(lines, demo.baseline)
    table.write_text("question,context\nWho?\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"Line 2 of rows.csv"):
        read_data(table, demo.baseline)


def test_what_is_not_installed_says_how_to_get_it(demo, tmp_path, monkeypatch):
    for name in ("pyarrow", "pyarrow.parquet", "datasets"):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    with pytest.raises(ImportError, match="pip install pyarrow"):
        read_data(tmp_path / "rows.parquet", demo.baseline)
    with pytest.raises(ImportError, match=r"pip install datasets.*demo/qa"):
        read_data("owner/name", demo.baseline)


def test_the_hub_and_its_splits(demo, monkeypatch):
    asked = []

    def load_dataset(name, split=None):
        asked.append((name, split))
        if name == "owner/gone":
            raise ConnectionError("no network\nmore")
        found = FakeDataset([GOOD])
        return found if split else {"train": found, "validation": found}

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    assert read_data("owner/name", demo.baseline).records == [GOOD]
    assert read_data("owner/name:train", demo.baseline).name == "owner/name:train"
    assert asked == [("owner/name", None), ("owner/name", "train")]
    with pytest.raises(ValueError, match=r"'owner/gone' cannot be fetched \(ConnectionError: no network\)"):
        read_data("owner/gone", demo.baseline)


def test_parquet_files_give_the_same_records(demo, tmp_path, monkeypatch):
    """With pyarrow where it is installed; elsewhere with what it looks like from outside."""
    rows, path = demo_records("demo/qa", limit=9), tmp_path / "rows.parquet"
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        path.write_bytes(b"PAR1")
        parts = [types.SimpleNamespace(to_pylist=lambda part=part: part) for part in (rows[:4], rows[4:])]
        stand_in = types.SimpleNamespace(
            ParquetFile=lambda given: types.SimpleNamespace(
                iter_batches=lambda: parts if given == path else []
            )
        )
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", stand_in)
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=4)
    expected = read_data(rows, demo.baseline, limit=7)
    data = read_data(path, demo.baseline, limit=7)
    assert data.records == expected.records
    assert data.fingerprint == expected.fingerprint
    assert data.name == "rows.parquet"


def test_records_are_known_by_their_content(bench):  # noqa: F811
    source = bench.source("vit", "image-classification")

    def print_of(seed: int, size: int = 96) -> str:
        return read_data([{"image": draw_image(seed, size), "label": 0}], source.baseline).fingerprint

    assert print_of(1) == print_of(1)
    assert len({print_of(1), print_of(2), print_of(1, 95)}) == 3
    base = np.zeros(5000, np.float32)
    other = base.copy()
    other[2500] = 1  # where numpy prints three dots
    records = [
        base,
        other,
        base.astype(np.float64),
        base.reshape(2, -1),
        base.tolist(),
        np.array(["a"], object),
    ]
    assert len({hash_records([{"audio": value}]) for value in records}) == len(records)
    assert hash_records([{"a": np.array(["x", None], object)}]) == hash_records(
        [{"a": np.array(["x", None], object)}]
    )
    assert hash_records([{"a": ["b", "c"]}]) != hash_records([{"a": ["bc"]}])
    assert hash_records([{"a": "1"}]) != hash_records([{"a": 1}]) != hash_records([{"a": True}])
    assert hash_records([{"a": 1, "b": 2}]) == hash_records([{"b": 2, "a": 1}])


def test_images_are_paired_with_the_baselines(bench):  # noqa: F811
    source = bench.source("vit", "image-classification")
    first = evaluate_quality(source, [{"image": draw_image(1), "label": 0}], threads=1)
    again = evaluate_quality(source, [{"image": draw_image(1), "label": 0}], threads=1, baseline=first)
    assert again.difference.value == 0


def test_a_generator_serves_the_baseline_too(demo, bench):  # noqa: F811
    taken = []

    def stream():
        for row in demo_records("demo/qa", limit=12):
            taken.append(row)
            yield row

    quality = evaluate_quality(demo, stream(), limit=4, threads=1, baseline=bench.source())
    assert quality.n == 4
    assert quality.difference.baseline == "torch-fp32"
    assert len(taken) == 4  # what comes after is the caller's


def test_a_limit_also_shortens_what_was_read(demo):
    data = read_data("demo/qa", demo.baseline, limit=6)
    assert read_data(data, demo.baseline) is data
    short = read_data(data, demo.baseline, limit=2)
    assert short.records == data.records[:2]
    assert short.fingerprint == read_data("demo/qa", demo.baseline, limit=2).fingerprint


@pytest.mark.parametrize("suffix", ["list", "jsonl", "csv", "dataset"])
def test_whether_all_have_answers_is_judged_on_all(demo, tmp_path, suffix):
    rows = [GOOD, GOOD, {**GOOD, "answers": []}]
    path = tmp_path / f"rows.{suffix}"
    given = {"list": rows, "dataset": FakeDataset(rows)}.get(suffix, path)
    if suffix == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    elif suffix == "csv":
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(GOOD))
            writer.writeheader()
            writer.writerows({**row, "answers": json.dumps(row["answers"])} for row in rows)
    data = read_data(given, demo.baseline, limit=2)
    assert len(data.records) == 2
    assert not data.always_answered
    assert read_data(rows[:2], demo.baseline).always_answered
