"""`Call`: one use of a public verb, as data that another process can carry out, and as the Python that does it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from workbench.models.origin import Origin
from workbench.models.samples import Feed
from workbench.models.variant import Variant

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
        subjects: The variants that it is given first; a source stands here as its PyTorch variant.
        arguments: Its keyword arguments; those that are None are left out.

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

    def __post_init__(self) -> None:
        given = {name: value for name, value in self.arguments.items() if value is not None}
        object.__setattr__(self, "arguments", given)
        # Models do not travel: the other process loads its own.
        object.__setattr__(
            self, "subjects", tuple(dataclasses.replace(each, source=None) for each in self.subjects)
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
            lines, name = self._write_one(self.subjects[0])
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

    def _write_one(self, variant: Variant) -> tuple[list[str], str]:
        lines = variant.as_code().splitlines()
        if self.verb in TAKES_SOURCE:  # they want the source itself, not the variant made of it
            return [line for line in lines if not line.startswith("variant = ")], "source"
        return lines, "variant"

    def _write_several(self) -> tuple[list[str], list[str]]:
        """Variants on disk are brought back from their folders: the code of all would be longer than the table."""
        lines, names = ["import workbench as wb", ""], []
        sources: dict[str, str] = {}  # what loads one -> its name
        for variant in self.subjects:
            if variant.path is not None:
                names.append(f"wb.Variant.load({str(variant.path)!r})")
                continue
            load, *make = variant.as_code().splitlines()[2:]
            if load not in sources:
                sources[load] = f"source_{len(sources) + 1}" if sources else "source"
                lines.append(load.replace("source", sources[load], 1))
            names.append(make[-1].removeprefix("variant = ").replace("source", sources[load], 1))
        if self.verb in TAKES_MANY:
            lines += ["variants = [", *(f"    {name}," for name in names), "]"]
            return lines, ["variants"]
        for label, name in zip(("reference", "candidate"), names, strict=True):
            lines.append(f"{label} = {name}")
        return lines, ["reference", "candidate"]
