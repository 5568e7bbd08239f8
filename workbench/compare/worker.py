"""The process that measures one variant: `python -m workbench.compare.worker NAME`.

It reads commands from stdin, one JSON object a line, and answers each with one line. It ends when stdin does, and
on Linux at once when its parent dies. Imports neither torch nor transformers unless its variant is PyTorch's.

    {"do": "begin", …}                the job (see `jobs.py`); imports what it needs
    {"do": "open"}                    opens the variant
    {"do": "warm", "feeds": path}     warms up on the feeds of an .npz file
    {"do": "turn", "passes": 5}       runs and times them
    {"do": "close"}                   ends
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from workbench.compare.subject import Subject, describe_error
from workbench.models.samples import load_feeds
from workbench.runners.protocol import Runner

HEAVY = ("torch", "transformers", "optimum")
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def main() -> None:
    """Serves one parent until it is done."""
    parent = os.getppid()
    _tie_to_parent(parent)
    answers = take_stdout()
    subject: Subject | None = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command["do"] == "begin":
                subject = Subject(_prepare(command))
                answer: dict[str, Any] = {}
            else:
                assert subject is not None
                answer = _obey(subject, command)
        except Exception as error:  # whatever a library raises becomes the variant's row
            answer = {"error": describe_error(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        if command["do"] == "close":
            break
    answers.flush()
    os._exit(0)  # some libraries hang or crash while they are torn down, and nothing is left to save


def _obey(subject: Subject, command: dict[str, Any]) -> dict[str, Any]:
    if command["do"] == "open":
        return {**subject.open(), "loaded": [name for name in HEAVY if name in sys.modules]}
    if command["do"] == "warm":
        return subject.warm(load_feeds(command["feeds"]))
    if command["do"] == "turn":
        return subject.turn(command["passes"])
    if command["do"] == "close":
        subject.close()
        return {}
    raise ValueError(f"There is no command {command['do']!r}.")


def _prepare(job: dict[str, Any]) -> Callable[[], Runner]:
    """Imports what the variant's runtime needs, so that it does not count as load time."""
    from workbench.models.origin import Origin
    from workbench.models.variant import Variant, torch_variant
    from workbench.runners import open_runner

    if job["runtime"] != "torch":
        variant = Variant.load(job["folder"])
        importlib.import_module(f"workbench.runners.{job['runtime']}")
        return lambda: open_runner(variant, threads=job["threads"])

    torch = importlib.import_module("torch")
    importlib.import_module("transformers")
    from workbench.models.source import load_model
    from workbench.runners.torch import convert_model

    torch.set_num_threads(job["threads"])
    origin = Origin(**job["origin"])

    def open_torch() -> Runner:
        source = load_model(
            job["copy"] or origin.source,
            task=origin.task,
            dtype=origin.dtype,
            device=origin.device,
            revision=None if job["copy"] else origin.revision,
            trust_remote_code=origin.trust_remote_code,
        )
        if job["fingerprint"] and source.origin.fingerprint != job["fingerprint"]:
            raise ValueError(
                "what was loaded here is not the model that the caller has in memory: its weights or settings "
                "differ. Measure it where it is, with isolate=False."
            )
        convert_model(source.model, job["precision"])  # our own: no second copy beside it
        variant = torch_variant(origin, source=source, precision=job["precision"], compiled=job["compiled"])
        return open_runner(variant, threads=job["threads"])

    return open_torch


def take_stdout() -> IO[str]:
    """Keeps stdout for answers alone: what libraries print there goes to stderr from now on."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _tie_to_parent(parent: int) -> None:
    """No life after the parent's, no Ctrl-C of the parent's terminal, and the first to go when memory is short."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, int(signal.SIGKILL))
        if os.getppid() != parent:  # it died in between
            os._exit(1)


if __name__ == "__main__":
    main()
