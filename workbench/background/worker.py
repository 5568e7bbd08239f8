"""The process behind a `Desk`: `python -m workbench.background.worker`.

It reads pickled orders from stdin and answers on stdout with pickled pairs: ("ready", None) once, then for each
order ("begun", None), ("log", text), ("progress", anything), and at last ("result", value), ("error", Failure) or
("cancelled", None). An interrupt ends the call in hand, not the process, so that a loaded model is there for the next
one. Both ends are ours: nothing else writes to these pipes.
"""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from workbench.background.hands import Hands
from workbench.background.order import Order, Surroundings
from workbench.background.pipe import Channel, receive
from workbench.background.task import describe_error
from workbench.compare.worker import take_stdout


class _Forward(logging.Handler):
    def __init__(self, channel: Channel) -> None:
        super().__init__(logging.INFO)
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        self._channel.send("log", record.getMessage())


def main() -> None:
    """Serves one parent until it is done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    copies: set[Path] = set()
    threading.Thread(target=_follow_parent, args=(os.getppid(), copies), daemon=True).start()
    surroundings = Surroundings()
    channel = Channel(take_stdout().detach())  # type: ignore[attr-defined]
    log = logging.getLogger("workbench")
    log.setLevel(logging.INFO)
    log.addHandler(_Forward(channel))
    hands = Hands(channel)
    for name in ("torch", "transformers"):  # while the user still reads the panel
        importlib.import_module(name)
    channel.send("ready", None)
    while True:
        try:
            order = receive(sys.stdin.buffer)
        except EOFError:
            _remove(copies)
            os._exit(0)  # some libraries hang or crash while they are torn down
        except Exception as error:  # something of the notebook's own that this process does not know
            channel.send("error", describe_error(error))
            continue
        copies.update(Path(model.copy) for model in order.models if model is not None and model.copy)
        channel.send(*perform(hands, order, channel, surroundings))


def _follow_parent(parent: int, copies: Collection[Path]) -> None:
    """No life after the parent's, and none of the copies of models that it made for this process.

    Not by a signal of the system: that one comes when the parent's *thread* ends.
    """
    while os.getppid() == parent:
        time.sleep(1)
    _remove(copies)
    if hasattr(os, "killpg"):
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def _remove(copies: Collection[Path]) -> None:
    for folder in tuple(copies):
        shutil.rmtree(folder.parent, ignore_errors=True)


def perform(hands: Hands, order: Order, channel: Channel, surroundings: Surroundings) -> tuple[str, Any]:
    """Carries out one order; only meanwhile an interrupt is listened to, and ("begun", None) says from when on."""
    try:
        try:
            surroundings.follow(order)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            channel.send("begun", None)
            return "result", hands.carry_out(order)
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it may have come just before it was switched off
        return "cancelled", None
    except Exception as error:
        return "error", describe_error(error)


if __name__ == "__main__":
    main()
