"""`explain`: why a variant or a table of them is as fast as it is, each finding with its figures and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from workbench.compare import advice_graph, advice_machine, advice_table
from workbench.compare.advice_facts import Facts, gather_facts
from workbench.compare.advice_rows import Advice, Checked, Finding, Fine, Outcome, merge_findings
from workbench.compare.advice_table import TableFacts, read_table, say_rows
from workbench.compare.latency_plan import label_variants
from workbench.models.samples import check_feeds
from workbench.models.settings import check_number, count_threads
from workbench.models.variant import Variant, resolve_variant

CHECKS: tuple[Callable[[Facts], Outcome], ...] = (
    advice_graph.find_int8_share,
    advice_graph.find_unsigned_weights,
    advice_graph.find_unfused_qdq,
    advice_graph.find_quantize_overhead,
    advice_graph.find_packed_weights,
    advice_graph.find_half_precision,
    advice_graph.find_missing_fusions,
    advice_graph.find_tiny_kernels,
    advice_graph.find_float_embeddings,
    advice_machine.find_int8_units,
    advice_machine.find_other_cpu,
    advice_machine.find_too_many_threads,
    advice_machine.find_padding,
)
Given = TypeVar("Given")


def explain(
    subject: Any,
    *,
    samples: str | Path | Iterable[Mapping[str, np.ndarray]] | None = None,
    threads: int | None = None,
    dataset: Any = None,
) -> Advice:
    """Says why something is as fast as it is: findings, each with its evidence in figures and what to do.

    A variant of ONNX Runtime is profiled on its sample, and its kernels are counted as they were really run; that
    takes a few seconds. Of a table what its rows say is used, and of a race also its winner.

    Args:
        subject: A variant, its folder, a source, several of them in a list, a `Comparison`, or a `Race`.
        samples: Feeds to look at; by default the variant's own, and for the winner of a race those that it was timed
            on. The first four are profiled.
        threads: How many threads a run uses; None takes the usable cores, and for the winner of a race as many as the
            race did. A variant that is set to fewer takes fewer.
        dataset: Labelled data as `evaluate_quality` takes them, for the mix of lengths; by default the samples'.

    Returns:
        The advice, what matters most first. Where nothing was found it says what was looked at.

    Raises:
        ValueError: There is nothing to look at, or a number makes no sense.
        TypeError: It is something else.

    Example:
        >>> advice = explain(quantize_weights(export_onnx(load_model("random/tiny-bert"))))
        >>> finding = next(finding for finding in advice.findings if finding.code == "packed-weights")
        >>> finding.title
        'Weight-only quantization makes it small, not fast'
    """
    check_number("threads", threads, whole=True)
    feeds = check_feeds(samples) if samples is not None else None
    options: dict[str, Any] = {"feeds": feeds, "threads": threads, "dataset": dataset}
    if _is_table(subject):
        return _explain_table(subject, options)
    if _is_one(subject):
        subject = [subject]
    elif not isinstance(subject, Iterable):
        raise TypeError(
            "explain takes a variant, its folder, a list of them, a Comparison or a Race, got "
            f"{type(subject).__name__}. Where its rows are about variants, give the variants themselves."
        )
    variants = [resolve_variant(item) for item in subject]
    if not variants:
        raise ValueError("There is nothing to explain: the list is empty. Give at least one variant.")
    return _explain_variants(variants, options)


def _is_table(subject: Any) -> bool:
    """Whether it has rows that say what was measured, as those of a `Comparison` and a `Race` do."""
    rows = getattr(subject, "rows", None)
    return isinstance(rows, tuple) and all(
        hasattr(row, name) for row in rows for name in ("precision", "runtime", "speedup")
    )


def _is_one(subject: Any) -> bool:
    return isinstance(subject, str | Path | Variant) or isinstance(
        getattr(subject, "baseline", None), Variant
    )


def _explain_variants(variants: list[Variant], options: Mapping[str, Any]) -> Advice:
    alone = len(variants) == 1
    findings: list[Finding] = []
    checks: list[Checked] = []
    how: list[str] = []
    for variant, name in zip(variants, label_variants(variants), strict=True):
        facts = gather_facts(variant, **options)
        found, made = run_checks(CHECKS, facts, subject="" if alone else name)
        findings += found
        checks += made
        how.append(("" if alone else f"{name}: ") + describe_facts(facts))
    title = f"{variants[0].name} of {variants[0].origin.source}" if alone else f"{len(variants)} variants"
    return Advice(title, tuple(how), merge_findings(findings), tuple(checks))


def _explain_table(table: Any, options: Mapping[str, Any]) -> Advice:
    if not table.rows:
        raise ValueError("There is nothing to explain: the table has no rows.")
    facts = read_table(table)
    findings, checks = run_checks(advice_table.CHECKS, facts)
    how = [_describe_table(facts)]
    winner = getattr(table, "winner", None)
    if isinstance(winner, Variant):
        # As it was measured: with as many threads, and on the same inputs.
        feeds = options["feeds"] if options["feeds"] is not None else getattr(table, "samples", None)
        own = gather_facts(
            winner, **{**options, "feeds": feeds, "threads": options["threads"] or facts.threads}
        )
        found, made = run_checks(CHECKS, own, subject=winner.name)
        findings += found
        checks += made
        how.append(f"{winner.name}: {describe_facts(own)}")
    title = f"{len(table.rows)} variants of {getattr(table, 'source', '') or 'a model'}"
    return Advice(title, tuple(how), merge_findings(findings), tuple(checks), say_rows(facts))


def run_checks(
    checks: Iterable[Callable[[Given], Outcome]], facts: Given, *, subject: str = ""
) -> tuple[list[Finding], list[Checked]]:
    """Makes every check, and notes what came of each."""
    findings, made = [], []
    for check in checks:
        outcome = check(facts)
        question = (check.__doc__ or "").strip().split("\n")[0].rstrip(".")
        code = check.__name__.removeprefix("find_").replace("_", "-")
        if isinstance(outcome, Finding):
            findings.append(Finding(**{**vars(outcome), "subject": subject}))
            made.append(Checked(code, question, "found", outcome.evidence, subject))
        else:
            kind = "fine" if isinstance(outcome, Fine) else "not checked"
            made.append(Checked(code, question, kind, outcome.reason, subject))
    return findings, made


def describe_facts(facts: Facts) -> str:
    """What was looked at, in a line."""
    cpu = f"CPU with {', '.join(facts.cpu)}" if facts.cpu else "a CPU of which nothing is known"
    if facts.no_kernels:
        return f"no profile, since {facts.no_kernels}; {cpu}"
    samples = "1 sample" if facts.samples == 1 else f"{facts.samples} samples"
    threads = count_threads(facts.threads)
    return f"profiled on {samples} with {threads}, {len(facts.kernels)} kernels, {facts.plain_ms:.3g} ms a run; {cpu}"


def _describe_table(facts: TableFacts) -> str:
    measured = f", {count_threads(facts.threads)}" if facts.threads else ""
    return f"from its rows{measured}; CPU with {', '.join(facts.cpu) or 'nothing known'}"
