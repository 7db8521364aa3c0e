from pathlib import Path

import numpy as np
import pytest

from benchmarks import ablation_report, results
from marquee.evaluation.measures.report import Asked

PAGE = "# Models\nText.\n<!-- ablation -->\nold\n<!-- /ablation -->\n\n## Papers\n"


@pytest.fixture
def asked() -> Asked:
    """Two people with two events each; the last asks for a movie that was never rated."""
    return Asked(
        users=np.array([0, 0, 1, 1], np.int32),
        ratings=np.full(4, 5, np.float32),
        positive=np.ones(4, bool),
        history_length=np.ones(4, np.int64),
        popularity=np.array([3, 2, 1, 0], np.int64),
    )


@pytest.fixture
def numbers(asked: Asked) -> dict[str, dict[str, float]]:
    answers = {
        "ids": np.array([True, False, False, False]),
        "+ text": np.array([True, True, False, True]),
        "blocks 2": np.array([False, True, False, True]),
    }
    before = {"+ text": "ids", "blocks 2": "+ text"}
    return ablation_report.lines(answers, before, asked, samples=200, seed=1)


def test_a_line_has_the_share_found_of_all_of_warm_and_of_cold_movies(numbers: dict[str, dict[str, float]]):
    found = numbers["+ text"]
    assert found["top_100_accuracy"] == 3 / 4
    assert found["top_100_accuracy_warm"] == pytest.approx(2 / 3)
    assert found["top_100_accuracy_cold"] == 1.0
    # Either person may be drawn twice: one found both, the other one of two.
    assert (found["top_100_accuracy_low"], found["top_100_accuracy_high"]) == (0.5, 1.0)


def test_differences_are_to_the_line_before_and_paired(numbers: dict[str, dict[str, float]]):
    assert "difference" not in numbers["ids"]
    # Each person has one event more found: every draw of people gives the same difference.
    ends = [numbers["+ text"][key] for key in ("difference", "difference_low", "difference_high")]
    assert ends == [0.5, 0.5, 0.5]
    assert numbers["blocks 2"]["difference"] == -0.25


def test_tables_show_steps_and_changes_apart(numbers: dict[str, dict[str, float]], asked: Asked):
    events = ablation_report.counts(asked)
    assert events == {"all": 4, "cold": 1}
    text = ablation_report.markdown(numbers, ["ids", "+ text"], events, "ml-latest-small")
    assert "| ids | 0.250 (0.000 to 0.500) | 0.333 | 0.000 |  |" in text
    assert "| + text | 0.750 (0.500 to 1.000) | 0.667 | 1.000 | +0.500 (+0.500 to +0.500) |" in text
    assert text.index("| change |") > text.index("| + text |")
    assert text.index("| blocks 2 | 0.500") > text.index("| change |")
    asked_of = "asked the 4 positive validation events whose person has a history (1 of cold movies)"
    assert asked_of in " ".join(text.split())


def test_only_what_lies_between_the_markers_is_replaced():
    page = ablation_report.with_part(PAGE, "ablation", "| new |\n")
    assert page == "# Models\nText.\n<!-- ablation -->\n| new |\n<!-- /ablation -->\n\n## Papers\n"
    assert ablation_report.with_part(page, "ablation", "| new |") == page


@pytest.mark.parametrize("lost", ["<!-- ablation -->", "<!-- /ablation -->"])
def test_a_page_without_both_markers_is_refused(lost: str):
    with pytest.raises(ablation_report.PageError, match="must hold <!-- ablation --> and, after it,"):
        ablation_report.with_part(PAGE.replace(lost, ""), "ablation", "new")


def test_markers_the_wrong_way_round_are_refused():
    with pytest.raises(ablation_report.PageError, match="Restore both lines"):
        ablation_report.with_part("<!-- /ablation --> <!-- ablation -->", "ablation", "new")


def test_the_page_and_the_reports_get_the_same_numbers_and_picture(
    numbers: dict[str, dict[str, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    ablation_report.PAGE.parent.mkdir()
    ablation_report.PAGE.write_text(PAGE)
    ablation_report.write(numbers, ["ids", "+ text"], {"all": 4, "cold": 1}, "sample")
    page = ablation_report.PAGE.read_text()
    assert "| + text | 0.750" in page
    assert "(ablation.png)" in page
    assert page.endswith("<!-- /ablation -->\n\n## Papers\n")
    table = (results.REPORTS / "ablation.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in table[1:]] == [
        ["ids", "0.250000"],
        ["+ text", "0.750000"],
        ["blocks 2", "0.500000"],
    ]
    picture = ablation_report.PICTURE.read_bytes()
    assert picture == (results.REPORTS / "ablation.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
