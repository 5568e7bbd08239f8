"""Where the difference between two models comes from: the criterion.

Every module of the candidate is run on what the reference computed in front of it. What comes out wrong then is
the module's own doing; what was wrong before it does not count. A module jumps when its own error is out of line,
that is well above both what the numbers' precision explains and what its peers do: modules that are quantized in
the same graph are the peers of one that is quantized, all others of one that is not.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Sequence

JUMP = 4.0  # times the typical error of the peers
SPREAD = 5.0  # or as many of their standard deviations, on a scale of powers of ten
CEILING = 3.0  # times the floor: nothing above it is in line, whatever the peers do
FLOOR = {"fp32": 1e-5, "fp16": 5e-3, "bf16": 3e-2, "int8": 3e-2, "int4": 2e-1}
FLOOR_OF_TWINS = {"fp32": 1e-5, "fp16": 1e-3, "bf16": 1e-2, "int8": 1e-3, "int4": 1e-3}


@dataclasses.dataclass(frozen=True)
class Own:
    """What one module does wrong by itself.

    Attributes:
        error: Its own error, relative to the size of what it should give.
        broken: Whether it makes NaN or Inf from numbers.
        group: Which modules are its peers.
        floor: What precision alone may explain.
        ceiling: What no peers can excuse.
    """

    error: float
    broken: bool
    group: str
    floor: float
    ceiling: float = math.inf


def choose_bounds(reference: str, candidate: str, *, quantized: bool) -> tuple[float, float]:
    """The error of one module that the precisions of two variants explain, and the one that nothing excuses.

    Args:
        reference: The precision of one.
        candidate: The precision of the other.
        quantized: Whether the module's nodes compute with quantized numbers in the candidate.
    """
    counting = [name for name in (reference, candidate) if quantized or name not in ("int8", "int4")]
    floor = max((FLOOR[name] for name in counting), default=FLOOR["fp32"])
    return FLOOR_OF_TWINS[candidate] if reference == candidate else floor, CEILING * floor


def find_jumps(modules: Sequence[Own]) -> list[bool]:
    """Which of the modules jump.

    Example:
        >>> quiet = [Own(1e-7, False, "plain", 1e-5)] * 6
        >>> find_jumps([*quiet, Own(0.1, False, "plain", 1e-5), *quiet]).index(True)
        6
        >>> any(find_jumps(quiet))
        False
    """
    limits = {
        group: _find_limit([item for item in modules if item.group == group])
        for group in {m.group for m in modules}
    }
    return [
        item.broken or item.error > max(min(limits[item.group], item.ceiling), item.floor) for item in modules
    ]


def _find_limit(peers: Sequence[Own]) -> float:
    logs = [math.log10(item.error) for item in peers if 0 < item.error < math.inf]
    if len(logs) < 3:
        return 0.0
    logs += [-12.0] * sum(item.error == 0 for item in peers)
    middle = statistics.median(logs)
    deviation = 1.4826 * statistics.median(abs(value - middle) for value in logs)
    return 10 ** (middle + max(math.log10(JUMP), min(SPREAD * deviation, 1.5)))
