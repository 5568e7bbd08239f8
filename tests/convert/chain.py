"""Runs the recipe in processes of its own, for the tests that stop them: `python chain.py <plan as JSON>`.

Everything heavy is imported once; each trial is a forked child with a workspace of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.models.variant import Variant

MODEL = "random/tiny-distilbert"


HEAVY = ["onnxruntime.quantization", "onnxruntime.transformers.optimizer", "optimum.exporters.onnx"]


def main() -> None:
    plan = json.loads(sys.argv[1])
    for name in HEAVY:
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)
    source = wb.load_model(MODEL)
    tries = {"kills": try_kills, "limits": try_limits, "pairs": try_pairs}
    print(json.dumps(tries[plan["what"]](plan, source)))


def run_chain(source: Any) -> Variant:
    return wb.quantize_dynamic(wb.optimize_onnx(wb.export_onnx(source)))


def start(work: Any, home: Path) -> int:
    """Forks a child that calls `work` in a workspace, and returns its process id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.environ["WORKBENCH_HOME"] = str(home)
        status = work() or 0
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(status)


def wait(child: int) -> int:
    return os.waitpid(child, 0)[1]


def try_kills(plan: dict[str, Any], source: Any) -> list[dict[str, Any]]:
    """Kills a chain after each share of the time that a whole one takes, then runs it to its end."""
    root = Path(plan["root"])
    started = time.monotonic()
    assert wait(start(lambda: run_chain(source) and 0, root / "whole")) == 0
    duration = time.monotonic() - started
    rows = []
    for index, share in enumerate(plan["shares"]):
        home = root / f"trial-{index}"
        child = start(lambda: run_chain(source) and 0, home)
        alarm = threading.Timer(share * duration, os.kill, (child, signal.SIGKILL))
        alarm.start()
        status = wait(child)
        alarm.cancel()
        rows.append({"killed": os.WIFSIGNALED(status), **describe(home)})
        # Every fourth one goes on where it was stopped: a whole chain takes twice as long as the average trial.
        if index % 4 == 0:
            rows[-1]["next_run"] = wait(start(lambda: run_chain(source) and 0, home))
            rows[-1]["after"] = describe(home)
    return rows


def describe(home: Path) -> dict[str, Any]:
    """What lies in a workspace: folders that load, folders that look finished and do not, and leftovers."""
    loads, broken, leftovers = [], [], []
    for folder in sorted(home.glob("*/*")):
        if not folder.is_dir():
            continue
        if folder.name.startswith("."):
            leftovers.append(folder.name)
            continue
        try:
            variant = Variant.load(folder)
            with wb.open_runner(variant, threads=1) as runner:
                runner.run(variant.samples()[0])
            loads.append(variant.name)
        except Exception as error:
            broken.append(f"{folder.name}: {error}")
    return {"loads": loads, "broken": broken, "leftovers": leftovers}


def try_limits(plan: dict[str, Any], source: Any) -> list[dict[str, Any]]:
    """Runs each verb where no file may pass a number of bytes, which is how a full disk looks from inside."""
    root = Path(plan["root"])
    os.environ["WORKBENCH_HOME"] = str(root / "ground")
    exported = wb.export_onnx(source)
    calls = {"export_onnx": lambda: wb.export_onnx(source)}
    for verb in (wb.optimize_onnx, wb.quantize_dynamic, wb.quantize_static, wb.quantize_weights):
        calls[verb.__name__] = lambda verb=verb: verb(exported)
    rows = []
    for name, call in calls.items():
        for limit in plan["limits"]:
            home = root / f"{name}-{limit}"
            reading, writing = os.pipe()

            def work(call=call, limit=limit, writing=writing) -> int:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                try:
                    call()
                    said = "it worked"
                except (WorkbenchError, OSError) as error:
                    said = f"{type(error).__name__}: {error}"
                os.write(writing, said.encode())
                return 0

            status = wait(start(work, home))
            os.close(writing)
            with os.fdopen(reading) as stream:
                said = stream.read()
            rows.append({"verb": name, "limit": limit, "status": status, "said": said, "home": str(home)})
    return rows


def try_pairs(plan: dict[str, Any], source: Any) -> list[dict[str, Any]]:
    """Lets several processes make the same variants at the same time."""
    home = Path(plan["root"]) / "shared"
    ends = []
    for _ in range(plan["processes"]):
        reading, writing = os.pipe()

        def work(writing=writing) -> int:
            variant = run_chain(source)
            os.write(writing, json.dumps([str(variant.path), variant.made, variant.files]).encode())
            return 0

        ends.append((start(work, home), reading))
        os.close(writing)
    rows = []
    for child, reading in ends:
        with os.fdopen(reading) as stream:
            said = stream.read()
        status = wait(child)
        path, made, files = json.loads(said) if said else (None, None, None)
        rows.append({"status": status, "path": path, "made": made, "files": files})
    return [*rows, describe(home)]


if __name__ == "__main__":
    main()
