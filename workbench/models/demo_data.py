"""The labelled data that come with the bundled demo models, under the name that `load_model` knows the model by."""

from __future__ import annotations

from typing import Any

PREFIX = "demo/"


def demo_records(name: str, limit: int | None = None) -> list[dict[str, Any]]:
    """The validation records of a demo, the same ones every time.

    Args:
        name: The demo's name, such as "demo/qa".
        limit: How many to give, from the first; all by default.

    Raises:
        ValueError: There is no such demo.

    Example:
        >>> sorted(demo_records("demo/qa", limit=1)[0])
        ['answers', 'context', 'id', 'question', 'title']
    """
    from workbench import demo

    writers = {"qa": demo.qa_dataset}
    short = name.removeprefix(PREFIX)
    if short not in writers:
        raise ValueError(f"There are no demo data named {name!r}. There are: {demo_data_names()}.")
    return writers[short]("validation", limit=limit)


def demo_data_names() -> str:
    """The names that `demo_records` takes, for messages."""
    from workbench import demo

    return ", ".join(f"{PREFIX}{name}" for name in demo.demo_names())
