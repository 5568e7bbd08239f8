"""`Advice`: what `explain` returns, and how it prints. Also what a single check may come to."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Sequence
from typing import Any

from workbench.compare.saving import make_plain
from workbench.graph.tables import LONGEST_LINE, shorten

HIGH, MEDIUM = 0.25, 0.08


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that costs time or size, or cannot be relied on.

    Attributes:
        code: A short name that programs can look for.
        title: What was found, in a line.
        evidence: The figures that say so.
        advice: What to do.
        weight: How much it matters, from 0 to 1: mostly the share of the time that could be won.
        subject: Which variant it was found in.
    """

    code: str
    title: str
    evidence: str
    advice: str
    weight: float
    subject: str = ""

    @property
    def severity(self) -> str:
        """The weight in a word."""
        return "high" if self.weight >= HIGH else "medium" if self.weight >= MEDIUM else "low"


@dataclasses.dataclass(frozen=True)
class Fine:
    """A check that ran and has nothing to report: what it saw."""

    reason: str


@dataclasses.dataclass(frozen=True)
class Skipped:
    """A check that does not apply, or could not be made: why."""

    reason: str


Outcome = Finding | Fine | Skipped


@dataclasses.dataclass(frozen=True)
class Checked:
    """A check and what came of it.

    Attributes:
        code: Its short name.
        question: What it looks for.
        outcome: "found", "fine" or "not checked".
        reason: What it saw, or why it was not made.
        subject: In which variant.
    """

    code: str
    question: str
    outcome: str
    reason: str
    subject: str = ""


@dataclasses.dataclass(frozen=True)
class Advice:
    """Why something is as fast as it is, and what to do. Print it, or look into `findings`.

    Attributes:
        title: What was looked at.
        how: How: the sample, the threads, the CPU.
        findings: What was found, what matters most first.
        checks: Every check with what came of it, also those that found nothing or did not apply.
        sentences: A sentence per row of a table, where one was given.
    """

    title: str
    how: tuple[str, ...]
    findings: tuple[Finding, ...]
    checks: tuple[Checked, ...]
    sentences: tuple[str, ...] = ()

    def headline(self) -> str:
        """The result in a line."""
        made = sum(check.outcome != "not checked" for check in self.checks)
        of = f"{made} check{'' if made == 1 else 's'}"
        if not self.findings:
            return f"{self.title}: nothing to report ({of} made, {len(self.checks) - made} did not apply)"
        count = f"{len(self.findings)} finding{'' if len(self.findings) == 1 else 's'}"
        return f"{self.title}: {count} ({of} made, {len(self.checks) - made} did not apply)"

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data."""
        plain: dict[str, Any] = make_plain(dataclasses.asdict(self))
        for row, finding in zip(plain["findings"], self.findings, strict=True):
            row["severity"] = finding.severity
        return plain

    def __str__(self) -> str:
        lines = [self.headline(), *(f"  {line}" for line in (*self.how, *self.sentences))]
        for number, finding in enumerate(self.findings, start=1):
            lines += ["", f"{number}. {_title(finding)}"]
            lines += [f"   Evidence: {finding.evidence}", f"   What to do: {finding.advice}"]
        for heading, said in self._silent():
            lines += ["", heading, *(f"  {line}" for line in said)]
        return "\n".join("".join(c if c.isprintable() else "�" for c in line) for line in lines)

    def _repr_html_(self) -> str:
        found = "".join(
            f"<li><strong>{_escape(_title(finding))}</strong><br>{_escape(finding.evidence)}"
            f"<br>What to do: {_escape(finding.advice)}</li>"
            for finding in self.findings
        )
        silent = "".join(
            f"<p>{heading}</p><ul>{''.join(f'<li>{_escape(line)}</li>' for line in said)}</ul>"
            for heading, said in self._silent()
        )
        lines = "".join(f"<br>{_escape(line)}" for line in (*self.how, *self.sentences))
        return (
            f"<div><p><strong>{_escape(self.headline())}</strong>{lines}</p>"
            + (f"<ol>{found}</ol>" if found else "")
            + (f"<details><summary>What else was looked at</summary>{silent}</details>" if silent else "")
            + "</div>"
        )

    def _silent(self) -> list[tuple[str, list[str]]]:
        """The checks without a finding, under headings; those that did not apply are put together by their reason."""
        fine = [_say(check) for check in self.checks if check.outcome == "fine"]
        why: dict[str, list[str]] = {}
        for check in self.checks:
            if check.outcome == "not checked":
                subject = f"{check.subject}: " if check.subject else ""
                why.setdefault(f"{subject}{check.reason}", []).append(check.code)
        skipped = [f"{reason} ({', '.join(codes)})" for reason, codes in why.items()]
        groups = (("Looked at, nothing to report:", fine), ("Not checked:", skipped))
        return [(title, lines) for title, lines in groups if lines]


def merge_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """What matters most first; what was found alike in several variants is said once, with all their names."""
    merged: dict[tuple[str, str, str, str], Finding] = {}
    for finding in findings:
        key = (finding.code, finding.title, finding.evidence, finding.advice)
        known = merged.get(key)
        if known is not None:
            subject = ", ".join(filter(None, (known.subject, finding.subject)))
            finding = dataclasses.replace(known, subject=subject, weight=max(known.weight, finding.weight))
        merged[key] = finding
    return tuple(sorted(merged.values(), key=lambda finding: (-finding.weight, finding.code)))


def _title(finding: Finding) -> str:
    subject = f"{finding.subject}: " if finding.subject else ""
    return f"[{finding.severity}] {subject}{finding.title}"


def _say(check: Checked) -> str:
    subject = f"{check.subject}: " if check.subject else ""
    return f"{subject}{check.question} – {check.reason}"


def _escape(text: str) -> str:
    return html.escape(shorten(text, LONGEST_LINE))
