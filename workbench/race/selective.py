"""`find_selective`: the fewest modules to leave in fp32, when quantizing all of them costs too much quality."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from workbench.models.upkeep import discard_folder
from workbench.models.variant import Variant
from workbench.models.workspace import Workspace
from workbench.race.budget import TimeUpError
from workbench.race.rows import meets_bar
from workbench.race.selective_rows import Judged as Judged
from workbench.race.selective_rows import Point as Point
from workbench.race.selective_rows import Selective as Selective
from workbench.race.sensitivity_rows import Sensitivity

log = logging.getLogger(__name__)

Quantize = Callable[[Variant, tuple[str, ...]], Variant]


def find_selective(
    parent: Variant,
    judge: Callable[[Variant], Judged],
    *,
    sensitivity: Sensitivity,
    keep: float,
    quantize: Quantize | None = None,
    most: int | None = None,
    progress: Callable[[Point], None] | None = None,
    deadline: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Selective:
    """Finds the smallest set of modules to leave in fp32 with which a quantized variant meets the bar.

    The most sensitive modules are left out first: one, two, four … until the bar is met, then by bisection. After
    that it is tried to take each of them back, the least sensitive first, so that none is left in the set that is
    not needed. What drifts most need not cost most quality: only what `judge` says decides.

    Each set that is tried becomes a variant in the workspace. Those of the curve stay there; the others that were not
    there before are removed again, and so are all when the search is broken off.

    Args:
        parent: The fp32 ONNX variant.
        judge: Says how much of the baseline's quality a variant keeps.
        sensitivity: What `measure_sensitivity` found.
        keep: The bar, as a share of the baseline's quality, such as 0.99.
        quantize: Makes a variant of the parent that leaves these modules in fp32; None takes `quantize_dynamic`.
        most: How many modules may be left out; None takes half of them.
        progress: Called with every set that was judged; its variant is there until the search is over.
        deadline: When to stop, as `clock` tells the time; what was found by then is returned.
        clock: What tells the time.

    Returns:
        The variant, the modules, and the curve between.

    Raises:
        ValueError: `keep` or `most` makes no sense, or there is no module to choose from.

    Example:
        >>> from workbench.race.selective_rows import Judged
        >>> from workbench.race.sensitivity import measure_sensitivity
        >>> source = load_model("random/tiny-bert")
        >>> parent = export_onnx(source)
        >>> found = find_selective(
        ...     parent,
        ...     lambda variant: Judged(1.0, 0.99, 1.0, 100),
        ...     sensitivity=measure_sensitivity(source, parent, threads=1),
        ...     keep=0.99,
        ... )
        >>> found.excluded, found.variant.name
        ((), 'onnx-int8-dynamic')
    """
    order = sensitivity.modules
    if not order:
        raise ValueError("The sensitivity has no module: there is nothing to leave in fp32.")
    most = max(1, len(order) // 2) if most is None else most
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= len(order):
        raise ValueError(f"most must be a whole number from 1 to {len(order)}, got {most!r}.")
    if not 0 < keep <= 2:
        raise ValueError(f"keep is a share of the baseline's quality such as 0.99, got {keep!r}.")

    def look(excluded: tuple[str, ...]) -> Point:
        if deadline is not None and clock() >= deadline:
            raise TimeUpError
        variant = tries.make(quantize or _quantize, parent, excluded)
        found = judge(variant)
        point = Point(
            excluded,
            found.kept,
            found.low,
            found.high,
            found.n,
            meets_bar(found.kept, keep),
            variant.size_bytes,
            variant,
        )
        log.info("%d modules in fp32: %.1f %% kept", len(excluded), 100 * found.kept)
        if progress is not None:
            progress(point)
        return point

    search, tries = _Search(order, look), _Tries()
    chosen, minimal, late = None, False, False
    try:
        chosen = search.find_first(most)
        if chosen is not None:
            chosen, minimal = search.take_back(chosen), True
    except TimeUpError:  # the judge's, too
        late, chosen = True, search.best
    except BaseException:
        tries.discard_all_but(())
        raise
    tries.discard_all_but(search.curve())
    return Selective(
        variant=chosen.variant if chosen else None,
        excluded=chosen.excluded if chosen else (),
        curve=search.curve(),
        keep=keep,
        modules=len(order),
        most=most,
        tried=len(search.points),
        minimal=minimal,
        timed_out=late,
    )


class _Tries:
    """Makes variants, and knows which of them were not there before."""

    def __init__(self) -> None:
        self._new: list[Path] = []

    def make(self, quantize: Quantize, parent: Variant, excluded: tuple[str, ...]) -> Variant:
        workspace = Workspace()
        before = set(workspace.folders())
        variant = quantize(parent, excluded)
        # OpenVINO's int8 with bf16 makes its plain twin on the way. What others make meanwhile is theirs.
        self._new += [
            other.path
            for other in workspace.variants()
            if other.path and other.path not in before and _tell(other) == _tell(variant)
        ]
        return variant

    def discard_all_but(self, points: Sequence[Point]) -> None:
        kept = {point.variant.path for point in points}
        for path in self._new:
            if path not in kept:
                discard_folder(path)


def _tell(variant: Variant) -> tuple[object, ...]:
    """What a try is told by: what it was made from, and what it leaves in fp32."""
    left_out = variant.steps[-1].arguments.get("exclude") if variant.steps else None
    return variant.parent_path, variant.runtime, variant.precision, left_out


class _Search:
    """Looks at sets of modules, each once."""

    def __init__(self, order: Sequence[str], look: Callable[[tuple[str, ...]], Point]) -> None:
        self.order = tuple(order)
        self.points: dict[tuple[str, ...], Point] = {}
        self.best: Point | None = None  # the smallest set that meets the bar
        self._look = look

    def find_first(self, most: int) -> Point | None:
        """The fewest of the most sensitive modules; None where none of these sets is enough."""
        point = self._try(self.order[:0])
        low, high = 0, 0
        while not point.meets:
            if high == most:
                return None
            low, high = high, min(most, max(1, 2 * high))
            point = self._try(self.order[:high])
        while high - low > 1:
            middle = (low + high) // 2
            between = self._try(self.order[:middle])
            if between.meets:
                point, high = between, middle
            else:
                low = middle
        return point

    def take_back(self, point: Point) -> Point:
        """Takes modules back into int8, the least sensitive first, until none can be."""
        changed = True
        while changed:  # a judge may refuse a module first, and let it go once another one is back
            changed = False
            for module in reversed(point.excluded):
                smaller = self._try(tuple(name for name in point.excluded if name != module))
                if smaller.meets:
                    point, changed = smaller, True
        return point

    def curve(self) -> tuple[Point, ...]:
        """The best set of every size."""
        best: dict[int, Point] = {}
        for point in self.points.values():
            other = best.get(point.left_out)
            if other is None or (point.meets, point.kept) > (other.meets, other.kept):
                best[point.left_out] = point
        return tuple(best[count] for count in sorted(best))

    def _try(self, excluded: tuple[str, ...]) -> Point:
        if excluded not in self.points:
            point = self.points[excluded] = self._look(excluded)
            if point.meets and (self.best is None or point.left_out < self.best.left_out):
                self.best = point
        return self.points[excluded]


def _quantize(parent: Variant, excluded: tuple[str, ...]) -> Variant:
    from workbench.convert.quantize import quantize_dynamic

    return quantize_dynamic(parent, exclude=list(excluded) or None)
