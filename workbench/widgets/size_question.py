"""`SizeQuestion`: a button that asks the Hub what loading a model would download, and the answer."""

from __future__ import annotations

import threading
from typing import Any

import ipywidgets
import traitlets

from workbench.background import describe_error
from workbench.models.download import describe_download
from workbench.models.offers import check_hub_id
from workbench.widgets.run_bar import describe_failure


class SizeQuestion(ipywidgets.VBox):
    """Asks only on a click, and outside the kernel's main thread. Nothing is fetched for the answer.

    Attributes:
        model: The Hub id and the revision that it is about, as they were typed.

    Example:
        >>> question = SizeQuestion()
        >>> question.model = ("no id at all", "")
        >>> question.ask() is None, "is no Hub id" in question.answer.value
        (True, True)
    """

    model = traitlets.Tuple(traitlets.Unicode(), traitlets.Unicode(), default_value=("", ""))

    def __init__(self) -> None:
        self._held = self._asking = False
        self.button = ipywidgets.Button(
            description="How large?",
            disabled=True,
            tooltip="Ask the Hub what loading would download; nothing is fetched",
        )
        self.answer = ipywidgets.HTML()
        self.button.on_click(lambda _: self.ask())
        super().__init__([self.button, self.answer], layout={"margin": "0 0 0 136px"})

    def hold(self, held: bool) -> None:
        """Takes no clicks while a model is being loaded."""
        self._held = held
        self._enable()

    def _enable(self) -> None:
        self.button.disabled = self._held or self._asking or not self.model[0]

    @traitlets.observe("model")
    def _forget(self, _: Any) -> None:
        self._tell("")  # it was about another model
        self._asking = False
        self._enable()

    def ask(self) -> threading.Thread | None:
        """Asks, and shows what is known so far.

        Returns:
            The thread that waits for the answer; None where there is nothing to ask for.
        """
        asked = self.model
        try:
            name = check_hub_id(asked[0])
        except (ValueError, OSError) as error:
            self._tell(describe_failure(describe_error(error)))
            return None
        self._asking = True
        self._enable()
        self._tell("asking the Hub …")
        thread = threading.Thread(target=self._wait, args=(asked, name), daemon=True)
        thread.start()
        return thread

    def _wait(self, asked: tuple[str, str], name: str) -> None:
        try:
            text = describe_download(name, revision=asked[1] or None)._repr_html_()
        except Exception as error:  # whatever it is: somebody waits for an answer
            text = describe_failure(describe_error(error))
        if asked == self.model:
            self._tell(text)
            self._asking = False
            self._enable()

    def _tell(self, text: str) -> None:
        self.answer.value = f"<div role='status' style='line-height:1.5'>{text}</div>" if text else ""
