"""The exercises of the notebooks: check an answer, see a solution, see how far you are. Headless.

    from workbench import exercises

    exercises.check("06-a", answer)

Each notebook's exercises are a module here. What they need is imported when an answer is checked.
"""

from workbench.exercises.checking import check, progress, reset, solution
from workbench.exercises.results import Progress, Solution, Verdict

__all__ = ["Progress", "Solution", "Verdict", "check", "progress", "reset", "solution"]
