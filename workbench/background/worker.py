"""The process behind a `Desk`: `python -m workbench.background.worker`.

It reads pickled calls from stdin and answers on stdout with pickled pairs: ("log", text), ("progress", anything),
and at last ("result", value), ("error", Failure) or ("cancelled", None). An interrupt ends the call in hand, not the
process, so that a loaded model is there for the next one. Both ends are ours: nothing else writes to these pipes.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import logging
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import IO, Any

import workbench
from workbench.background.call import TAKES_MANY, TAKES_SOURCE, Call, Failure, Loaded
from workbench.compare.worker import take_stdout
from workbench.models.origin import Origin
from workbench.models.variant import Variant

LONGEST_TRACEBACK = 20_000


class Channel:
    """Sends pairs to the parent; from several threads, one at a time."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, kind: str, value: Any) -> None:
        """Sends one pair."""
        data = pickle.dumps((kind, value))
        with self._lock:
            self._stream.write(len(data).to_bytes(8, "big") + data)
            self._stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """The next thing that was sent over a pipe.

    Raises:
        EOFError: The other end is gone.
    """
    head = stream.read(8)
    data = stream.read(int.from_bytes(head, "big")) if len(head) == 8 else b""
    if not data:
        raise EOFError
    return pickle.loads(data)


class Hands:
    """Carries out calls; keeps the last model that was loaded."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._source: Any = None

    def carry_out(self, call: Call) -> Any:
        """The result of a call, as it can travel."""
        options = call.values()
        if call.verb == "load_model":
            self._source = None  # so that there are never two
            self._source = workbench.load_model(options.pop("source"), **options)
            return describe_source(self._source)
        verb: Callable[..., Any] = getattr(workbench, call.verb)
        subjects = [self._bring(variant, source=call.verb in TAKES_SOURCE) for variant in call.subjects]
        if "progress" in inspect.signature(verb).parameters:
            options["progress"] = self._tell
        result = verb(subjects, **options) if call.verb in TAKES_MANY else verb(*subjects, **options)
        return strip_sources(result)

    def _tell(self, *news: Any) -> None:
        self._channel.send("progress", strip_sources(news[0] if len(news) == 1 else news))

    def _bring(self, variant: Variant, *, source: bool) -> Any:
        if variant.runtime != "torch":
            return variant
        loaded = self._load(variant.origin)
        return loaded if source else dataclasses.replace(variant, source=loaded)

    def _load(self, origin: Origin) -> Any:
        wanted = dataclasses.replace(origin, companions="")  # what an export adds changes nothing here
        if self._source is None or self._source.origin != wanted:
            from workbench.runners.torch import open_source

            self._source = None
            self._source = open_source(Variant("torch", "torch", wanted.dtype, wanted))
        return self._source


def describe_source(source: Any) -> Loaded:
    """What a panel shows of a source."""
    return Loaded(
        origin=source.origin,
        text=str(source),
        html=source._repr_html_(),
        parameters=source.parameters,
        size_bytes=source.size_bytes,
        examples=source.examples,
        samples=source.samples,
    )


def strip_sources(value: Any) -> Any:
    """A result without the models that its variants may hold: they stay here."""
    if isinstance(value, Variant):
        return dataclasses.replace(value, source=None)
    if isinstance(value, tuple | list):
        return type(value)(map(strip_sources, value))
    if isinstance(value, dict):
        return {key: strip_sources(item) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {}
        for field in dataclasses.fields(value):
            if field.init:
                before = getattr(value, field.name)
                after = strip_sources(before)
                if after is not before:
                    changed[field.name] = after
        return dataclasses.replace(value, **changed) if changed else value
    return value


class _Forward(logging.Handler):
    def __init__(self, channel: Channel) -> None:
        super().__init__(logging.INFO)
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        self._channel.send("log", record.getMessage())


def main() -> None:
    """Serves one parent until it is done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, args=(os.getppid(),), daemon=True).start()
    channel = Channel(take_stdout().detach())  # type: ignore[attr-defined]
    log = logging.getLogger("workbench")
    log.setLevel(logging.INFO)
    log.addHandler(_Forward(channel))
    hands = Hands(channel)
    for name in ("torch", "transformers"):  # while the user still reads the panel
        importlib.import_module(name)
    while True:
        try:
            call, home, folder = receive(sys.stdin.buffer)
        except EOFError:
            os._exit(0)  # some libraries hang or crash while they are torn down
        os.environ["WORKBENCH_HOME"] = home
        os.chdir(folder)
        channel.send(*perform(hands, call, channel))


def _follow_parent(parent: int) -> None:
    """No life after the parent's. Not by a signal of the system: that one comes when the parent's *thread* ends."""
    while os.getppid() == parent:
        time.sleep(1)
    if hasattr(os, "killpg"):
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def perform(hands: Hands, call: Call, channel: Channel) -> tuple[str, Any]:
    """Carries out one call; only meanwhile an interrupt is listened to, and ("begun", None) says from when on."""
    try:
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            channel.send("begun", None)
            return "result", hands.carry_out(call)
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        return "cancelled", None
    except Exception as error:
        text = "".join(traceback.format_exception(error))
        return "error", Failure(type(error).__name__, str(error), text[-LONGEST_TRACEBACK:])


if __name__ == "__main__":
    main()
