"""Reads labelled data from wherever they are: the demos, a list, a `datasets.Dataset`, a file, the Hub."""

from __future__ import annotations

import csv
import dataclasses
import importlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.compare.fingerprint import hash_records
from workbench.compare.forms import Column, Record, describe_form, find_form, find_value, read_records
from workbench.models.demo_data import DEMO_TASKS, PREFIX, demo_data_names, demo_records
from workbench.models.variant import Variant

SPLITS = ("validation", "test", "train")
SUFFIXES = (".jsonl", ".csv", ".parquet")


@dataclasses.dataclass(frozen=True)
class Data:
    """Records in the form of their task.

    Attributes:
        name: Where they come from, for tables.
        records: One dict per example.
        classes: The names of the label numbers, where the data set says them.
        fingerprint: A hash of the records, so that only figures on the same ones are paired.
        always_answered: Whether every question has an answer, as in SQuAD 1.1, so that "there is none" is no option.
            Judged on all that there are, since the first few of SQuAD 2.0 have answers, too.
    """

    name: str
    records: list[Record]
    classes: tuple[str, ...] = ()
    fingerprint: str = ""
    always_answered: bool = False


def read_data(dataset: Any, variant: Variant, *, metric: str | None = None, limit: int | None = None) -> Data:
    """Reads a data set for a variant's task.

    Args:
        dataset: None for the data of the variant's demo; a demo's name, a list of dicts, a `datasets.Dataset`,
            the path of a .jsonl, .csv or .parquet file, or a name on the Hub ("owner/name", "owner/name:split").
        variant: What is to be measured.
        metric: Recall needs other columns than the task's usual metric.
        limit: How many records to take, from the first; all by default.

    Raises:
        ValueError: There is nothing in it, `limit` is no number of records, or a column is missing.
        FileNotFoundError: There is no such file.
        ImportError: A package that reads this kind is missing.

    Example:
        >>> rows = [{"question": "Who?", "context": "Ida.", "answer": "Ida"}]
        >>> read_data(rows, load_model("random/tiny-bert").baseline).records
        [{'question': 'Who?', 'context': 'Ida.', 'answers': ['Ida']}]
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ValueError(f"limit is {limit!r}; give a whole number of at least 1, or None for all.")
    if isinstance(dataset, Data):
        return _shorten(dataset, limit)
    form = find_form(variant.task, metric)
    if dataset is None:
        dataset = _default_name(variant, describe_form(form))
    name, rows = _open(dataset, limit)
    stream = iter(rows)
    taken = list(itertools.islice(stream, limit))
    if not taken:
        raise ValueError(f"{name} is empty. Expected records with: {describe_form(form)}.")
    records = read_records(taken, form, name)
    # What can be read once alone is the caller's: no more of it is taken than was asked for.
    rest: Iterable[Any] = () if isinstance(dataset, Iterator) else stream
    always = not _is_demo(dataset) and all(record.get("answers", True) for record in records)
    always = always and _all_answered(rest, form)
    return Data(name, records, _class_names(dataset, form), hash_records(records), always)


def _shorten(data: Data, limit: int | None) -> Data:
    if limit is None or limit >= len(data.records):
        return data
    records = data.records[:limit]
    return dataclasses.replace(data, records=records, fingerprint=hash_records(records))


def _all_answered(rows: Iterable[Any], form: Iterable[Column]) -> bool:
    """Whether no further question goes without an answer; looked at until the first one that does."""
    column = next((column for column in form if column.name == "answers"), None)
    if column is None:
        return True
    for row in rows:
        try:
            if not column.read(find_value(row, column)):
                return False
        except (KeyError, ValueError):  # such a record is told about when it is among those asked for
            continue
    return True


def _default_name(variant: Variant, expected: str) -> str:
    given = variant.origin.source
    if DEMO_TASKS.get(given) == variant.task:
        return given
    if variant.task == "question-answering" and variant.origin.random:
        return f"{PREFIX}qa"
    raise ValueError(
        f"No labelled data come with {given}. Give dataset=: a list of dicts, a datasets.Dataset, a "
        f"{', '.join(SUFFIXES)} file or a name on the Hub, with these columns: {expected}."
    )


def _open(dataset: Any, limit: int | None) -> tuple[str, Iterable[Any]]:
    if isinstance(dataset, str | Path):
        return _open_named(dataset, limit)
    if isinstance(dataset, Mapping):  # a datasets.DatasetDict has one data set per split
        split = next((name for name in SPLITS if hasattr(dataset.get(name), "column_names")), None)
        if split is None:
            raise TypeError(
                "dataset is a dict; give a list of dicts with one record each, or one split of a DatasetDict."
            )
        dataset = dataset[split]
    if hasattr(dataset, "column_names"):
        title = getattr(getattr(dataset, "info", None), "dataset_name", None) or type(dataset).__name__
        split = getattr(dataset, "split", None)
        return f"{title}, {split}" if split else str(title), dataset
    if not isinstance(dataset, Iterable):
        raise TypeError(
            f"dataset must be a list of dicts, a datasets.Dataset, a path or a name, got {type(dataset).__name__}."
        )
    return "a list of records", dataset


def _open_named(dataset: str | Path, limit: int | None) -> tuple[str, Iterable[Any]]:
    path, text = Path(dataset), str(dataset)
    if _is_demo(dataset):
        return f"{text}, validation", demo_records(text, limit)
    readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
    suffix = path.suffix.lower()
    if suffix in readers:
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {text}.")
        return path.name, readers[suffix](path)
    if path.exists():
        raise ValueError(f"{text} is no {', '.join(SUFFIXES)} file. Save the records as one of these.")
    return text, _read_hub(text)


def _is_demo(dataset: Any) -> bool:
    """Whether it names a demo; few of its records may all have answers, and yet the model was trained to say no."""
    return isinstance(dataset, str) and dataset.startswith(PREFIX) and not Path(dataset).exists()


def _read_jsonl(path: Path) -> Iterable[Any]:
    with path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except ValueError as error:
                raise ValueError(f"Line {number} of {path.name} is no JSON: {error}.") from error


def _read_csv(path: Path) -> Iterable[Any]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), start=2):
            if None in row or None in row.values():
                raise ValueError(f"Line {number} of {path.name} has not as many cells as its first line.")
            yield row


def _read_parquet(path: Path) -> Iterable[Any]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise ImportError(f"Reading {path.name} needs pyarrow: pip install pyarrow") from error
    for batch in parquet.ParquetFile(path).iter_batches():
        yield from batch.to_pylist()


def _read_hub(name: str) -> Iterable[Any]:
    advice = f"Known without a network: {demo_data_names()}, and {', '.join(SUFFIXES)} files."
    try:
        library = importlib.import_module("datasets")
    except ImportError as error:
        raise ImportError(
            f"{name!r} is no file, and fetching it from the Hub needs datasets: pip install datasets. {advice}"
        ) from error
    address, _, split = name.partition(":")
    try:
        if split:
            return library.load_dataset(address, split=split)
        found = library.load_dataset(address)
    except Exception as error:  # the network, the Hub, the data set's own files: all fail in their own ways
        reason = (str(error).splitlines() or [""])[0][:200]
        raise ValueError(
            f"The data set {name!r} cannot be fetched ({type(error).__name__}: {reason}). {advice}"
        ) from error
    chosen = next((found[split] for split in SPLITS if split in found), None)
    if chosen is None:
        raise ValueError(f"{name!r} has the splits {', '.join(found)}. Choose one: dataset='{name}:<split>'.")
    return chosen


def _class_names(dataset: Any, form: Any) -> tuple[str, ...]:
    """The names behind label numbers, as `datasets.ClassLabel` (also in a list) gives them."""
    features = getattr(dataset, "features", None)
    if not isinstance(features, Mapping):
        return ()
    for column in form:
        for key in (column.name, *column.aliases):
            feature = features.get(key)
            names = getattr(getattr(feature, "feature", feature), "names", None)
            if names:
                return tuple(map(str, names))
    return ()
