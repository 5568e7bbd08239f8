"""The one place that imports `openvino` and `nncf`: without their telemetry, and without their noise.

Importing either starts `openvino_telemetry`, which comes along with both: it writes a client id into the home folder
and reports the import, and later every conversion, to a server. Both packages are prepared for its absence, so that
is what they find. Nothing of the user's is changed: who imports `openvino_telemetry` afterwards has it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any
from unittest import mock

INSTALL = "pip install 'workbench[openvino]'"
TELEMETRY = "openvino_telemetry"
_one_at_a_time = threading.RLock()


def import_openvino() -> Any:
    """OpenVINO's package.

    Raises:
        ImportError: It is not installed; the message says how to get it.

    Example:
        >>> import_openvino().Core().available_devices
        ['CPU']
    """
    return _import("openvino", "OpenVINO variants need the package openvino")


@contextlib.contextmanager
def quiet_nncf() -> Iterator[Any]:
    """NNCF's package, for the length of a block in which it draws no bars, logs nothing and reports to nobody.

    One block at a time: what is switched off belongs to the whole process, and NNCF keeps state of its own.

    Raises:
        ImportError: It is not installed; the message says how to get it.

    Example:
        >>> with quiet_nncf() as nncf:
        ...     nncf.ModelType.TRANSFORMER.value
        'transformer'
    """
    with _one_at_a_time:
        import_openvino()
        nncf = _import("nncf", "int8 for OpenVINO needs the package nncf")
        logger = logging.getLogger("nncf")
        bars = importlib.import_module("nncf.common.logging.track_progress").track
        reports = importlib.import_module("nncf.telemetry.decorator")
        silent = functools.partialmethod(bars.__init__, disable=True)
        level = logger.level
        logger.setLevel(logging.CRITICAL + 1)
        try:
            # Whoever imported NNCF before us may have started its telemetry.
            with mock.patch.object(bars, "__init__", silent), mock.patch.object(reports, "telemetry"):
                yield nncf
        finally:
            logger.setLevel(level)


def _import(name: str, need: str) -> Any:
    with _one_at_a_time, _without_telemetry():
        try:
            return importlib.import_module(name)
        except ImportError as error:
            absent = isinstance(error, ModuleNotFoundError) and error.name in (None, name)
            reason = "which is not installed" if absent else f"which cannot be imported ({error})"
            raise ImportError(f"{need}, {reason}. Install it: {INSTALL}", name=name) from error


@contextlib.contextmanager
def _without_telemetry() -> Iterator[None]:
    """Makes Python say, for the length of a block, that there is no telemetry package."""
    before = sys.modules.get(TELEMETRY)
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if before is None:
            del sys.modules[TELEMETRY]
        else:
            sys.modules[TELEMETRY] = before
