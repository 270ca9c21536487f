"""Goals: what a ratio is, and when it is reached."""

from __future__ import annotations

import pytest

from benchmarks.catalogue import LOADS
from benchmarks.figures import Figures, Summary, summary
from benchmarks.goals import GOALS, Goal, results
from benchmarks.table import RESULT_HEADING, markdown, result_cells, result_table
from benchmarks.target import TARGETS


def measured(**changes: float) -> Summary:
    fields = {"operations": 1000, "seconds": 1.0, "server_cpu": 1.0, "generator_cpu": 0.5}
    return summary([Figures(**fields | changes)])  # type: ignore[arg-type]


OURS, THEIRS = ("load", "fast"), ("load", "reference-ws")


def value(goal: Goal, ours: Summary, theirs: Summary) -> float | None:
    return goal.value({OURS: ours, THEIRS: theirs})


def test_a_higher_rate_is_a_better_ratio() -> None:
    goal = Goal("load", "rate", "reference-ws", 1.0)
    assert value(goal, measured(operations=3000), measured(operations=1000)) == 3.0


@pytest.mark.parametrize(("figure", "field"), [("cpu_each", "server_cpu"), ("p99", "p99")])
def test_less_cpu_and_less_waiting_is_a_better_ratio(figure: str, field: str) -> None:
    goal = Goal("load", figure, "reference-ws", 1.0)
    assert value(goal, measured(**{field: 2.0}), measured(**{field: 4.0})) == 2.0


def test_a_goal_without_another_side_is_a_size() -> None:
    goal = Goal("load", "kilobytes", least=17, aim=12)
    assert value(goal, measured(kilobytes=13.0), measured()) == 13.0


def test_a_figure_that_was_not_measured_leaves_the_goal_unknown() -> None:
    goal = Goal("load", "p99", "reference-ws", 1.0)
    assert value(goal, measured(), measured(p99=1.0)) is None
    assert goal.verdict(None) == "unknown"


def test_another_load_may_be_the_other_side() -> None:
    goal = Goal("slow", "p99", "fast", 0.5, base="load")
    assert goal.value({("slow", "fast"): measured(p99=4.0), OURS: measured(p99=3.0)}) == 0.75


@pytest.mark.parametrize(
    ("goal", "number", "verdict"),
    [
        (Goal("load", "rate", "reference-ws", 2.0, 3.0), 1.99, "MISSED"),
        (Goal("load", "rate", "reference-ws", 2.0, 3.0), 2.0, "at least"),
        (Goal("load", "rate", "reference-ws", 2.0, 3.0), 3.0, "aim"),
        (Goal("load", "rate", "reference-ws", aim=3.0), 2.9, "not yet"),
        (Goal("load", "kilobytes", least=17, aim=12), 17.1, "MISSED"),
        (Goal("load", "kilobytes", least=17, aim=12), 16.9, "at least"),
        (Goal("load", "kilobytes", least=17, aim=12), 11.9, "aim"),
    ],
)
def test_a_goal_says_what_was_reached(goal: Goal, number: float, verdict: str) -> None:
    assert goal.verdict(number) == verdict


def test_what_the_least_possible_application_misses_too_is_out_of_reach() -> None:
    goal = Goal("load", "rate", "reference-ws", 0.5, target="daphne")
    others = {THEIRS: measured(operations=1000), ("load", "daphne"): measured(operations=300)}

    def verdict(floor: int | None) -> str:
        of_the_floor = {} if floor is None else {("load", "daphne-floor"): measured(operations=floor)}
        (result,) = results([goal], others | of_the_floor)
        return result.verdict

    assert verdict(400) == "out of reach (0.40×)"
    assert verdict(600) == verdict(None) == "MISSED"


def test_an_aim_that_the_least_possible_server_misses_too_is_out_of_reach() -> None:
    goal = Goal("load", "rate", "reference-ws", 1.0, 1.8)
    others = {OURS: measured(operations=1200), THEIRS: measured(operations=1000)}

    def verdict(floor: int | None) -> str:
        of_the_floor = {} if floor is None else {("load", "fast-floor"): measured(operations=floor)}
        (result,) = results([goal], others | of_the_floor)
        return result.verdict

    assert verdict(1700) == "at least, aim out of reach (1.70×)"
    assert verdict(1900) == verdict(None) == "at least"


def test_only_goals_whose_sides_were_both_measured_have_a_result() -> None:
    goals = [Goal("load", "rate", "reference-ws", 1.0), Goal("load", "rate", "reference-uws", 1.0)]
    found = results(goals, {OURS: measured(), THEIRS: measured()})
    assert [result.goal for result in found] == goals[:1]


def test_a_result_on_a_crowded_machine_is_doubtful_and_its_cost_in_cpu_is_told() -> None:
    goals = [Goal("load", "rate", "reference-ws", 2.0)]
    quiet, crowded = measured(server_cpu=0.5), measured(other_cpu=0.5)
    (fine,) = results(goals, {OURS: quiet, THEIRS: measured()})
    (doubtful,) = results(goals, {OURS: quiet, THEIRS: crowded})
    assert (fine.is_doubtful, doubtful.is_doubtful) == (False, True)
    assert fine.cpu == doubtful.cpu == 2.0
    assert result_cells(doubtful)[4] == "1.00×!"


def test_every_goal_names_loads_and_targets_that_exist() -> None:
    for goal in GOALS:
        for load, target in goal.needs:
            assert TARGETS[target].takes(LOADS[load])


def test_every_load_but_the_base_of_others_has_a_goal() -> None:
    assert {load for goal in GOALS for load, _ in goal.needs} == LOADS.keys()


def test_results_are_a_table_for_people_and_one_for_documents() -> None:
    found = results([Goal("load", "rate", "reference-ws", 2.0)], {OURS: measured(), THEIRS: measured()})
    assert result_table(found).splitlines()[1].split() == [
        "load", "rate", "fast", "reference-ws", "1.00×", "2×", "–", "MISSED", "1.00×",
    ]  # fmt: skip
    heading, rule, row = markdown(RESULT_HEADING, [result_cells(each) for each in found]).splitlines()
    assert heading.startswith("| load | figure |")
    assert rule == "| --- | --- | --- | --- | --: | --: | --: | --- | --: |"
    assert row == "| load | rate | fast | reference-ws | 1.00× | 2× | – | MISSED | 1.00× |"
