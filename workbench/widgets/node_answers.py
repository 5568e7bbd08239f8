"""`NodeAnswers`: answers what a node's panel asks, beside the main thread; what is heavy runs outside the kernel."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import ipywidgets

from workbench.background import Call, Desk, Task
from workbench.graph.files import GraphFile
from workbench.graph.stats import summarize_array
from workbench.graph.trace import trace_in
from workbench.graph.weights import read_weight
from workbench.models.variant import Variant
from workbench.widgets.node_panel import NodePanel
from workbench.widgets.run_bar import LONGEST_MESSAGE
from workbench.widgets.status_line import StatusLine
from workbench.widgets.text_fields import read_example

LIGHT = 50_000_000  # bytes of a model that the kernel runs itself, sooner than a process may have started
KINDS = ("parameter", "trace")


class NodeAnswers(ipywidgets.HBox):
    """Answers with figures of parameters, and of what flows out of a node; shows a way to stop while it works.

    A light model is run on its own samples in the kernel: the answer is there at once. PyTorch's module, a typed-in
    text (which takes a tokenizer) and a large model are the desk's: they may take the memory that the kernel needs,
    and can be cancelled there.

    Args:
        panel: Where the answers are shown.
        variant: What is run.
        desk: The process for what is heavy.

    Attributes:
        task: What the desk did last, or does.
    """

    def __init__(self, panel: NodePanel, variant: Variant | None, desk: Desk) -> None:
        self.panel, self.variant, self.desk = panel, variant, desk
        self.task: Task | None = None
        self._lock = threading.Lock()
        self._at_work: set[str] = set()
        # One request of each kind, the last: the file that was shown then, and what was asked.
        self._waiting: dict[str, tuple[GraphFile, Mapping[str, Any]]] = {}
        self.stop_button = ipywidgets.Button(description="Cancel", tooltip="Stop running the model")
        self.stop_button.on_click(lambda _: self.stop())
        self.message = StatusLine()
        super().__init__([self.stop_button, self.message], layout=ipywidgets.Layout(display="none"))

    def ask(self, graph: GraphFile, content: Mapping[str, Any]) -> None:
        """Has a request answered; while one of its kind is, the last waits."""
        kind = content["ask"]
        with self._lock:
            overtaken = self._waiting.pop(kind, None)
            self._waiting[kind] = (graph, content)
            idle = kind not in self._at_work
            self._at_work.add(kind)
            self.panel.busy = True
        if overtaken:
            message = {"message": "A later request took the place of this one."}
            self.panel.answer("error", message, serial=overtaken[1].get("serial"))
        if idle:
            threading.Thread(target=self._answer_all, args=(kind,), daemon=True).start()

    def stop(self) -> None:
        """Ends what the desk does for this panel."""
        if self.task is not None:
            self.task.cancel()

    def _answer_all(self, kind: str) -> None:
        while True:
            with self._lock:
                if kind not in self._waiting:
                    self._at_work.discard(kind)
                    self.panel.busy = bool(self._at_work)
                    return
                graph, content = self._waiting.pop(kind)
            self._answer(graph, content)

    def _answer(self, graph: GraphFile, content: Mapping[str, Any]) -> None:
        """Reads or runs, and shows what came of it."""
        name, serial = str(content.get("name")), content.get("serial")
        try:
            if content["ask"] == "parameter":
                stats = summarize_array(read_weight(graph.path, name), name=name)
                answer: dict[str, Any] = {"stats": stats.to_dict()}
            else:
                answer = self._trace(graph, name, content)
            self.panel.answer(content["ask"], answer, serial=serial)
        except Exception as error:  # whatever it is: the page waits for an answer
            text = error.args[0] if isinstance(error, KeyError) and error.args else error
            self.panel.answer("error", {"message": str(text) or type(error).__name__}, serial=serial)

    def _trace(self, graph: GraphFile, name: str, content: Mapping[str, Any]) -> dict[str, Any]:
        options = {"sample": int(content.get("sample", 0)), "example": read_example(content.get("example"))}
        module = bool(content.get("module"))
        variant = self.variant
        heavy = module or options["example"] is not None
        if variant is None or not (heavy or variant.size_bytes > LIGHT):
            return trace_in(graph, variant, name, **options).to_dict()
        call = Call("trace_node", (variant,), {"node": name, "file": graph.name, "module": module, **options})
        return self._run_elsewhere(call)

    def _run_elsewhere(self, call: Call) -> dict[str, Any]:
        """Has it done on the desk, and waits.

        Raises:
            RuntimeError: It failed, was cancelled, or the desk does something else.
        """
        self.task = task = self.desk.start(call, self._hear)
        self.layout.display = None
        try:
            task.wait()
        finally:
            self.layout.display = "none"
            self.message.say("")
        if task.failure is not None:
            raise RuntimeError(task.failure.message)
        if task.state == "cancelled":
            raise RuntimeError("Cancelled.")
        answer: dict[str, Any] = task.result.to_dict()
        return answer

    def _hear(self, kind: str, value: Any) -> None:
        if kind == "log":
            self.message.count(" ".join(value.split())[:LONGEST_MESSAGE])
