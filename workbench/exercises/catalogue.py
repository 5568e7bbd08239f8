"""All exercises, in the order of the notebooks."""

from __future__ import annotations

import difflib
import functools
import importlib

from workbench.exercises.exercise import Exercise

# One module per notebook, of the same name; each has EXERCISES.
_NOTEBOOKS = (
    "start_here",
    "pytorch_first",
    "export_to_onnx",
    "onnx_runtime",
    "look_inside",
    "graph_optimization",
    "quantization",
    "compare",
    "race",
    "more_tasks",
)


@functools.cache
def list_exercises() -> dict[str, Exercise]:
    """The exercises by name.

    Example:
        >>> list_exercises()["01-a"].title
        'Batches without waste'
    """
    modules = (importlib.import_module(f"workbench.exercises.{name}") for name in _NOTEBOOKS)
    return {exercise.name: exercise for module in modules for exercise in module.EXERCISES}


def find_exercise(name: str) -> Exercise:
    """The exercise of a name, in upper or lower case.

    Raises:
        ValueError: There is none; the message lists near names.
    """
    known = list_exercises()
    given = str(name).strip().lower()
    if given in known:
        return known[given]
    near = difflib.get_close_matches(given, known, n=len(known), cutoff=0.5)
    near = sorted(near, key=lambda one: not one.endswith(given))[:3]  # "0-a" means 00-a, not 09-a
    advice = f"Near: {', '.join(near)}." if near else f"There are: {', '.join(known)}."
    raise ValueError(f"There is no exercise {name!r}. {advice}")
