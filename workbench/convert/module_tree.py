"""The modules of what can be quantized as a tree, and globs that mean its branches."""

from __future__ import annotations

import dataclasses
import glob
import re
from collections.abc import Iterable, Sequence


@dataclasses.dataclass(frozen=True)
class Weight:
    """A node with a weight that can be quantized.

    Attributes:
        node: Its name.
        module: The PyTorch module that it comes from; empty where its names speak of none.
        operator: Its operator type.
        taken: Whether the globs leave it in.
    """

    node: str
    module: str
    operator: str
    taken: bool


@dataclasses.dataclass(frozen=True)
class Branch:
    """A module in the tree of what can be quantized.

    Attributes:
        glob: What to give as `include` or `exclude` to mean it.
        label: Its name below the module around it.
        depth: How deep it lies; the outermost have 0.
        taken: How many of its weights are taken.
        total: How many it has.
    """

    glob: str
    label: str
    depth: int
    taken: int
    total: int


def grow_tree(weights: Iterable[Weight]) -> tuple[Branch, ...]:
    """The modules, each behind the one around it; one that holds a single module is joined with it."""
    root = _Tree("")
    for weight in weights:
        parts = re.split(r"\.(?!\d)", weight.module) if weight.module else [weight.node]
        root.add(parts, weight)
    return tuple(branch for child in root.children.values() for branch in child.branches(0, ""))


def cover(weights: Sequence[Weight]) -> list[str]:
    """The fewest modules that hold all that is not taken and nothing that is; single nodes where there are none."""
    globs: list[str] = []
    covered = -1  # the depth of the branch that is left out as a whole, while we are inside it
    for branch in grow_tree(weights):
        if 0 <= covered < branch.depth:
            continue
        covered = -1 if branch.taken else branch.depth
        globs += [] if branch.taken else [branch.glob]
    single = [
        _quote(item.node)
        for item in weights
        if not item.taken and not any(lies_in(item, each) for each in globs)
    ]
    return globs + single


def lies_in(weight: Weight, pattern: str) -> bool:
    """Whether a weight lies in the branch that this glob of the tree means."""
    names = (_quote(weight.node), _quote(weight.module))
    return pattern in names or names[1].startswith(f"{pattern}.")


def _quote(name: str) -> str:
    """A name as a glob that means it, and that can stand in a list with commas or spaces between."""
    return re.sub(r"[\s,]", "?", glob.escape(name))


@dataclasses.dataclass
class _Tree:
    """A module while the tree is built."""

    path: str
    children: dict[str, _Tree] = dataclasses.field(default_factory=dict)
    taken: int = 0
    total: int = 0
    own: int = 0  # weights that lie in it and in no module inside it

    def add(self, parts: list[str], weight: Weight) -> None:
        self.total += 1
        self.taken += weight.taken
        if not parts:
            self.own += 1
            return
        name = parts[0]
        path = f"{self.path}.{name}" if self.path else name
        self.children.setdefault(name, _Tree(path)).add(parts[1:], weight)

    def branches(self, depth: int, around: str) -> list[Branch]:
        children = list(self.children.values())
        if len(children) == 1 and not self.own:
            return children[0].branches(depth, around)
        label = self.path.removeprefix(f"{around}.") if around else self.path
        found = [Branch(_quote(self.path), label, depth, self.taken, self.total)]
        for child in children:
            found += child.branches(depth + 1, self.path)
        return found
