"""`set_session`: the same model with other settings of its runtime, such as threads that sleep while they wait."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.convert.build import build_variant, with_files
from workbench.convert.checks import compare_runs, require_close, run_all, trial_feeds
from workbench.convert.linking import link_files
from workbench.models.manifest import is_model_file
from workbench.models.origin import Step
from workbench.models.settings import check_settings
from workbench.models.variant import Variant, resolve_variant

TUNED = "-tuned"
# Other threads add up in another order, and a sum at the edge of two int8 numbers may fall on the other side.
TOLERANCE = {"fp32": 1e-3}
TOLERANCE_OF_OTHERS = 5e-2


def set_session(
    variant: Variant | str | Path,
    *,
    threads: int | None = None,
    spinning: bool | None = None,
    arena: bool | None = None,
    out_dir: str | Path | None = None,
) -> Variant:
    """The same model files with other settings of the session that runs them. The files take no room again.

    What is not given stays as it was. `tune_session` finds out whether any of it pays.

    Args:
        variant: An ONNX or OpenVINO variant, or its folder.
        threads: How many threads a call takes, unless `open_runner` is told fewer.
        spinning: Whether threads that wait for work keep a core busy meanwhile. ONNX Runtime alone; its own choice
            is True. False is for machines that do something else besides.
        arena: Whether freed memory is kept for the next call. ONNX Runtime alone; its own choice is True. False
            takes less memory where shapes vary, and more time.
        out_dir: A folder for the variant; None puts it into the workspace.

    Returns:
        The variant, with what was given in its `settings`; every way of opening it follows them.

    Raises:
        ValueError: Nothing was given, a number makes no sense, or the variant's runtime has no such setting.
        TypeError: `spinning` or `arena` is not True or False.
        ConvertError: What came out does not run, or not as before.

    Example:
        >>> tuned = set_session(export_onnx(load_model("random/tiny-bert")), threads=1)
        >>> tuned.name, tuned.settings
        ('onnx-fp32-tuned', {'threads': 1})
    """
    parent = resolve_variant(variant)
    asked = {"threads": threads, "spinning": spinning, "arena": arena}
    given = {name: value for name, value in asked.items() if value is not None}
    if parent.runtime == "torch":
        raise ValueError(
            f"set_session takes an ONNX or OpenVINO variant, got {parent.name} (torch), which has no session. "
            "Export it first; how many threads it takes is said to open_runner(variant, threads=…)."
        )
    if not given:
        raise ValueError("Nothing to set: give at least one of threads, spinning and arena.")
    check_settings(given, parent.runtime)
    draft = dataclasses.replace(
        parent,
        name=parent.name if parent.name.endswith(TUNED) else parent.name + TUNED,
        steps=(*parent.steps, Step("set_session", given)),
        settings={**parent.settings, **given},
        parent_path=parent.path,
    )

    def make(work: Path, draft: Variant) -> Mapping[str, Any]:
        link_files(parent, work)
        feeds = trial_feeds(parent.samples(), parent.report.get("max_length"))
        figures = compare_runs(run_all(parent, feeds), run_all(with_files(draft), feeds), feeds)
        tolerance = TOLERANCE.get(parent.precision, TOLERANCE_OF_OTHERS)
        return {**parent.report, **require_close(figures, draft, parent.name, tolerance)}

    # The same steps on another CPU may have made the parent of other files.
    kept = {name: entry for name, entry in parent.files.items() if is_model_file(name)}
    return build_variant(draft, out_dir=out_dir, make=make, kept=kept)
