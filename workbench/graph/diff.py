"""`diff_graphs`: what a step did to a graph: which nodes stayed, went, came, and what was fused into what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from workbench.graph.diff_rows import FileDiff, GraphDiff, Replacement
from workbench.graph.files import GraphFile, open_graphs
from workbench.graph.matching import Matching, sign_node
from workbench.models.variant import Variant

if TYPE_CHECKING:
    from workbench.models.source import Source

AROUND = {"Cast", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}  # they stand around the work
STRENGTH = ("unchanged", "fused", "changed", "added", "removed")  # of two that apply, the first is said


def diff_graphs(before: Variant | Source | str | Path, after: Variant | Source | str | Path) -> GraphDiff:
    """Compares two ONNX graphs node by node.

    Nodes are matched by what they compute and by the names of their tensors, so renumbered nodes are found again.
    For a node that is new, what it replaced is everything between its output and the next tensors that both
    graphs have. The values of large weights are not compared.

    Args:
        before: An ONNX variant, its folder, or any `.onnx` file.
        after: The same, made from it.

    Returns:
        A difference for every file that both have.

    Raises:
        ValueError: One of them is PyTorch, a graph is empty, or they have no file in common.
        VariantError: A file is damaged.

    Example:
        >>> exported = export_onnx(load_model("random/tiny-bert"))
        >>> diff = diff_graphs(exported, optimize_onnx(exported))
        >>> [item.node for item in diff.files[0].replacements if item.operator == "Attention"]
        ['Attention_0', 'Attention_1']
    """
    left, right = open_graphs(before), open_graphs(after)
    lefts = {file.name: file for file in left}
    rights = {file.name: file for file in right}
    if len(lefts) == len(rights) == 1:
        couples = [(next(iter(lefts.values())), next(iter(rights.values())))]
    else:
        couples = [(lefts[name], rights[name]) for name in lefts if name in rights]
    if not couples:
        raise ValueError(
            f"{left.title} and {right.title} have no file in common: {', '.join(lefts)} against {', '.join(rights)}."
        )
    return GraphDiff(left.title, right.title, tuple(_compare(*couple) for couple in couples))


def _compare(before: GraphFile, after: GraphFile) -> FileDiff:
    for file in (before, after):
        if not file.model.graph.node:
            raise ValueError(f"{file.path} has no node: there is nothing to compare.")
    matching = Matching(before.model.graph, after.model.graph)
    statuses = _Statuses(matching)
    for name in matching.pairs:
        statuses.settle(name)
    statuses.settle_constants()
    return statuses.result(after.name)


class _Statuses:
    """Says what became of every node, group by group."""

    def __init__(self, matching: Matching) -> None:
        self.matching = matching
        self.before: dict[str, str] = {}
        self.after: dict[str, str] = {}
        self.replacements: dict[str, Replacement] = {}
        self.replaced_by: dict[str, str] = {}
        self.partner_before = {old: new for new, old in matching.pairs.items()}
        self.partner_after = dict(matching.pairs)

    def settle(self, name: str) -> None:
        """One pair, and what leads up to it on either side."""
        matching = self.matching
        old = matching.pairs[name]
        if name in matching.exact:
            self._say(self.after, name, "unchanged")
            self._say(self.before, old, "unchanged")
            return
        came, went = matching.group_after(name), matching.group_before(old)
        node, former = matching.after.nodes[name], matching.before.nodes[old]
        if (node.op_type, node.domain) == (former.op_type, former.domain):
            same = sign_node(node) == sign_node(former) and self._same_constants(node, former)
            self._say(self.after, name, "unchanged" if same else "changed")
            self._say(self.before, old, "unchanged" if same else "changed")
        else:
            came, went = [name, *came], [old, *went]
        if came and went:
            self._replace(came, went)
        else:
            for item in came:
                self._say(self.after, item, "added")
            for item in went:
                self._say(self.before, item, "removed")

    def _replace(self, came: list[str], went: list[str]) -> None:
        nodes = self.matching.after.nodes
        operators = {self.matching.before.nodes[item].op_type for item in went}
        main = max(came, key=lambda item: _weight(nodes[item], operators))
        kind = "fused" if len(went) > 1 else "changed"
        helpers = [item for item in came if item != main]
        known = self.replacements.get(main)
        if known is not None:  # several tensors of its are used
            went = list(dict.fromkeys((*known.replaced, *went)))
            helpers = list(dict.fromkeys((*known.helpers, *helpers)))
        self.replacements[main] = Replacement(main, nodes[main].op_type, kind, tuple(went), tuple(helpers))
        self._say(self.after, main, kind)
        for item in helpers:
            self._say(self.after, item, "added")
            self.partner_after.setdefault(item, went[0])
        for item in went:
            self._say(self.before, item, kind)
            self.replaced_by.setdefault(item, main)
        self.partner_after[main] = went[0]

    def _same_constants(self, node: onnx.NodeProto, former: onnx.NodeProto) -> bool:
        left, right = self.matching.before, self.matching.after
        if len(node.input) != len(former.input):
            return False
        for old, new in zip(former.input, node.input, strict=True):
            stored_now = old == new and old in left.producer
            if not stored_now and left.constants.get(old) != right.constants.get(new):
                return False
        return True

    def settle_constants(self) -> None:
        """`Constant` nodes stayed when an unchanged node still takes them from one."""
        left, right = self.matching.before, self.matching.after
        for new, old in self.matching.pairs.items():
            for later, earlier in zip(right.nodes[new].input, left.nodes[old].input, strict=False):
                held, kept = right.constant_nodes.get(later), left.constant_nodes.get(earlier)
                if (
                    held is not None
                    and kept is not None
                    and left.constants[earlier] == right.constants[later]
                ):
                    self._say(self.after, held.name, "unchanged")
                    self._say(self.before, kept.name, "unchanged")
                    self.partner_after.setdefault(held.name, kept.name)
                    self.partner_before.setdefault(kept.name, held.name)
        for item in self.replacements.values():
            for name in item.replaced if item.kind == "fused" else ():
                for tensor in left.nodes[name].input:
                    if tensor in left.constant_nodes:
                        self._say(self.before, left.constant_nodes[tensor].name, "fused")
                        self.partner_before.setdefault(left.constant_nodes[tensor].name, item.node)

    def _say(self, statuses: dict[str, str], name: str, status: str) -> None:
        known = statuses.get(name, status)
        statuses[name] = min(known, status, key=STRENGTH.index)

    def result(self, name: str) -> FileDiff:
        """The finished difference; nodes of which nothing was said went or came by themselves."""
        left, right = self.matching.before.nodes, self.matching.after.nodes
        return FileDiff(
            name=name,
            status_before={item: self.before.get(item, "removed") for item in left},
            status_after={item: self.after.get(item, "added") for item in right},
            replacements=tuple(self.replacements[item] for item in right if item in self.replacements),
            operators_before={item: node.op_type for item, node in left.items()},
            operators_after={item: node.op_type for item, node in right.items()},
            partner_before=self.partner_before | self.replaced_by,
            partner_after=self.partner_after,
        )


def _weight(node: onnx.NodeProto, operators: set[str]) -> tuple[bool, bool, int]:
    """Which of several new nodes does the work of the old ones: a fused one, or one called after one of them."""
    own = max((len(name) for name in operators if name in node.op_type), default=0)
    return node.op_type not in AROUND, node.domain not in ("", "ai.onnx"), own
