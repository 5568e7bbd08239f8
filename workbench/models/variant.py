"""`Variant`: one runnable form of a source, and the manifest (`variant.json`) that describes it on disk.

Imports neither torch nor transformers: a variant can be opened where it is deployed.
"""

from __future__ import annotations

import dataclasses
import datetime
import html
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import VariantError
from workbench.machine import cpu_features, package_versions
from workbench.models.manifest import FORMAT, hash_files, is_model_file
from workbench.models.origin import Origin, Step, write_code
from workbench.models.samples import Feed, load_feeds
from workbench.models.tasks import Task, find_task
from workbench.models.workspace import MANIFEST

if TYPE_CHECKING:
    from workbench.models.source import Source

SAMPLES = "samples.npz"


@dataclasses.dataclass(frozen=True, repr=False)
class Variant:
    """One runnable form of a source: torch fp32, ONNX fp32, ONNX int8, …

    Attributes:
        name: A short name that is good in a table, such as `onnx-int8-dynamic`.
        runtime: "torch", "onnxruntime" or "openvino".
        precision: "fp32", "bf16", "fp16", "int8" or "int4".
        origin: The model that it comes from.
        path: Its folder; None for a PyTorch variant, which lives in memory.
        steps: The calls that made it, oldest first.
        parent_path: The folder of the variant it was made from, where that is one on disk.
        files: Name -> {"bytes", "sha256"} of every file of the folder.
        versions: The packages it was made with.
        cpu: The CPU features of the machine it was made on.
        report: What its verb has to say, such as which fusions happened.
        settings: How its runtime is set where that differs from the usual, such as {"spinning": False}.
    """

    name: str
    runtime: str
    precision: str
    origin: Origin
    path: Path | None = None
    steps: tuple[Step, ...] = ()
    parent_path: Path | None = None
    files: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict, hash=False)
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)
    cpu: tuple[str, ...] = ()
    report: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    compiled: bool = False
    made: str = dataclasses.field(default="", compare=False)
    source: Source | None = dataclasses.field(default=None, compare=False)

    @property
    def task(self) -> str:
        """The task's name, such as "question-answering"."""
        return self.origin.task

    @property
    def task_row(self) -> Task:
        """The task's row in the table of tasks."""
        return find_task(self.origin.task, encoder_decoder=self.origin.encoder_decoder)

    @property
    def parent(self) -> Variant | None:
        """The variant that it was made from: one on disk, or the PyTorch model; None for that one itself.

        Raises:
            VariantError: The parent's folder is gone or altered.
        """
        if self.parent_path is not None:
            try:
                return Variant.load(self.parent_path)
            except (FileNotFoundError, VariantError) as error:
                raise VariantError(
                    f"The variant that {self.name} was made from, {self.parent_path}, is gone or was altered. "
                    f"{self.name} itself runs without it; print(variant.as_code()) says how to make both again."
                ) from error
        return None if self.runtime == "torch" else torch_variant(self.origin, source=self.source)

    @property
    def size_bytes(self) -> int:
        """The bytes of the model itself: graph and weights, without tokenizer and samples."""
        if self.runtime == "torch":
            return self.source.size_in(self.precision) if self.source else 0
        return sum(entry["bytes"] for name, entry in self.files.items() if is_model_file(name))

    @property
    def onnx_files(self) -> tuple[Path, ...]:
        """The variant's ONNX graphs; several where an encoder and a decoder have files of their own."""
        if self.path is None:
            return ()
        return tuple(self.path / name for name in sorted(self.files) if name.endswith(".onnx"))

    def samples(self) -> list[Feed]:
        """The real sample inputs that came with the source."""
        if self.path is not None and SAMPLES in self.files:
            return load_feeds(self.path / SAMPLES)
        return self.source.samples if self.source is not None else []

    def as_code(self) -> str:
        """The Python that makes this variant again, from the source on.

        Example:
            >>> print(torch_variant(Origin("demo/qa", "question-answering")).as_code())
            import workbench as wb
            <BLANKLINE>
            source = wb.load_model('demo/qa', task='question-answering')
            variant = source.baseline
        """
        asked = {"precision": self.precision, "compiled": self.compiled} if self.runtime == "torch" else None
        return write_code(self.origin, [self._with_paths(step) for step in self.steps], asked)

    def _with_paths(self, step: Step) -> Step:
        """The step as it can be called from anywhere: the samples that it was given lie in the variant's folder."""
        samples = step.arguments.get("samples")
        if samples is None or self.path is None:
            return step
        return Step(step.verb, {**step.arguments, "samples": str(self.path / samples)})

    def to_dict(self) -> dict[str, Any]:
        """The manifest's content, as plain data."""
        return {
            "format": FORMAT,
            "name": self.name,
            "runtime": self.runtime,
            "precision": self.precision,
            "origin": dataclasses.asdict(self.origin),
            "steps": [dataclasses.asdict(step) for step in self.steps],
            "parent": os.path.relpath(self.parent_path, self.path)
            if self.parent_path and self.path
            else None,
            "files": {name: dict(entry) for name, entry in self.files.items()},
            "versions": dict(self.versions),
            "cpu": list(self.cpu),
            "report": dict(self.report),
            "settings": dict(self.settings),
            "made": self.made,
        }

    def __str__(self) -> str:
        size = f", {self.size_bytes / 1e6:,.1f} MB" if self.size_bytes else ""
        return f"{self.name} ({self.runtime}, {self.precision}{size}) of {self.origin.source}"

    def __repr__(self) -> str:
        return f"<{self}>"

    def _repr_html_(self) -> str:
        rows = {
            "variant": self.name,
            "runtime": f"{self.runtime}, {self.precision}",
            "size": f"{self.size_bytes / 1e6:,.1f} MB",
            "of": f"{self.origin.source} ({self.task})",
            "made by": ", ".join(step.verb for step in self.steps) or "load_model",
            "folder": str(self.path or "in memory"),
        }
        cells = [f"<th>{name}</th><td>{html.escape(text)}</td>" for name, text in rows.items()]
        return f"<table><tr>{'</tr><tr>'.join(cells)}</tr></table>"

    @classmethod
    def load(cls, folder: str | Path) -> Variant:
        """Brings a variant back from its folder, after checking that every file is there and unaltered.

        Args:
            folder: A folder that a verb of the workbench made.

        Raises:
            FileNotFoundError: There is no such folder, or it holds no variant.
            VariantError: The manifest cannot be read, or a file is missing or was altered.
        """
        from workbench.models.stored import check_contents, read_variant

        variant = read_variant(folder)
        check_contents(variant)
        return variant


def torch_variant(
    origin: Origin, *, source: Source | None = None, precision: str | None = None, compiled: bool = False
) -> Variant:
    """The PyTorch variant of an origin; `source` is the loaded model where it is in memory."""
    precision = precision or origin.dtype
    name = f"torch-{precision}" + ("-compiled" if compiled else "")
    return Variant(name, "torch", precision, origin, compiled=compiled, source=source)


def write_manifest(variant: Variant, folder: Path) -> Variant:
    """Completes a variant with its files' hashes, versions and CPU, and writes its manifest into `folder`.

    The last thing that a verb writes before the folder gets its name.
    """
    complete = dataclasses.replace(
        variant,
        files=hash_files(folder),
        versions=package_versions(),
        cpu=cpu_features(),
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    text = json.dumps(complete.to_dict(), indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return complete


def resolve_variant(value: Variant | Source | str | Path) -> Variant:
    """What callers may pass where a variant is wanted: a variant, a source, or a variant's folder.

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(value, Variant):
        for name in value.files:
            if value.path is not None and not (value.path / name).is_file():
                gone = (
                    f"The file {name!r} of {value.name} is gone"
                    if value.path.is_dir()
                    else f"{value.name} is gone"
                )
                raise VariantError(
                    f"{gone} from {value.path}. Make the variant again; print(variant.as_code()) says how."
                )
        return value
    if isinstance(value, str | Path):
        return Variant.load(value)
    baseline = getattr(value, "baseline", None)
    if isinstance(baseline, Variant):
        return baseline
    raise TypeError(
        f"Expected a Variant, a Source or a variant's folder, got {type(value).__name__}: {value!r:.80}."
    )
