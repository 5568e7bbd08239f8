"""What bf16 makes of the PyTorch model: the difference that everybody accepts, to set another one beside."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.models.samples import Feed
from workbench.models.variant import Variant, torch_variant
from workbench.runners import open_runner
from workbench.runners.protocol import Runner

if TYPE_CHECKING:
    from workbench.models.source import Source

Judge = Callable[[Feed, Feed, Feed, int], None]  # what fp32 gave, what bf16 gave, the sample, its number


def run_once(runner: Runner, feed: Feed) -> Feed:
    """Runs a sample.

    Raises:
        ValueError: It does not run on this sample.
        VariantError: It does not run at all.
    """
    try:
        return runner.run(feed)
    except (WorkbenchError, ValueError):
        raise
    except Exception as error:  # ONNX Runtime's exceptions share no base class, and PyTorch raises anything
        shapes = ", ".join(f"{name} {value.dtype}{list(value.shape)}" for name, value in feed.items())
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ValueError(f"{runner.variant.name} does not run on this sample ({shapes}): {reason}") from error


class Rival:
    """The PyTorch model in bf16, run beside the two.

    Args:
        left: The reference.
        right: The candidate.
        stack: Closes what is opened here.
        judge: Takes what fp32 and bf16 gave for a sample.

    Attributes:
        note: Why there is no such figure; empty where there is.
    """

    def __init__(self, left: Variant, right: Variant, stack: contextlib.ExitStack, judge: Judge) -> None:
        self.note = ""
        self._judge = judge
        self._runner: Runner | None = None
        self._plain: Runner | None = None  # where the reference is not in fp32 itself
        if "bf16" in (left.precision, right.precision):
            self.note = "one side is bf16 itself"
            return
        try:
            source = _find_source(left, right)
            if isinstance(source, str):
                self.note = source
                return
            self._runner = stack.enter_context(open_runner(source.as_variant("bf16")))
            if left.precision != "fp32":
                self._plain = stack.enter_context(open_runner(source.baseline))
        except (ImportError, WorkbenchError, OSError, RuntimeError, ValueError) as error:
            self.note = f"PyTorch's model could not be opened ({error})"

    @property
    def ran(self) -> bool:
        """Whether it ran on every sample so far."""
        return self._runner is not None and not self.note

    def add(self, expected: Feed, feed: Feed, index: int) -> None:
        """Runs it on a sample, for which the reference gave what is expected, and hands both on."""
        if not self.ran or self._runner is None:
            return
        try:
            plain = run_once(self._plain, feed) if self._plain is not None else expected
            self._judge(plain, run_once(self._runner, feed), feed, index)
        except ValueError as error:
            self.note = f"PyTorch's model does not run in bf16 here ({error})"


def _find_source(left: Variant, right: Variant) -> Source | str:
    """The PyTorch model behind the reference, or why it cannot be had: it is never fetched from the network."""
    if left.runtime == "torch" and left.source is not None:
        return left.source
    for variant in (left, right):
        if variant.source is not None and variant.source.fingerprint() == left.origin.fingerprint:
            return variant.source
    given = left.origin.source
    if not (given.startswith(("demo/", "random/")) or Path(given).is_dir()):
        return "PyTorch's model is not in memory"
    from workbench.runners.torch import open_source

    return open_source(torch_variant(left.origin))  # which refuses a model that is not the same any more
