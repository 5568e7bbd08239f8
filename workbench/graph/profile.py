"""`profile_graph`: where the time goes, node by node, as ONNX Runtime's own profiler measures it."""

from __future__ import annotations

import collections
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import first_line
from workbench.graph.files import GraphFile, open_graphs
from workbench.graph.modules import NO_MODULE, module_of
from workbench.graph.profile_rows import FileProfile, GraphProfile, NodeTime
from workbench.machine import usable_cores
from workbench.models.onnx_nodes import walk_nodes
from workbench.models.samples import Feed, check_feeds
from workbench.models.settings import check_number, limit_threads
from workbench.models.variant import Variant

if TYPE_CHECKING:
    from workbench.models.source import Source

log = logging.getLogger(__name__)

WARM_UP, FEWEST, MOST = 2, 5, 30
ENOUGH = 3.0  # seconds: past these no more runs are begun
KERNEL = "_kernel_time"
TYPES = {"float": "float32", "double": "float64"}  # as numpy writes them
INNER = {"If", "Loop", "Scan"}  # the time of what they hold is in theirs


def profile_graph(
    variant: Variant | Source | str | Path,
    *,
    samples: str | Path | Iterable[Mapping[str, np.ndarray]] | None = None,
    threads: int | None = None,
    runs: int | None = None,
) -> GraphProfile:
    """Measures the time and memory of every node of an ONNX variant, with ONNX Runtime's profiler.

    The graph is optimized on loading as it is in real use, so some kernels are not nodes of the file: what ONNX
    Runtime fuses for itself is shown under its own name and counted in `unmatched_share`. A kernel that took in
    others under the name of one node is shown as that node, with the operator that really ran. Profiling itself
    costs a little on each node, which weighs on small ones: use `measure_latency` for the latency of the whole.

    Args:
        variant: An ONNX variant, its folder, or any `.onnx` file (which then needs `samples`).
        samples: Feeds to run; every figure is the mean over them. None takes the variant's first sample.
        threads: How many threads one run may use; None takes the cores that this process may really use.
        runs: How many runs are measured after the warm-up. None takes as many as three seconds hold, from 5 to 30.

    Returns:
        A profile of every file of the variant; a decoder with past is measured on one token more.

    Raises:
        ValueError: The variant is PyTorch, there is no sample, or a number makes no sense.
        VariantError: ONNX Runtime cannot open a file.

    Example:
        >>> profile = profile_graph(export_onnx(load_model("random/tiny-bert")), runs=3)
        >>> profile.files[0].runs, 0 < profile.files[0].unmatched_share < 1
        (3, True)
    """
    check_number("threads", threads, whole=True)
    check_number("runs", runs, whole=True)
    graphs = open_graphs(variant)
    settings = graphs.variant.settings if graphs.variant is not None else {}
    threads = limit_threads(settings, threads or usable_cores())
    if samples is not None:
        feeds = check_feeds(samples)
    else:
        feeds = graphs.variant.samples()[:1] if graphs.variant is not None else []
    if not feeds:
        raise ValueError(f"{graphs.title} has no sample inputs. Give samples=[{{'input name': array, …}}].")
    fed = _collect_feeds(graphs.variant, feeds, threads)
    profiles = [
        _profile_file(file, call, fed[file.name, call] if graphs.variant else feeds, threads, runs, settings)
        for file in graphs
        for call in (_calls_of(file.name, fed) if graphs.variant else [""])
    ]
    return GraphProfile(graphs.title, threads, len(feeds), tuple(profiles))


def _collect_feeds(
    variant: Variant | None, feeds: Sequence[Feed], threads: int
) -> dict[tuple[str, str], list[Feed]]:
    """What each file of the variant is fed, by file and by which call of it this is."""
    found: dict[tuple[str, str], list[Feed]] = {}
    if variant is None:
        return found
    from workbench.runners import open_runner
    from workbench.runners.onnxruntime import OnnxRunner

    with open_runner(variant, threads=threads, device="cpu") as runner:
        if not isinstance(runner, OnnxRunner):
            raise ValueError(
                f"{variant.name} runs on {variant.runtime}; this profiler is ONNX Runtime's. "
                "Profile the variant that it was made from: variant.parent."
            )
        for feed in feeds:
            seen: collections.Counter[str] = collections.Counter()
            for name, inputs, _ in runner.calls(feed):
                call = "" if not seen[name] else "one token more"
                seen[name] += 1
                found.setdefault((name, call), []).append(inputs)
    return found


def _calls_of(name: str, fed: Iterable[tuple[str, str]]) -> list[str]:
    return [call for file, call in fed if file == name]


def _profile_file(
    file: GraphFile,
    call: str,
    feeds: Sequence[Feed],
    threads: int,
    runs: int | None,
    settings: Mapping[str, Any],
) -> FileProfile:
    from workbench.runners.onnxruntime import make_options, open_session
    from workbench.runners.protocol import pick_inputs

    log.info("running %s with the profiler", f"{file.name}, {call}" if call else file.name)
    with tempfile.TemporaryDirectory(prefix="workbench-profile-") as folder:
        options = make_options(settings)
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = open_session(file.path, threads=threads, options=options)
        wanted = [item.name for item in session.get_inputs()]
        inputs = [pick_inputs(feed, wanted, file.name) for feed in feeds]
        begun = time.perf_counter()
        done = 0
        while done < WARM_UP + (runs or MOST):
            for feed in inputs:
                _run_once(session, feed, file.name)
            done += 1
            if runs is None and done >= WARM_UP + FEWEST and time.perf_counter() - begun > ENOUGH:
                break
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        plain = _time_plain_runs(session, inputs, done - WARM_UP)
    measured = _split_runs(events, len(inputs))[WARM_UP:]
    return _make_profile(file, call, measured, len(inputs), plain)


def _time_plain_runs(session: Any, inputs: Sequence[Feed], runs: int) -> float:
    """The median milliseconds of one input, once the profiler has ended."""
    begun = time.perf_counter()
    times = []
    for done in range(1, runs + 1):
        started = time.perf_counter_ns()
        for feed in inputs:
            session.run(None, feed)
        times.append((time.perf_counter_ns() - started) / len(inputs) / 1e6)
        if done >= FEWEST and time.perf_counter() - begun > ENOUGH / 3:
            break
    return statistics.median(times)


def _run_once(session: Any, feed: Feed, name: str) -> None:
    try:
        session.run(None, feed)
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        shapes = ", ".join(f"{key} {value.dtype}{list(value.shape)}" for key, value in feed.items())
        reason = first_line(error, 200)
        raise ValueError(f"{name} does not run on this sample ({shapes}): {reason}") from error


Events = list[dict[str, Any]]


def _split_runs(events: Events, feeds: int) -> list[tuple[float, Events]]:
    """The runs in order: how long each took as a whole in microseconds, and its kernels."""
    whole = sorted(
        (event for event in events if event["cat"] == "Session" and event["name"] == "model_run"),
        key=lambda event: event["ts"],
    )
    kernels = sorted(
        (event for event in events if event["cat"] == "Node" and event["name"].endswith(KERNEL)),
        key=lambda event: event["ts"],
    )
    passes = []
    position = 0
    for index in range(0, len(whole), feeds):
        group = whole[index : index + feeds]
        end = group[-1]["ts"] + group[-1]["dur"]
        start = position
        while position < len(kernels) and kernels[position]["ts"] <= end:
            position += 1
        passes.append((float(sum(event["dur"] for event in group)), kernels[start:position]))
    return passes


def _make_profile(
    file: GraphFile, call: str, measured: Sequence[tuple[float, Events]], feeds: int, plain: float
) -> FileProfile:
    nodes = {node.name: node for node in walk_nodes(file.model.graph)}
    times: dict[str, list[float]] = {}
    memory: dict[str, int] = {}
    operators: dict[str, str] = {}
    inputs: dict[str, tuple[str, ...]] = {}
    for index, (_, kernels) in enumerate(measured):
        for event in kernels:
            name, facts = event["name"].removesuffix(KERNEL), event["args"]
            times.setdefault(name, [0.0] * len(measured))[index] += event["dur"] / feeds / 1000
            memory[name] = max(memory.get(name, 0), int(facts.get("output_size", 0)))
            operators[name] = facts.get("op_name", "?")
            inputs[name] = tuple(
                f"{TYPES.get(kind, kind)}[{','.join(map(str, shape))}]"
                for given in facts.get("input_type_shape", ())
                for kind, shape in given.items()
            )
    medians = {name: statistics.median(values) for name, values in times.items()}
    total = sum(value for name, value in medians.items() if operators[name] not in INNER)
    rows = [
        NodeTime(
            node=name,
            operator=operators[name],
            module=module_of(nodes[name]) if name in nodes else NO_MODULE,
            ms=ms,
            share=ms / total if total and operators[name] not in INNER else 0.0,
            output_bytes=memory[name],
            in_file=name in nodes,
            inputs=inputs[name],
        )
        for name, ms in medians.items()
    ]
    return FileProfile(
        name=file.name,
        call=call,
        runs=len(measured),
        run_ms=statistics.median(whole for whole, _ in measured) / feeds / 1000,
        plain_ms=plain,
        rows=tuple(sorted(rows, key=lambda row: -row.ms)),
        not_run=tuple(
            name for name, node in nodes.items() if name not in medians and node.op_type != "Constant"
        ),
    )
