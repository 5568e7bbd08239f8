"""What a task's outputs come down to (a label, a span, tokens, a ranking), and whether two sides decide the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from workbench.compare.masks import find_hop, token_mask
from workbench.models.samples import Feed
from workbench.models.tasks import Task

LONGEST_ANSWER = 15  # tokens; as many as the pipeline allows, so that what is judged is what is shipped
TOP = 5
TIE = 1e-4  # of the largest winning score: a margin below it is decided by rounding
ALIKE = 0.95  # the rank correlation from which on two rankings count as the same
SPAN, LABEL, TOKEN = "same span", "same label", "same token"
RANKS, NEIGHBOUR = "rank correlation", "same nearest neighbour"


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How far two sides agree in the task's own terms.

    Attributes:
        kind: "same span", "same label", "same token", "same top-5", "rank correlation", "same nearest neighbour".
        value: The share of decisions that are the same, or the correlation.
        count: How many decisions there were; for rankings, how many pairs were ranked.
        ties: How many of those that differ were ties, within rounding of being decided otherwise.
        decides: Whether the verdict depends on it.
    """

    kind: str
    value: float
    count: int
    ties: int = 0
    decides: bool = True

    @property
    def differing(self) -> int:
        """How many decisions differ."""
        return 0 if self.kind == RANKS else round((1 - self.value) * self.count)

    @property
    def holds(self) -> bool:
        """Whether the two sides agree in this: no decision differs but for ties; or the rankings are alike."""
        return self.value >= ALIKE if self.kind == RANKS else self.differing <= self.ties


@dataclasses.dataclass(frozen=True)
class Decided:
    """Some decisions of one side.

    Attributes:
        kind: As in `Agreement`.
        picks: What was chosen.
        scores: The score of what was chosen.
        margins: By how much over the second best.
        tops: The best few, where there are more to choose from.
    """

    kind: str
    picks: np.ndarray
    scores: np.ndarray
    margins: np.ndarray
    tops: np.ndarray | None = None


def deciding_outputs(task: Task, names: Iterable[str]) -> tuple[str, ...]:
    """Which of the outputs a task's decisions are read from; none for embeddings.

    Example:
        >>> from workbench.models.tasks import find_task
        >>> deciding_outputs(find_task("zero-shot-image-classification"), ["text_embeds", "logits_per_image"])
        ('logits_per_image',)
        >>> deciding_outputs(find_task("question-answering"), ["start_logits"])
        ()
    """
    given = set(names)
    heads = tuple(name for name in task.outputs if name in given)
    if task.name == "feature-extraction":
        return ()
    if task.name == "question-answering":
        return heads if len(heads) == 2 else ()
    return heads[:1]


def decide(task: Task, outputs: Mapping[str, np.ndarray], feed: Feed) -> Iterator[Decided]:
    """The decisions in the outputs for one feed. None in those of an embedding, or of a single number.

    Example:
        >>> from workbench.models.tasks import find_task
        >>> found = next(decide(find_task("text-classification"), {"logits": np.array([[0.5, 2.0, 1.0]])}, {}))
        >>> found.kind, found.picks.tolist(), found.margins.tolist()
        ('same label', [1], [1.0])
    """
    heads = [outputs[name] for name in deciding_outputs(task, outputs)]
    if len(heads) == 2:
        yield _decide_spans(heads[0], heads[1], feed)
        return
    if not heads or heads[0].shape[-1] < 2:  # a regression, or one label to choose from
        return
    (head,) = heads
    hop = find_hop(feed, head.shape)
    mask = token_mask(feed, head.shape, decoder=task.is_seq2seq, hop=hop) if head.ndim > 2 else None
    rows = (head if mask is None else head[mask]).reshape(-1, head.shape[-1])
    count = min(TOP + 1, rows.shape[1])
    order = np.argsort(
        -np.nan_to_num(rows, nan=-np.inf, posinf=np.inf, neginf=-np.inf), axis=1, kind="stable"
    )[:, :count]
    best = np.take_along_axis(rows, order[:, :2], axis=1)
    tops = np.sort(order[:, :TOP], axis=1) if rows.shape[1] > TOP else None
    with np.errstate(invalid="ignore"):  # Inf less Inf: no margin to speak of
        margins = best[:, 0] - best[:, 1]
    yield Decided(TOKEN if head.ndim > 2 else LABEL, order[:, 0], best[:, 0], margins, tops)


def _decide_spans(starts: np.ndarray, ends: np.ndarray, feed: Feed) -> Decided:
    """The best span of each row: the start and the end, not before it and not too far behind, with the largest sum."""
    picks, scores, margins = [], [], []
    mask = token_mask(feed, starts.shape)
    for row in range(starts.shape[0]):
        keep = slice(None) if mask is None else mask[row]
        start, end = starts[row][keep].astype(np.float64), ends[row][keep].astype(np.float64)
        if not start.size:  # a row of padding alone
            continue
        with np.errstate(invalid="ignore"):
            sums = np.nan_to_num(start[:, None] + end[None, :], nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        allowed = np.triu(np.ones_like(sums, dtype=bool)) & ~np.triu(
            np.ones_like(sums, dtype=bool), LONGEST_ANSWER
        )
        flat = np.where(allowed, sums, -np.inf).reshape(-1)
        first = int(flat.argmax())
        best = flat[first]
        flat[first] = -np.inf
        picks.append(first)
        scores.append(best)
        with np.errstate(invalid="ignore"):
            margins.append(best - flat.max())
    return Decided(SPAN, np.array(picks), np.array(scores), np.array(margins))


class Tally:
    """Counts agreements feed by feed.

    Attributes:
        margins: The reference's margins between best and second-best answer.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.margins: list[float] = []
        self._same: dict[str, list[int]] = {}  # kind -> same, all, ties
        self._vectors: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])

    def add(
        self, reference: Mapping[str, np.ndarray], candidate: Mapping[str, np.ndarray], feed: Feed
    ) -> None:
        """Takes in what both sides gave for one feed. What one of them alone gave decides nothing."""
        shared = [name for name in self.task.outputs if name in reference and name in candidate]
        left_side, right_side = ({name: side[name] for name in shared} for side in (reference, candidate))
        sides = decide(self.task, left_side, feed), decide(self.task, right_side, feed)
        for left, right in zip(*sides, strict=True):
            decided = np.isfinite(left.scores), np.isfinite(right.scores)
            counts = decided[0] | decided[1]  # where both have no number, nothing was decided
            same = (left.picks == right.picks) & decided[0] & decided[1]
            scale = float(np.abs(left.scores[decided[0]]).max(initial=0))
            ties = decided[0] & decided[1] & ~same & (left.margins <= TIE * scale)
            self._count(left.kind, same[counts], int(ties.sum()))
            self.margins += [float(margin) for margin in left.margins if np.isfinite(margin)]
            if left.tops is not None and right.tops is not None:
                self._count(f"same top-{TOP}", (left.tops == right.tops).all(axis=1)[counts], 0)
        if self.task.name == "feature-extraction" and shared:
            for a, b in zip(*(_pool(side[shared[0]], feed) for side in (left_side, right_side)), strict=True):
                if np.isfinite(a).all() or np.isfinite(b).all():
                    self._vectors[0].append(a)
                    self._vectors[1].append(b)

    def _count(self, kind: str, same: np.ndarray, ties: int) -> None:
        counts = self._same.setdefault(kind, [0, 0, 0])
        for index, number in enumerate((int(same.sum()), same.size, ties)):
            counts[index] += number

    def results(self) -> tuple[Agreement, ...]:
        """All agreements."""
        found = [
            Agreement(kind, same / count, count, ties, decides="top" not in kind)
            for kind, (same, count, ties) in self._same.items()
            if count
        ]
        left, right = self._vectors
        if len(left) >= 3:
            found += _compare_rankings(_similarities(left), _similarities(right))
        return tuple(found)


def _compare_rankings(left: np.ndarray, right: np.ndarray) -> Iterator[Agreement]:
    upper = np.triu_indices(len(left), 1)
    yield Agreement(RANKS, rank_correlation(left[upper], right[upper]), len(upper[0]))
    own = np.eye(len(left), dtype=bool)
    nearest = [np.where(own, -np.inf, side).argmax(axis=1) for side in (left, right)]
    yield Agreement(NEIGHBOUR, float((nearest[0] == nearest[1]).mean()), len(left), decides=False)


def rank_correlation(left: np.ndarray, right: np.ndarray) -> float:
    """Spearman's correlation; equal values share their rank.

    1 for what has no order on either side, 0 where only one side has none.

    Example:
        >>> round(rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0])), 3)
        0.5
        >>> rank_correlation(np.array([1.0, 1.0, 1.0]), np.array([2.0, 2.0, 2.0]))
        1.0
    """
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        return 0.0
    a, b = _ranks(left), _ranks(right)
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm else float(not a.any() and not b.any())


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def _pool(states: np.ndarray, feed: Feed) -> list[np.ndarray]:
    """One vector a row: the mean over the real tokens; none for a row of padding alone."""
    mask = token_mask(feed, states.shape, hop=find_hop(feed, states.shape))
    rows = states.astype(np.float64).reshape(states.shape[0], -1, states.shape[-1])
    real = [row if mask is None else row[mask[index]] for index, row in enumerate(rows)]
    return [row.mean(axis=0) for row in real if len(row)]


def _similarities(vectors: Sequence[np.ndarray]) -> np.ndarray:
    stacked = np.stack(vectors)
    unit = stacked / np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-30)
    return unit @ unit.T
