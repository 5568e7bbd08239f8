"""`Call`: one use of a public verb, as data that another process can carry out, and as the Python that does it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.models.fingerprint import glance_at_model
from workbench.models.origin import Origin
from workbench.models.samples import Feed
from workbench.models.variant import Variant

if TYPE_CHECKING:
    from workbench.models.source import Source

TAKES_SOURCE = ("export_onnx", "race_variants")
TAKES_MANY = ("measure_latency", "compare_variants")
RESULTS = {
    "load_model": "source",
    "race_variants": "race",
    "compare_variants": "comparison",
    "measure_latency": "latency",
    "compare_layers": "drift",
    "compare_outputs": "diff",
    "compare_scores": "scores",
    "evaluate_quality": "quality",
    "profile_graph": "profile",
}


@dataclasses.dataclass(frozen=True)
class Written:
    """An argument that is more than its `repr` can say, such as an image.

    Attributes:
        value: What the verb is given.
        code: The Python that makes it.
        needs: Lines that have to stand before it.
    """

    value: Any = dataclasses.field(repr=False)
    code: str
    needs: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Loaded:
    """What is known of a source that was loaded in another process; the model itself stays there.

    Attributes:
        origin: Where it came from.
        text: The source in a line, `html` as a table.
        parameters: How many it has.
        size_bytes: Of its weights.
        examples: What a person would give it.
        samples: The same as the model takes it.
    """

    origin: Origin
    text: str
    html: str = dataclasses.field(repr=False)
    parameters: int
    size_bytes: int
    examples: list[Any] = dataclasses.field(repr=False)
    samples: list[Feed] = dataclasses.field(repr=False)

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


@dataclasses.dataclass(frozen=True)
class Failure:
    """An error that happened in another process.

    Attributes:
        kind: The class of the error.
        message: What it says.
        traceback: Where it happened.
    """

    kind: str
    message: str
    traceback: str = dataclasses.field(default="", repr=False)


@dataclasses.dataclass(frozen=True)
class Call:
    """One verb with what it works on.

    Attributes:
        verb: The name of a public verb.
        subjects: The variants that it is given first, without models; a source stands here as its PyTorch variant.
        arguments: Its keyword arguments; those that are None are left out.
        sources: The models that the subjects came with, where they did.

    Example:
        >>> call = Call("load_model", (), {"source": "demo/qa", "task": None})
        >>> print(call.as_code())
        import workbench as wb
        <BLANKLINE>
        source = wb.load_model('demo/qa')
    """

    verb: str
    subjects: tuple[Variant, ...] = ()
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    sources: tuple[Source | None, ...] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        given = {name: value for name, value in self.arguments.items() if value is not None}
        object.__setattr__(self, "arguments", given)
        # Models do not travel: the other process loads its own, or a copy of one that was changed here.
        object.__setattr__(self, "sources", tuple(each.source for each in self.subjects))
        object.__setattr__(
            self, "subjects", tuple(dataclasses.replace(each, source=None) for each in self.subjects)
        )

    def alone(self) -> Call:
        """The same without the models, to be sent or kept."""
        return Call(self.verb, self.subjects, self.arguments)

    def takes_model(self, variant: Variant) -> bool:
        """Whether it works on the PyTorch model of a subject, and not on its files alone."""
        return variant.runtime == "torch" or bool(
            self.verb == "trace_node" and self.arguments.get("module", False)
        )

    @property
    def result(self) -> str:
        """The name that its result has in code."""
        return RESULTS.get(self.verb, "variant")

    def as_code(self) -> str:
        """The Python that does the same, from the import on; it runs as it stands."""
        if self.verb == "load_model":
            options = dict(self.arguments)
            first = [repr(options.pop("source"))]
            return f"import workbench as wb\n\nsource = {self._write(first, options)}"
        if len(self.subjects) == 1:
            lines, name = self._write_one(self._as_they_are()[0])
            first = [f"[{name}]" if self.verb in TAKES_MANY else name]
        else:
            lines, first = self._write_several()
        lines = self._with_needs(lines)
        return "\n".join([*lines, f"{self.result} = {self._write(first, self.arguments)}"])

    def values(self) -> dict[str, Any]:
        """The keyword arguments as the verb takes them."""
        return {
            name: value.value if isinstance(value, Written) else value
            for name, value in self.arguments.items()
        }

    def _write(self, first: list[str], options: Mapping[str, Any]) -> str:
        codes = {
            name: value.code if isinstance(value, Written) else repr(value) for name, value in options.items()
        }
        arguments = [*first, *(f"{name}={code}" for name, code in codes.items())]
        return f"wb.{self.verb}({', '.join(arguments)})"

    def _with_needs(self, lines: list[str]) -> list[str]:
        needs = [
            line for value in self.arguments.values() if isinstance(value, Written) for line in value.needs
        ]
        imports = [line for line in needs if line.startswith(("from ", "import "))]
        return [*imports, *lines, *(line for line in needs if line not in imports)]

    def _as_they_are(self) -> list[Variant]:
        """The subjects, with a note where a model was changed since it was loaded, as far as that is known.

        This is asked at every key that is typed in a panel, so the weights are not read again each time.
        """
        return [
            dataclasses.replace(variant, origin=dataclasses.replace(variant.origin, edited=True))
            if source is not None and variant.runtime == "torch" and _looks_edited(source)
            else variant
            for variant, source in zip(self.subjects, self.sources, strict=True)
        ]

    def _write_one(self, variant: Variant) -> tuple[list[str], str]:
        lines = variant.as_code().splitlines()
        if self.verb in TAKES_SOURCE:  # they want the source itself, not the variant made of it
            return [line for line in lines if not line.startswith("variant = ")], "source"
        return lines, "variant"

    def _write_several(self) -> tuple[list[str], list[str]]:
        """Variants on disk are brought back from their folders: the code of all would be longer than the table."""
        lines, names = ["import workbench as wb", ""], []
        sources: dict[tuple[str, ...], str] = {}  # what loads one -> its name
        for variant in self._as_they_are():
            if variant.path is not None:
                names.append(f"wb.Variant.load({str(variant.path)!r})")
                continue
            load, *note, make = variant.as_code().splitlines()[2:]
            if (load, *note) not in sources:
                sources[load, *note] = f"source_{len(sources) + 1}" if sources else "source"
                lines += [load.replace("source", sources[load, *note], 1), *note]
            names.append(make.removeprefix("variant = ").replace("source", sources[load, *note], 1))
        if self.verb in TAKES_MANY:
            lines += ["variants = [", *(f"    {name}," for name in names), "]"]
            return lines, ["variants"]
        for label, name in zip(("reference", "candidate"), names, strict=True):
            lines.append(f"{label} = {name}")
        return lines, ["reference", "candidate"]


def _looks_edited(source: Source) -> bool:
    return glance_at_model(source.model) != source.origin.fingerprint
