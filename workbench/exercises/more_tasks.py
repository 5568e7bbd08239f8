"""The exercises of the notebook 09_more_tasks."""

from __future__ import annotations

from typing import Any

from workbench.exercises.exercise import Exercise, UnfitAnswerError, judge_number

# Scores of two texts each.
PLAIN = ((2.0, 0.0, 1.0), (0.5, 0.5, -3.0))
LARGE = ((1000.0, 999.0, 0.0), (-1000.0, -1001.0, -1000.5))


def judge_softmax(softmax: Any) -> str | None:
    """Tries a function that makes probabilities of scores, on plain and on very large ones."""
    if not callable(softmax):
        raise UnfitAnswerError
    import numpy as np

    for scores in (np.array(PLAIN), np.array(LARGE)):
        right = np.exp(scores - scores.max(axis=1, keepdims=True))
        right /= right.sum(axis=1, keepdims=True)
        with np.errstate(all="ignore"):
            result = softmax(scores.copy())
        if result is None:
            return "Your function gives None. It has to return the probabilities."
        found = np.asarray(result, dtype=float)
        if found.shape != right.shape:
            return f"Scores of shape {right.shape} have as many probabilities; yours have the shape {found.shape}."
        if np.allclose(found, right, atol=1e-6):
            continue
        return _explain(found, scores)
    return None


def _explain(found: Any, scores: Any) -> str:
    import numpy as np

    if not np.isfinite(found).all():
        return (
            "Of large scores yours makes NaN or infinity: exp() of 1000 is more than a float holds. Subtract the "
            "row's largest score first; that changes no probability."
        )
    if np.allclose(found.sum(), 1):
        return "Yours add up to 1 over both texts together. Each text has probabilities of its own."
    if np.allclose(found.sum(axis=0), 1):
        return "Yours add up to 1 down the columns, which is over the texts. The labels of a text are a row."
    if np.allclose(found, 1 / (1 + np.exp(-np.clip(scores, -700, 700)))):
        return "That is the sigmoid: each label for itself. Here one label excludes the others, and a row sums to 1."
    if not np.allclose(found.sum(axis=1), 1):
        return "Each row has to add up to 1: divide by the row's own sum."
    return (
        "The rows add up to 1, and yet the shares are others. They go by exp(score), not by the score itself."
    )


EXERCISES = (
    Exercise(
        name="09-a",
        title="Probabilities",
        expects="a function of scores (a row for each text), which gives as many probabilities",
        judge=judge_softmax,
        why=(
            "Softmax makes scores comparable within a text. It makes them probabilities by name; whether the model is "
            "right as often as they say is for a measurement to tell."
        ),
        solution="""
import numpy as np

from workbench import exercises


def softmax(scores):
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


exercises.check("09-a", softmax)
""",
    ),
    Exercise(
        name="09-b",
        title="What the past spares",
        expects="a number of tokens",
        judge=judge_number(
            103,
            {
                406: "That is without past key values, where each step reads the whole text again.",
                104: "The last token is made, but nothing comes after it: it need not be read.",
                4: "Those are the new ones. The prompt has to be read as well, once.",
                100: "That is the prompt, read by the first step. What do the other three steps read?",
            },
            otherwise="The first step reads the prompt. Each further step reads the one token that is new.",
        ),
        why=(
            "Without past key values it is 100 + 101 + 102 + 103, and grows with the square of the length. With them "
            "a step costs about the same wherever it stands, paid for in memory."
        ),
        solution="""
from workbench import exercises

prompt, new = 100, 4
answer = prompt + (new - 1)
exercises.check("09-b", answer)
""",
    ),
)
