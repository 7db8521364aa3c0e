"""The bugs fit the code, and a bug is noticed where a test fails."""

import ast
from pathlib import Path

import pytest

from tests.mutation import mutants
from tests.mutation.__main__ import judged
from tests.mutation.mutants import Mutant, by_hand, changes, likely_tests, made
from tests.places import ROOT


def mutated(code: str) -> set[str]:
    return {code[:start] + new + code[start + len(old) :] for start, old, new in changes(code)}


def test_every_bug_written_by_hand_fits_the_code_once_and_names_tests_that_exist():
    listed = by_hand()
    assert len({bug.name for bug in listed}) == len(listed) > 100
    for bug in listed:
        code = (ROOT / bug.file).read_text(encoding="utf-8")
        wrong = bug.applied(code)
        assert wrong != code
        if bug.file.endswith(".py"):
            ast.parse(wrong)
        paths = [argument.removeprefix("--ignore=") for argument in bug.tests if "tests/" in argument]
        assert paths
        assert all((ROOT / path).exists() for path in paths), bug.name


def test_code_that_has_moved_on_is_an_error_that_names_the_bug():
    bug = Mutant("a leak", "stages/a.py", "fit(train)", "fit(table)", ())
    assert bug.applied("fit(train)\n") == "fit(table)\n"
    for code in ("fit(rows)\n", "fit(train) + fit(train)\n"):
        with pytest.raises(ValueError, match=r"a leak: stages/a\.py must hold"):
            bug.applied(code)


def test_operators_bounds_and_conditions_are_changed_one_at_a_time():
    assert mutated("a < b") == {"a <= b"}
    assert mutated("a is not None") == {"a is None"}
    assert mutated("(a - 2) * -c") == {"(a + 2) * -c", "(a - 3) * -c", "(a - 2) / -c", "(a - 2) * +c"}
    assert mutated("a and not b or c") == {"a or not b or c", "a and b or c", "a and not b and c"}
    assert mutated("f(x=True)") == {"f(x=False)"}


def test_text_annotations_and_what_is_written_into_text_stay():
    assert mutated('def f(x: "a < 1" = y) -> Literal[1]:\n    "1 < 2"\n    return f"{x + 1}"') == set()


def test_places_are_found_after_letters_of_several_bytes():
    assert mutated('x = "Amélie" in ids; y < 1') == {
        'x = "Amélie" not in ids; y < 1',
        'x = "Amélie" in ids; y <= 1',
        'x = "Amélie" in ids; y < 2',
    }


def test_what_is_made_is_a_draw_by_the_seed_and_is_python():
    file = "marquee/evaluation/measures/metrics.py"
    some = made([file], most=20, seed=1)
    assert some == made([file], most=20, seed=1) != made([file], most=20, seed=2)
    assert len(some) == len({(mutant.start, mutant.new) for mutant in some}) == 20
    for mutant in some:
        ast.parse(mutant.applied((ROOT / file).read_text(encoding="utf-8")))
    assert "tests/evaluation/measures/test_metrics.py" in some[0].tests


def test_a_module_is_tried_by_its_mirror_by_who_imports_it_or_by_its_folder():
    assert "tests/serving/recommender/test_order.py" in likely_tests("marquee/serving/recommender/order.py")
    assert "tests/stages/test_neighbours.py" in likely_tests("stages/tune_neighbours.py")
    assert likely_tests("marquee/upkeep/nobody.py") == ("tests/upkeep",)


def test_a_bug_is_noticed_where_a_test_fails_and_the_file_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they take seconds to load
    (tmp_path / "one.py").write_text("LIMIT = 3\nUNUSED = 4\n")
    (tmp_path / "test_one.py").write_text(
        "from one import LIMIT\n\ndef test_limit():\n    assert LIMIT == 3\n"
    )
    for old, new, by in (("3", "2", "test_one.py::test_limit"), ("3", "(", "test_one.py"), ("4", "5", "")):
        found = judged(tmp_path, Mutant("a bug", "one.py", old, new, ("test_one.py",)), seconds=60)
        assert found.by.split(" ")[0] == by
        assert str(found).startswith("killed" if by else "LIVED")
    assert (tmp_path / "one.py").read_text() == "LIMIT = 3\nUNUSED = 4\n"


def test_sets_are_read_by_name():
    assert all(bug.tests[0].startswith("tests/stages/") for bug in by_hand(["leaks"]))
    assert mutants.BUGS.is_dir()
