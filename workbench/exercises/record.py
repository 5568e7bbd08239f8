"""What was tried and solved so far: a small file in the workspace, so that it outlives the kernel."""

from __future__ import annotations

import dataclasses
import json
import os
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from workbench.models.workspace import Workspace

FILE = "exercises.json"


@dataclasses.dataclass(frozen=True)
class Mark:
    """How many answers were given to an exercise, and whether one of them was right."""

    tries: int = 0
    solved: bool = False


def read_marks() -> dict[str, Mark]:
    """The marks by exercise; a file that is not there or that nobody can read counts as none."""
    try:
        content = json.loads(_place().read_text(encoding="utf-8"))
        return {str(name): Mark(int(mark["tries"]), bool(mark["solved"])) for name, mark in content.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def add_answer(name: str, right: bool) -> Mark:
    """Writes down that an answer was given; what is solved stays solved."""

    def add(marks: dict[str, Mark]) -> None:
        before = marks.get(name, Mark())
        marks[name] = Mark(before.tries + 1, before.solved or right)

    return _change(add)[name]


def forget(name: str | None) -> None:
    """Forgets what was tried of one exercise, or of all."""

    def drop(marks: dict[str, Mark]) -> None:
        for known in list(marks) if name is None else [name]:
            marks.pop(known, None)

    _change(drop)


def _place() -> Path:
    return Workspace().root / FILE


def _change(edit: Callable[[dict[str, Mark]], Any]) -> Mapping[str, Mark]:
    """Reads, edits and writes under a lock: two notebooks may be open. The file is replaced whole or not at all."""
    place = _place()
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_name(f".{FILE}.lock")):
        marks = read_marks()
        edit(marks)
        text = json.dumps({name: dataclasses.asdict(mark) for name, mark in sorted(marks.items())}, indent=1)
        draft = place.with_name(f".{FILE}-{uuid.uuid4().hex[:8]}")
        try:
            draft.write_text(text + "\n", encoding="utf-8")
            os.replace(draft, place)
        finally:
            draft.unlink(missing_ok=True)
    return marks
