"""Checks of `explain` that look at the CPU, the threads and the inputs. Each takes the facts and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.compare.advice_facts import Facts
from workbench.compare.advice_kernels import INT8
from workbench.compare.advice_rows import Finding, Fine, Outcome, Skipped
from workbench.compare.engine import BATCH_SIZE
from workbench.models.settings import count_threads

INT8_UNITS = ("avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm")
WASTE = 0.2  # a share of padding that is worth a word
GAIN = 0.1


def find_int8_units(facts: Facts) -> Outcome:
    """int8 on a CPU without instructions for it (VNNI, AMX; on ARM dot products)."""
    if facts.precision != "int8":
        return Skipped(f"its weights are {facts.precision}")
    if not facts.cpu:
        return Skipped("what this CPU can do is not known")
    found = [name for name in INT8_UNITS if name in facts.cpu]
    if found:
        return Fine(f"this CPU has {', '.join(found)}")
    share = facts.share(facts.of(INT8)) if facts.kernels else 1.0
    return Finding(
        "no-int8-units",
        "This CPU has no instructions for int8 products",
        f"Of {', '.join(INT8_UNITS)} it has none; it has {', '.join(facts.cpu)}."
        + (f" Products in int8 take {share:.0%} of the time." if facts.kernels else ""),
        "Expect little over fp32: measure both. The same files are faster on a CPU with VNNI (Intel since 2019, AMD "
        "since Zen 4) or AMX.",
        weight=share * 0.5,
    )


def find_other_cpu(facts: Facts) -> Outcome:
    """int8 weights that were made for another kind of CPU."""
    if facts.narrow is None or not facts.cpu or "avx2" not in facts.cpu:
        return Skipped("the range of its weights does not depend on the CPU")
    units = any(name in facts.cpu for name in INT8_UNITS)
    if facts.narrow and units:
        return Finding(
            "other-cpu",
            "Its weights keep to 7 bits for a CPU without VNNI, and this one has it",
            f"Made on a CPU with {', '.join(facts.made_on) or 'nothing known'}; this one has {', '.join(facts.cpu)}.",
            "Quantize again on this machine: as fast, and closer to the original.",
            weight=0.05,
        )
    if not facts.narrow and not units:
        return Finding(
            "other-cpu",
            "Its weights use all 8 bits, which can overflow on this CPU",
            f"Made on a CPU with {', '.join(facts.made_on) or 'nothing known'}; this one has {', '.join(facts.cpu)}, "
            "and adds products in 16 bits.",
            "Quantize again on this machine: the weights then keep to 7 bits. Until then check the quality here.",
            weight=0.5,
        )
    return Fine(f"its weights use {'7' if facts.narrow else '8'} bits, as this CPU wants it")


def find_too_many_threads(facts: Facts) -> Outcome:
    """More threads than cores that the process may use."""
    return judge_threads(facts.threads, facts.cores, facts.machine_cores)


def judge_threads(threads: int, cores: int, machine_cores: int) -> Outcome:
    """The same for plain numbers.

    Example:
        >>> judge_threads(8, 2, 64).title
        'More threads than cores'
        >>> judge_threads(2, 2, 2).reason
        '2 threads on 2 usable cores'
    """
    if threads > cores:
        return Finding(
            "too-many-threads",
            "More threads than cores",
            f"{threads} threads share the {cores} cores that this process may use (affinity and container quota; the "
            f"machine has {machine_cores}). They wait for each other at the end of every kernel.",
            f"Give threads={cores}, or None, which takes the usable cores.",
            weight=min(1.0, 1 - cores / threads),
        )
    own = (
        f"; left to itself ONNX Runtime would take all {machine_cores} of the machine: set intra_op_num_threads where "
        "you deploy"
        if machine_cores > cores
        else ""
    )
    return Fine(f"{count_threads(threads)} on {cores} usable cores{own}")


def find_padding(facts: Facts) -> Outcome:
    """Padding that is computed for nothing at this mix of lengths."""
    if facts.no_rows:
        return Skipped(facts.no_rows)
    if len(facts.rows) < 2:
        return Skipped("one input alone says nothing about a mix of lengths")
    real, width = (sum(row[index] for row in facts.rows) for index in (0, 1))
    given = 1 - real / width if width else 0.0
    if given >= WASTE:
        return Finding(
            "padding",
            "Much of the input is padding",
            f"{given:.0%} of the {width:,} tokens in {facts.rows_from} are padding.",
            "Pad to the longest input of each batch, not to a fixed length, and put inputs of similar length together.",
            weight=given,
        )
    lengths = [tokens for tokens, _ in facts.rows]
    batch = min(BATCH_SIZE, max(2, len(lengths) // 4))
    mixed, ordered = measure_padding(lengths, batch), measure_padding(sorted(lengths), batch)
    figures = (
        f"{len(lengths):,} inputs of {min(lengths)} to {max(lengths)} tokens in batches of {batch}: {mixed:.0%} is "
        f"padding as they come, {ordered:.0%} when sorted by length"
    )
    if mixed < WASTE or mixed - ordered < GAIN:
        return Fine(figures)
    return Finding(
        "padding",
        f"{mixed:.0%} of the tokens computed are padding when inputs are batched in the order they arrive",
        f"In {facts.rows_from}: {figures}.",
        "Sort by length before batching (evaluate_quality does), or run one input at a time.",
        weight=(mixed - ordered) / 2,  # only where inputs do go through in batches
    )


def measure_padding(lengths: Sequence[int], batch: int) -> float:
    """The share of tokens that are padding when inputs go through in batches, each as wide as its longest.

    Example:
        >>> round(measure_padding([10, 30, 10, 30], 2), 2), measure_padding([10, 10, 30, 30], 2)
        (0.33, 0.0)
    """
    groups = [lengths[start : start + batch] for start in range(0, len(lengths), batch)]
    computed = sum(max(group) * len(group) for group in groups)
    return 1 - sum(lengths) / computed if computed else 0.0
