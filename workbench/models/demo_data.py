"""What comes with the bundled demos, by the name that `load_model` takes: labelled data and sample inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PREFIX = "demo/"
SAMPLES = 16  # how many examples a demo's source brings
DEMO_TASKS = {
    "demo/qa": "question-answering",
    "demo/sentiment": "text-classification",
    "demo/digits": "image-classification",
}


def demo_records(name: str, limit: int | None = None) -> list[dict[str, Any]]:
    """The validation records of a demo, the same ones every time.

    Args:
        name: The demo's name, such as "demo/qa".
        limit: How many to give, from the first; all by default.

    Raises:
        ValueError: There is no such demo.
        ImportError: The package that its data come with is not installed.

    Example:
        >>> sorted(demo_records("demo/qa", limit=1)[0])
        ['answers', 'context', 'id', 'question', 'title']
    """
    from workbench import demo

    readers: dict[str, Callable[..., list[dict[str, Any]]]] = {
        "qa": demo.qa_dataset,
        "sentiment": demo.sentiment_dataset,
        "digits": demo.digits_dataset,
    }
    short = name.removeprefix(PREFIX)
    if short not in readers:
        raise ValueError(f"There are no demo data named {name!r}. There are: {demo_data_names()}.")
    return readers[short]("validation", limit=limit)


def demo_examples(name: str, task: str) -> list[Any] | None:
    """What a person would give a demo, in the form that its transformers pipeline takes it.

    Args:
        name: What `load_model` was given.
        task: The task that it was loaded for.

    Returns:
        The examples; None where this is no demo, or not the task that it was trained for.

    Example:
        >>> demo_examples("demo/digits", "image-classification")[0].size
        (8, 8)
        >>> demo_examples("demo/qa", "fill-mask")
    """
    from workbench import demo

    if DEMO_TASKS.get(name) != task:
        return None
    if name == "demo/digits":  # drawn here, so that they are there where scikit-learn is not
        return [demo.draw_digit(number % 10, number // 10) for number in range(SAMPLES)]
    rows = demo_records(name, SAMPLES)
    if task == "question-answering":
        return [{"question": row["question"], "context": row["context"]} for row in rows]
    return [row["text"] for row in rows]


def demo_data_names() -> str:
    """The names that `demo_records` takes, for messages."""
    from workbench import demo

    return ", ".join(f"{PREFIX}{name}" for name in demo.demo_names())
