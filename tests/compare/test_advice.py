"""`explain`: variants, folders and lists of them; what it says when there is nothing to say; how it prints."""

from __future__ import annotations

import dataclasses
import html.parser
import json
import re

import numpy as np
import pytest

import workbench as wb
from tests.compare.advising import OLD, made_up
from tests.variants import bench  # noqa: F401
from workbench.compare import advice, advice_graph, advice_machine
from workbench.compare import advice_table as table
from workbench.compare.advice_kernels import FLOAT, INT8, OTHER, QUANTIZE
from workbench.compare.advice_rows import Advice, Finding, merge_findings
from workbench.compare.comparison import Comparison

EVIL = "</script><b>\x1b"


def test_a_variant_says_what_it_looked_at_and_never_nothing(bench):  # noqa: F811
    advised = wb.explain(bench.int8(), threads=1)
    assert len(advised.checks) == len(advice.CHECKS)
    assert all(check.reason and check.question for check in advised.checks)
    assert len(advised.findings) == sum(check.outcome == "found" for check in advised.checks)
    (counted,) = (check for check in advised.checks if check.code == "int8-share")
    assert "9 of 9 matrix products" in counted.reason
    assert [f.weight for f in advised.findings] == sorted((f.weight for f in advised.findings), reverse=True)


def test_a_folder_a_source_and_a_list(bench):  # noqa: F811
    alone = wb.explain(str(bench.small().path), threads=1)
    assert "onnx-int8-dynamic" in alone.title
    assert "PyTorch" in str(wb.explain(bench.source(), threads=1))
    both = wb.explain([bench.source(), bench.small()], threads=64)
    assert both.title == "2 variants"
    assert {check.subject for check in both.checks} == {"torch-fp32", "onnx-int8-dynamic"}
    (threads,) = (finding for finding in both.findings if finding.code == "too-many-threads")
    assert threads.subject == "torch-fp32, onnx-int8-dynamic"


def test_samples_are_what_is_looked_at(bench):  # noqa: F811
    feed = bench.small().samples()[0]
    padded = {name: np.pad(value, ((0, 0), (0, 90))) for name, value in feed.items()}
    advised = wb.explain(bench.small(), samples=[padded, padded], threads=1)
    assert "padding" in [finding.code for finding in advised.findings]
    assert "2 samples with 1 thread" in advised.how[0]


def test_openvino_is_said_not_to_be_profiled(bench):  # noqa: F811
    variant = dataclasses.replace(bench.exported(), runtime="openvino", name="openvino-fp32")
    assert "it runs on OpenVINO, whose kernels are not profiled here" in str(wb.explain(variant))


@pytest.mark.parametrize(
    ("subject", "options", "error", "message"),
    [
        ([], {}, ValueError, "the list is empty"),
        (Comparison((), ""), {}, ValueError, "no rows"),
        (3, {}, TypeError, "got int"),
        ([3], {}, TypeError, "got int"),
        ([], {"threads": 0}, ValueError, "threads must be"),
        ([], {"samples": []}, ValueError, "samples is empty"),
    ],
)
def test_bad_arguments(subject, options, error, message):
    with pytest.raises(error, match=message):
        wb.explain(subject, **options)


def quiet_advice() -> Advice:
    """Of a variant with which nothing is wrong."""
    facts = made_up(
        (INT8, 8.0), (OTHER, 2.0), verbs=("optimize_onnx",), fused=True, not_fused=(), narrow=False
    )
    facts = dataclasses.replace(
        facts,
        kernels=tuple(dataclasses.replace(k, weight="int8") for k in facts.kernels),
        rows=((9, 9), (9, 9)),
    )
    findings, checks = advice.run_checks(advice.CHECKS, facts)
    return Advice("it", ("how",), merge_findings(findings), tuple(checks))


def test_nothing_to_report_names_what_was_looked_at():
    advised = quiet_advice()
    assert advised.findings == ()
    text = str(advised)
    assert "it: nothing to report (9 checks made, 4 did not apply)" in text
    assert "Looked at, nothing to report:" in text
    assert "its weights are int8 (half-precision)" in text


def test_it_prints_and_is_plain_data():
    facts = made_up((INT8, 1.0), (QUANTIZE, 1.0), (FLOAT, 2.0), cpu=(*OLD, EVIL))
    findings, checks = advice.run_checks(advice.CHECKS, facts, subject=EVIL)
    advised = Advice(EVIL, (EVIL,), merge_findings(findings), tuple(checks), (EVIL,))
    assert findings
    page = advised._repr_html_()
    assert "<b>" not in page
    tags: list[str] = []
    parser = html.parser.HTMLParser()
    parser.handle_starttag = lambda tag, _: tags.append(tag)
    parser.handle_endtag = lambda tag: tags.remove(tag)
    parser.feed(page)
    assert set(tags) <= {"br"}
    assert "\x1b" not in str(advised)
    plain = json.loads(json.dumps(advised.to_dict(), allow_nan=False))
    assert plain["findings"][0]["severity"] in ("high", "medium", "low")
    assert re.search(r"1\. \[high\]", str(advised))


def test_equal_findings_of_several_variants_are_said_once():
    one = Finding("a", "t", "e", "d", 0.1, "x")
    merged = merge_findings(
        [one, dataclasses.replace(one, subject="y", weight=0.3), Finding("b", "", "", "", 0.2)]
    )
    assert [(item.code, item.subject) for item in merged] == [("a", "x, y"), ("b", "")]


def test_every_check_is_made():
    homes = (advice_graph, advice_machine)
    names = {name for home in homes for name in dir(home) if name.startswith("find_")}
    assert {check.__name__ for check in advice.CHECKS} == names, "Add the new check to CHECKS in advice.py."
    assert {check.__name__ for check in table.CHECKS} == {n for n in dir(table) if n.startswith("find_")}
