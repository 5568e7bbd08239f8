"""What `compare_variants` tells while it works, to whoever draws how far it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from workbench.compare.engine import Progress

PHASES = ("latency", "timed", "agreement", "quality", "finished")


@dataclasses.dataclass(frozen=True)
class TableProgress:
    """One piece of news of a comparison.

    Attributes:
        phase: "latency" while all are timed in turn, "timed" once for each with its time, then variant by variant
            "agreement", "quality" and "finished".
        variant: Which variant it is about, by its name in the table; empty where it is about all.
        done: How many pieces of this phase are done; examples for "quality".
        total: How many there are.
        message: What came out, in words, once it did; for "finished" why the variant failed, if it failed.
    """

    phase: str
    variant: str = ""
    done: int = 0
    total: int = 0
    message: str = ""


Listener = Callable[[TableProgress], object]


class Reporter:
    """Passes news on to a listener, if there is one.

    Args:
        listener: Called with each `TableProgress`; what it raises ends the comparison.

    Example:
        >>> Reporter(print).tell("quality", "onnx-int8", 16, 400)
        TableProgress(phase='quality', variant='onnx-int8', done=16, total=400, message='')
    """

    def __init__(self, listener: Listener | None) -> None:
        self._listener = listener
        self._raised: Exception | None = None

    def tell(self, phase: str, variant: str = "", done: int = 1, total: int = 1, message: str = "") -> None:
        """Tells one piece of news."""
        if self._listener is None:
            return
        try:
            self._listener(TableProgress(phase, variant, done, total, message))
        except Exception as error:
            self._raised = error
            raise

    def check(self) -> None:
        """Raises what the listener raised: that is no error of the variant during which it happened."""
        if self._raised is not None:
            raise self._raised

    def count(self, phase: str, variant: str = "") -> Progress | None:
        """What to hand to a verb that calls back with (done, total); None where nobody listens."""
        if self._listener is None:
            return None
        return lambda done, total: self.tell(phase, variant, done, total)
