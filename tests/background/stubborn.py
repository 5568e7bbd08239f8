"""Names of models that misbehave when another process reads them. They travel there, and it imports them from here."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from workbench.models.workspace import Workspace, lock_folder, new_folder

log = logging.getLogger("workbench.tests")

HALF_MADE = "model/onnx-fp32-0123456789"


class Deaf(str):
    """Hears no interrupt, holds something half-made, and never comes to an end."""

    def __str__(self) -> str:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        target = Workspace().root / HALF_MADE
        with lock_folder(target), new_folder(target) as work:
            (work / "model.onnx").write_bytes(b"half")
            log.info("deaf from now on")
            threading.Event().wait()
        return "never"


class _Unreadable(str):
    def __reduce__(self) -> Any:
        return _explode, ()


def _explode() -> None:
    raise ImportError("this object is of another version")


class Unreadable(str):
    """Becomes a name that the process can send, and the notebook cannot read."""

    def __str__(self) -> str:
        return _Unreadable(self[:])
