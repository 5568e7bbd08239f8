"""Third-party noise is off inside the block, and everything is as before after it."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import warnings

import pytest

from workbench.quiet import quiet


def state() -> tuple[object, ...]:
    from huggingface_hub.utils import are_progress_bars_disabled
    from transformers.utils import logging as chatter

    levels = [logging.getLogger(name).level for name in ("transformers", "torch", "huggingface_hub")]
    return levels, list(warnings.filters), chatter.is_progress_bar_enabled(), are_progress_bars_disabled()


def speak(caplog) -> list[str]:
    caplog.clear()
    logging.getLogger("transformers.modeling_utils").error("noise")
    library = logging.LogRecord(
        "root", logging.INFO, "/x/site-packages/onnxruntime/q.py", 1, "a node", None, None
    )
    logging.getLogger().handle(library)
    logging.getLogger("mine").warning("mine")
    with warnings.catch_warnings(record=True):
        warnings.warn("noise", stacklevel=1)
    return [record.message for record in caplog.records]


def test_libraries_are_muted_and_our_own_words_are_not(caplog):
    caplog.set_level(logging.INFO)
    with quiet():
        assert speak(caplog) == ["mine"]
    assert "a node" in speak(caplog)


def test_libraries_are_muted_where_nobody_has_set_up_logging(monkeypatch, capsys):
    """As in a fresh notebook: Python then prints warnings itself, through a handler that is in no list."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logging, "lastResort", logging.StreamHandler())
    path = "/x/site-packages/onnxruntime/transformers/fusion.py"
    library = logging.LogRecord("fusion", logging.WARNING, path, 1, "noise", None, None)
    with quiet():
        logging.getLogger("fusion").handle(library)
        logging.getLogger("mine").warning("mine")
    assert capsys.readouterr().err == "mine\n"


def test_everything_is_put_back_also_after_an_error():
    before = state()
    inside = []

    def fail() -> None:
        with quiet(), quiet():
            inside.append(state())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert inside != [before]
    assert state() == before


def test_blocks_of_two_threads_may_overlap():
    before = state()
    entered, leave = threading.Event(), threading.Event()

    def work() -> None:
        with quiet():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=work)
    with quiet():
        thread.start()
        assert entered.wait(10)
    assert state() != before  # the other one is still inside
    leave.set()
    thread.join()
    assert state() == before


def test_a_library_that_sets_the_root_logger_up_is_undone():
    code = """
import logging
from workbench.quiet import quiet
with quiet():
    logging.basicConfig(level=logging.INFO)
root = logging.getLogger()
logging.getLogger("workbench.convert").info("not for stderr either")
print(root.handlers, root.level)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[] 30\n", "")
