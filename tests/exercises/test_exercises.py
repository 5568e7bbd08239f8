"""Exercises: every solution passes its own check, a wrong answer gets its hint, and progress is kept."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from tests.exercises.wrong_answers import WRONG
from workbench import exercises
from workbench.exercises.catalogue import list_exercises

NAMES = tuple(list_exercises())


@pytest.fixture(scope="module", autouse=True)
def _shared_workspace(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One workspace for all: exercises look at variants of the same model, which are made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("exercises")))
        yield


def run_solution(code: str) -> Any:
    """Runs the code as it stands; gives what its last line does."""
    body = ast.parse(code).body
    last = body.pop()
    assert isinstance(last, ast.Expr), "A solution ends with the call of exercises.check."
    namespace: dict[str, Any] = {}
    exec(compile(ast.Module(body, []), "solution", "exec"), namespace)
    return eval(compile(ast.Expression(last.value), "solution", "eval"), namespace)


@pytest.mark.parametrize("name", NAMES)
def test_every_solution_passes_its_own_check(name: str) -> None:
    verdict = run_solution(exercises.solution(name).code)
    assert verdict.name == name
    assert verdict.right, verdict.hint
    assert verdict.why
    assert not verdict.hint
    assert {row.name: row.solved for row in exercises.progress().rows}[name]


@pytest.mark.parametrize(("name", "number"), [(name, at) for name in WRONG for at in range(len(WRONG[name]))])
def test_a_wrong_answer_gets_its_hint(name: str, number: int, tmp_path: Path) -> None:
    answer, hint = WRONG[name][number]
    verdict = exercises.check(name, answer(tmp_path) if getattr(answer, "makes", False) else answer)
    assert not verdict.right
    assert not verdict.why
    assert re.search(hint, verdict.hint), verdict.hint


def test_every_exercise_has_wrong_answers() -> None:
    assert set(WRONG) == set(NAMES), "tests/exercises/wrong_answers.py has a row for each exercise."
    for name, exercise in list_exercises().items():
        assert re.fullmatch(r"\d\d-[a-z]", name)
        assert f'exercises.check("{name}", ' in exercise.solution.strip().splitlines()[-1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "answer", [None, object(), [], -1, "", lambda: 1 / 0], ids=lambda a: type(a).__name__
)
def test_any_answer_gets_a_verdict(name: str, answer: Any) -> None:
    verdict = exercises.check(name, answer)
    assert not verdict.right
    assert verdict.hint


def test_three_dots_are_no_answer_and_do_not_count(workspace: Path) -> None:
    verdict = exercises.check("01-b", ...)
    assert not verdict.right
    assert "in place of the three dots: a number" in verdict.hint
    assert verdict.tries == 0
    assert not (workspace / "exercises.json").exists()


def test_the_solution_is_offered_after_three_tries(workspace: Path) -> None:
    hints = [exercises.check("01-b", 7).hint for _ in range(3)]
    assert ['exercises.solution("01-b")' in hint for hint in hints] == [False, False, True]


def test_unknown_exercise_is_an_error_with_near_names() -> None:
    for call in (
        lambda: exercises.check("01-x", 1),
        lambda: exercises.solution("1-a"),
        lambda: exercises.reset("01a"),
    ):
        with pytest.raises(ValueError, match=r"There is no exercise '.*'\. Near: .*01-"):
            call()
    with pytest.raises(ValueError, match="There are: 00-a, 01-a, "):
        exercises.solution("quantize")


def test_names_are_found_in_any_case_and_near_ones_are_in_order() -> None:
    assert exercises.solution(" 00-A ").name == "00-a"
    assert exercises.check("03-b", 1).right
    with pytest.raises(ValueError, match=r"Near: 00-a, "):
        exercises.solution("0-a")


def test_progress_survives_a_restart(workspace: Path) -> None:
    exercises.check("01-b", 400)
    exercises.check("01-b", 200)
    exercises.check("01-b", 400)  # solved stays solved
    code = "from workbench import exercises; print(exercises.progress())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, *rows = done.stdout.splitlines()
    assert first == f"1 of {len(NAMES)} exercises solved"
    assert any(re.search(r"01-b .* 3  solved$", row) for row in rows)


def test_reset_forgets_one_or_all(workspace: Path) -> None:
    exercises.check("01-b", 200)
    exercises.check("02-b", 500)
    assert exercises.reset("01-b").solved == 1
    assert exercises.reset().solved == 0
    assert json.loads((workspace / "exercises.json").read_text()) == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"01-b": 3}', '{"01-b": {"tries": "many", "solved": 1}}'])
def test_a_broken_record_counts_as_none(workspace: Path, text: str) -> None:
    workspace.mkdir()
    (workspace / "exercises.json").write_text(text)
    assert exercises.progress().solved == 0
    assert exercises.check("01-b", 200).tries == 1


def test_no_answer_is_lost_between_two_notebooks(workspace: Path) -> None:
    threads = [threading.Thread(target=exercises.check, args=("01-b", 7)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert exercises.check("01-b", 7).tries == 13
    assert [path.name for path in workspace.iterdir() if not path.name.endswith(".lock")] == [
        "exercises.json"
    ]


def test_what_is_shown_is_escaped_and_folded() -> None:
    page = exercises.solution("01-a")._repr_html_()
    assert page.startswith("<details><summary>")
    assert "place: lengths[place]" in page
    assert "find_span" not in repr(exercises.solution("03-a"))
    assert "<script>" not in exercises.check("05-a", "<script>")._repr_html_()


def test_exercises_load_nothing_heavy() -> None:
    code = "import sys; from workbench import exercises; exercises.progress(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "transformers", "onnxruntime", "IPython", "ipywidgets"} & set(done.stdout.split())
    assert not heavy


def test_the_answer_may_be_a_real_variant() -> None:
    exported = wb.export_onnx(wb.load_model("demo/qa"))
    verdict = exercises.check("05-b", exported)
    assert "was not optimized" in verdict.hint
