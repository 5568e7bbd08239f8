"""Loading a model by mouse: every place, what is said before, and what stands there afterwards."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.compare.processes import wait_for
from tests.models.hub_server import hub  # noqa: F401
from tests.widgets.clicks import call_of
from workbench import widgets
from workbench.background import Desk
from workbench.models.offers import architecture_offers, demo_offers
from workbench.models.source import Source
from workbench.models.tasks import task_names

NAME = "someone/model"


@pytest.fixture
def panel(desk):
    return widgets.LoadPanel(desk=desk)


@pytest.fixture
def folder(bench, tmp_path):
    source = bench.source()
    source.model.save_pretrained(tmp_path / "kept")
    source.processor.save_pretrained(tmp_path / "kept")
    return tmp_path / "kept"


def shown(panel) -> list[str]:
    return [name for name, box in panel.places.items() if box.layout.display != "none"]


def load(panel):
    panel.run_bar.button.click()
    assert panel.task.wait(180)
    return panel


def test_panels_bring_no_torch_into_the_kernel():
    code = """
import json, sys
from workbench import widgets
from workbench.models.origin import Origin
from workbench.models.variant import torch_variant

widgets.LoadPanel("someone/model").size.ask().join()
for name, task in (("demo/digits", "image-classification"), ("random/tiny-roberta", "fill-mask")):
    assert widgets.TryPanel(torch_variant(Origin(name, task))).call()
print(json.dumps([name for name in ("torch", "transformers", "onnx", "plotly") if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [], "A panel imports these: do it inside the function that needs them."


def test_all_that_is_there_can_be_chosen(panel):
    options = {
        name: [value for _, value in panel.controls[name].options] for name in ("demo", "architecture")
    }
    assert options == {"demo": list(demo_offers()), "architecture": list(architecture_offers())}
    assert [value for _, value in panel.controls["task"].options] == [None, *task_names()]
    for control in panel.controls.values():
        assert control.description
    assert call_of(panel) == "source = wb.load_model('demo/qa')"


def test_each_place_has_its_own_fields_and_keeps_them(panel, folder):
    panel.controls["task"].value, panel.controls["dtype"].value = "fill-mask", "bfloat16"
    for given, place in (("random/tiny-t5", "architecture"), (NAME, "hub"), (str(folder), "folder")):
        panel.choose(given)
        assert shown(panel) == [place]
        assert call_of(panel) == f"source = wb.load_model({given!r}, task='fill-mask', dtype='bfloat16')"
        assert not panel.run_bar.button.disabled
    panel.controls["revision"].value = "v1"
    assert "revision" not in call_of(panel), "a folder has none"
    panel.controls["place"].value = "hub"
    assert call_of(panel).endswith("dtype='bfloat16', revision='v1')")
    assert panel.controls["hub_id"].value == NAME
    with pytest.raises(ValueError, match="There is no 'random/nothing'"):
        panel.choose("random/nothing")


def test_a_folder_is_looked_at_while_it_is_typed(panel, folder):
    panel.controls["place"].value = "folder"
    assert "Type the path of a folder" in panel.run_bar.message.value
    for typed in ("~", "~nobody-of-that-name", str(folder.parent), "x\0", "no/such"):
        panel.controls["folder"].value = typed
        assert panel.run_bar.button.disabled
        assert panel.code.code.startswith("# ")
        assert panel.folder_note.value == ""
    panel.controls["folder"].value = f" {folder} "
    assert "BertForQuestionAnswering, for question-answering" in panel.folder_note.value
    assert call_of(panel) == f"source = wb.load_model({str(folder)!r})"
    assert load(panel).result.origin.source == str(folder.resolve())


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        ("", "Type the id of a model"),
        ("a b", "is no Hub id"),
        ("../x", "is no Hub id"),
        ("<b>", "is no Hub id"),
        ("demo/qa", "comes with the workbench"),
        ("x" * 97, "is no Hub id"),
        (f"owner/{'x' * 300}", "is no Hub id"),
    ],
)
def test_what_is_no_id_is_said_at_once(panel, typed, what):
    panel.controls["place"].value = "hub"
    panel.controls["hub_id"].value = typed
    assert what in panel.run_bar.message.value
    assert panel.run_bar.button.disabled
    assert panel.size.ask() is None


def test_a_folder_of_the_same_name_is_not_taken_in_silence(panel, folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    folder.rename(folder.parent / "kept2")
    panel.controls["place"].value = "hub"
    panel.controls["hub_id"].value = "kept2"
    assert "exists here, and load_model would take that" in panel.run_bar.message.value


@pytest.mark.hub
def test_the_size_is_asked_for_only_on_a_click(panel, folder, hub):  # noqa: F811
    hub.folders[NAME] = folder
    panel.choose(NAME)
    assert hub.requests == []
    panel.size.button.click()
    wait_for(lambda: "MB to download, in" in panel.size.answer.value)
    wait_for(lambda: not panel.size.button.disabled)
    panel.controls["hub_id"].value = "someone/<else>"
    assert panel.size.answer.value == "", "it was about another model"
    panel.controls["hub_id"].value = "someone/else"
    panel.size.ask().join()
    assert "There is no model &#x27;someone/else&#x27; on the Hub" in panel.size.answer.value


@pytest.mark.hub
def test_a_model_comes_from_the_hub(folder, hub, tmp_path, monkeypatch):  # noqa: F811
    hub.folders[NAME] = folder
    for name, value in {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_OFFLINE": "0",
    }.items():
        monkeypatch.setenv(name, value)
    with Desk() as desk:
        panel = load(widgets.LoadPanel(NAME, desk=desk))
        assert panel.task.state == "done", panel.run_bar.error.value
        assert panel.result.origin.source == NAME
        panel.controls["hub_id"].value = "someone/gone"
        load(panel)
    assert "There is no model" in panel.run_bar.error.value
    assert panel.controls["hub_id"].value == "someone/gone"
    assert panel.result.origin.source == NAME, "what was loaded before stays"


def test_what_was_loaded_is_shown_and_can_be_used(panel):
    with pytest.raises(ValueError, match="Press Load first"):
        _ = panel.variant
    panel.choose("demo/digits")
    load(panel)
    drawn = "".join(getattr(box, "value", "") for box in panel.output.children)
    for piece in ("image-classification", "parameters", "MB", "<img alt="):
        assert piece in drawn
    assert (panel.variant.name, panel.variant.source) == ("torch-fp32", None)
    source = panel.source
    assert isinstance(source, Source)
    assert source.origin == panel.result.origin
    assert panel.source is source
    panel.choose("random/tiny-bert")
    load(panel)
    assert "quality figures mean nothing" in panel.output.children[0].value
    assert panel.source.origin.source == "random/tiny-bert"


def test_an_error_is_said_and_the_choice_stays(panel):
    panel.choose(NAME)
    load(panel)
    assert panel.task.state == "failed"
    assert "LoadError" in panel.run_bar.error.value
    assert "HF_HUB_OFFLINE is set" in panel.run_bar.error.value
    assert (panel.controls["hub_id"].value, panel.controls["place"].value) == (NAME, "hub")


def test_only_a_cancelled_download_leaves_something_behind(panel):
    panel.choose("demo/qa")
    assert panel.after_cancel == "cancelled; nothing was kept"
    panel.choose(NAME)
    assert panel.after_cancel == "cancelled; the partial download is kept and will resume"


def test_where_no_kernel_runs_it_says_what_it_would_do(panel):
    bundle = panel._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "wb.load_model('demo/qa')" in data["text/plain"]
    assert "Load a model" in data["text/html"]
