"""Checks of `explain` that look at a table of variants: what its rows say about each other."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from workbench.compare.advice_machine import judge_threads
from workbench.compare.advice_rows import Finding, Fine, Outcome, Skipped
from workbench.compare.wording import format_ratio, judge_speed
from workbench.machine import cpu_features, usable_cores

BF16_UNITS = ("amx_bf16", "avx512_bf16", "bf16")


@dataclasses.dataclass(frozen=True)
class TableFacts:
    """What is known of a table.

    Attributes:
        rows: Its rows, as a `Comparison` has them.
        reference: The name of the row that speed-ups refer to.
        cpu: The instruction sets of the CPU that measured.
        threads: How many threads a call could use.
        cores: The cores that this process may use; None where another machine measured.
        noise: Why the times are not to be relied on.
    """

    rows: tuple[Any, ...]
    reference: str = ""
    cpu: tuple[str, ...] = ()
    threads: int | None = None
    cores: int | None = None
    noise: tuple[str, ...] = ()

    @property
    def timed(self) -> tuple[Any, ...]:
        """The rows that have a time."""
        return tuple(row for row in self.rows if row.median_ms is not None)


def read_table(table: Any) -> TableFacts:
    """Reads a `Comparison`, or anything else with such rows."""
    machine = getattr(table, "machine", {}) or {}
    said = str(machine.get("CPU", ""))
    cpu = tuple(filter(None, said.split(", "))) if said else cpu_features()
    rows = tuple(table.rows)
    return TableFacts(
        rows=rows,
        reference=getattr(table, "reference", "") or getattr(table, "baseline", ""),  # as a race calls it
        cpu=cpu,
        threads=getattr(table, "threads", None),
        cores=usable_cores() if cpu == cpu_features() else None,
        noise=tuple(getattr(table, "noise", ())),
    )


def last_verb(row: Any) -> str:
    """The last call that made a row's graph; empty where its code does not say.

    Example:
        >>> import types
        >>> last_verb(types.SimpleNamespace(code="source = wb.load_model('x')\\nvariant = wb.export_onnx(source)"))
        'export_onnx'
    """
    calls = re.findall(r"wb\.(\w+)\(", getattr(row, "code", "") or "")
    made = [
        call for call in calls if call not in ("load_model", "set_session")
    ]  # which leaves the graph as it is
    return made[-1] if made else ""


def find_noise(table: TableFacts) -> Outcome:
    """Times that are not to be relied on."""
    if not table.timed:
        return Skipped("nothing was timed")
    if not table.noise:
        return Fine("the machine was quiet enough")
    return Finding(
        "noise",
        "The machine was too noisy for these times",
        " ".join(table.noise),
        "Measure again on a quiet machine, or longer (seconds=…), before any of the rest is believed.",
        weight=1.0,
    )


def find_table_threads(table: TableFacts) -> Outcome:
    """More threads than cores that the process may use."""
    if table.threads is None or table.cores is None:
        return Skipped("the table does not say, or was measured on another machine")
    return judge_threads(table.threads, table.cores, table.cores)


def find_untried_bf16(table: TableFacts) -> Outcome:
    """A CPU that multiplies bf16, and no variant that uses it."""
    units = [name for name in BF16_UNITS if name in table.cpu]
    if not units:
        return Skipped("this CPU has no instructions for bf16")
    tried = [row for row in table.timed if row.precision == "bf16" or "bf16" in row.name]
    if tried:
        return Fine(f"timed: {', '.join(row.name for row in tried)}")
    return Finding(
        "untried-bf16",
        "This CPU multiplies bf16, and no variant here uses it",
        f"The CPU has {', '.join(units)}; the table has {', '.join(dict.fromkeys(r.precision for r in table.timed))}.",
        "Add source.as_variant('bf16') to the table: it needs no calibration and keeps nearly all of the quality. "
        "With AMX it was 2.7× as fast as fp32.",
        weight=0.5 if "amx_bf16" in units else 0.3,
    )


def find_slow_static(table: TableFacts) -> Outcome:
    """Static quantization that is slower than dynamic, both on ONNX Runtime."""
    own = [row for row in table.timed if row.runtime == "onnxruntime" and row.speedup is not None]
    static = [row for row in own if last_verb(row) == "quantize_static"]
    dynamic = [row for row in own if last_verb(row) == "quantize_dynamic"]
    if not static or not dynamic:
        return Skipped("static and dynamic quantization on ONNX Runtime are not both in the table")
    # By their speed-ups: in a race, times are of different heats.
    best, rival = (max(rows, key=lambda row: row.speedup or 0.0) for rows in (dynamic, static))
    if not _is_slower(rival, best):
        return Fine(f"{rival.name} is not slower than {best.name}")
    return Finding(
        "slow-static",
        "Static quantization is slower than dynamic here",
        f"{best.name} is {best.speedup:.2f}× as fast as {table.reference}, {rival.name} {rival.speedup:.2f}×.",
        f"Take {best.name}: on ONNX Runtime the pairs of quantize and dequantize around each product cost more than "
        "measuring ranges beforehand saves. Static int8 pays on OpenVINO.",
        weight=0.2,
    )


def find_slower_rows(table: TableFacts) -> Outcome:
    """Variants that are slower than the reference, each with the reason as far as the table tells."""
    others = [row for row in table.timed if row.name != table.reference and row.speedup is not None]
    if not others:
        return Skipped("nothing was timed beside the reference")
    slow = [row for row in others if (row.speedup if row.speedup_high is None else row.speedup_high) < 1]
    if not slow:
        return Fine(f"none of {len(others)} is slower than {table.reference}")
    reasons = "; ".join(f"{row.name} is {format_ratio(row.speedup)} ({_how(row, table)})" for row in slow)
    return Finding(
        "slower-than-reference",
        "Slower than the reference"
        if len(slow) == 1
        else f"{len(slow)} variants are slower than the reference",
        f"{reasons}.",
        "Leave them out unless their size is what counts; explain(variant) shows where the time goes.",
        weight=0.15,
    )


def find_failures(table: TableFacts) -> Outcome:
    """Variants that failed, about which the rest says nothing."""
    failed = [row for row in table.rows if _error(row)]
    if not failed:
        return Fine(f"{len(table.timed)} of {len(table.rows)} rows were timed, and none failed")
    return Finding(
        "failed",
        f"{len(failed)} of {len(table.rows)} could not be measured",
        "; ".join(f"{row.name}: {_error(row)}" for row in failed) + ".",
        "Nothing here speaks about them. Make them again, or leave them out.",
        weight=0.1,
    )


def _error(row: Any) -> str:
    """Why a row failed; the rows of a race keep that among their reasons."""
    failed = getattr(row, "status", "") == "failed"
    return str(getattr(row, "error", "") or (getattr(row, "reason", "") if failed else ""))


def _because(row: Any) -> str:
    reason = str(getattr(row, "reason", "") or "").rstrip(".")
    return f" ({reason})" if reason else ""


def say_rows(table: TableFacts) -> tuple[str, ...]:
    """A sentence per row: how fast, and by what means."""
    return tuple(_say_row(row, table) for row in table.rows)


def _say_row(row: Any, table: TableFacts) -> str:
    if _error(row):
        return f"{row.name}: failed."
    if row.name == table.reference:
        return f"{row.name}: the reference, {_how(row, table)}."
    if row.speedup is None:
        return f"{row.name}: not timed{_because(row)}."
    speed = judge_speed(row.speedup, row.speedup_low, row.speedup_high)
    return f"{row.name}: {speed}, {_how(row, table)}."


def _how(row: Any, table: TableFacts) -> str:
    """By what means a row is as fast as it is."""
    verb, code = last_verb(row), getattr(row, "code", "") or ""
    if row.runtime == "openvino":
        return f"{row.precision} kernels of OpenVINO"
    if row.runtime == "torch":
        return _how_torch(row, table)
    if verb == "quantize_dynamic":
        if "weight_type='uint8'" in code and "avx2" in table.cpu:
            return "int8 products with unsigned weights, which miss this CPU's fast instructions"
        return "int8 products that quantize their inputs as they run"
    if verb == "quantize_static":
        return "int8 products between quantize and dequantize kernels; what was not fused runs in floats"
    if verb == "quantize_weights":
        return "weights that are unpacked as products run, which saves memory, not time"
    if row.precision == "fp16":
        return "fp16 that a CPU casts to fp32 and back"
    if verb == "optimize_onnx":
        return "fewer kernels, and the same fp32 products"
    return f"{row.precision} products on ONNX Runtime"


def _how_torch(row: Any, table: TableFacts) -> str:
    compiled = "compiled, " if "compiled" in row.name else ""
    if row.precision == "bf16":
        units = [name for name in BF16_UNITS if name in table.cpu]
        return f"{compiled}bf16 products, " + (
            f"for which this CPU has {units[0]}" if units else "for which this CPU has no instructions"
        )
    return f"{compiled}{row.precision} products on PyTorch"


def _is_slower(row: Any, other: Any) -> bool:
    """Whether a row is clearly slower: their intervals do not meet."""
    if row.speedup_high is not None and other.speedup_low is not None:
        return bool(row.speedup_high < other.speedup_low)
    return bool(row.speedup < other.speedup)


CHECKS: Sequence[Any] = (
    find_noise,
    find_failures,
    find_table_threads,
    find_untried_bf16,
    find_slow_static,
    find_slower_rows,
)
