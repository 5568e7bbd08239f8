"""Keeps the noise of third-party libraries out of notebooks: warnings, log floods, progress bars.

What a library writes while it loads or traces a model is meant for its developers. Errors still come through,
as exceptions; everything that was switched off is switched back on afterwards.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator

_LOUD = (
    "transformers",
    "optimum",
    "onnxruntime",
    "onnxscript",
    "onnx_ir",
    "torch",
    "huggingface_hub",
    "accelerate",
    "nncf",
    "openvino",
)
_lock = threading.Lock()
_inside = 0
_restore: list[Callable[[], object]] = []


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Mutes third-party libraries for the length of a block.

    Blocks may be nested and may overlap in several threads: the first to enter switches off, the last to leave
    switches back on. Loggers, warning filters and progress bars belong to the whole process, so a thread that
    works beside the block is muted with it.

    Example:
        >>> with quiet():
        ...     warnings.warn("nobody needs to read this")
    """
    global _inside
    with _lock:
        if _inside == 0:
            _restore.extend(_switch_off())
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                while _restore:
                    _restore.pop()()


def _switch_off() -> list[Callable[[], object]]:
    """Switches everything off; returns the calls that switch it on again, to be made last first."""
    return [_mute_loggers(), _mute_warnings(), _mute_bars()]


def _mute_loggers() -> Callable[[], object]:
    levels = [(logging.getLogger(name), logging.getLogger(name).level) for name in _LOUD]
    for logger, _ in levels:
        logger.setLevel(logging.CRITICAL + 1)
    root = logging.getLogger()
    own, level_before = list(root.handlers), root.level
    # onnxruntime's quantizers log a line per node through the root logger itself, where level and name cannot
    # tell them from the user's own lines: so look at the file that the line comes from.
    drop = _FromLibraries()
    handlers = [*root.handlers, *([logging.lastResort] if logging.lastResort else [])]
    for handler in handlers:
        handler.addFilter(drop)
    root.addFilter(drop)

    def restore() -> None:
        # ONNX Runtime's quantizers set the root logger up for themselves, and then everybody's lines are printed.
        for handler in [handler for handler in root.handlers if handler not in own]:
            root.removeHandler(handler)
        root.setLevel(level_before)
        root.removeFilter(drop)
        for handler in handlers:
            handler.removeFilter(drop)
        for logger, level in levels:
            logger.setLevel(level)

    return restore


class _FromLibraries(logging.Filter):
    """Drops what a muted library logs below the level of an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        path = record.pathname.replace(os.sep, "/")
        return record.levelno >= logging.ERROR or not any(f"/site-packages/{name}/" in path for name in _LOUD)


def _mute_warnings() -> Callable[[], object]:
    # `warnings.catch_warnings` is undone in the order of entering, which threads do not keep; the filters are
    # put back by value instead.
    saved = list(warnings.filters)
    warnings.simplefilter("ignore")

    def restore() -> None:
        warnings.filters[:] = saved  # type: ignore[index]
        warnings._filters_mutated()  # type: ignore[attr-defined]

    return restore


def _mute_bars() -> Callable[[], object]:
    """Switches off the progress bars of the libraries that are loaded; the bars of the user's own tqdm stay."""
    undo: list[Callable[[], object]] = []
    if "transformers" in sys.modules:
        from transformers.utils import logging as chatter

        if chatter.is_progress_bar_enabled():
            chatter.disable_progress_bar()
            undo.append(chatter.enable_progress_bar)
    if "huggingface_hub" in sys.modules:
        from huggingface_hub.utils import (
            are_progress_bars_disabled,
            disable_progress_bars,
            enable_progress_bars,
        )

        if not are_progress_bars_disabled():
            disable_progress_bars()
            undo.append(enable_progress_bars)

    def restore() -> None:
        for call in undo:
            call()

    return restore
