"""Past answers of three bundles computed anew."""

from pathlib import Path

import pytest

from marquee.events.records import Answer
from marquee.pipeline import paths
from marquee.serving.provenance import bundles, replay
from marquee.serving.provenance.replay import Outcome, first_difference
from monitoring import replay_answer
from tests.fixtures.tiny_pipeline import Tiny
from tests.serving.provenance import answered

UNKNOWN = "ab" * 32


@pytest.fixture(scope="module")
def three(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Content hash -> folder."""
    return answered.bundles(tiny, tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def lines(three: dict[str, Path]) -> list[bytes]:
    """A hundred answers, their bundles mixed."""
    of_each = [
        answered.answer(folder, count, start=number)
        for number, (folder, count) in enumerate(zip(three.values(), (34, 33, 33), strict=True))
    ]
    mixed = [line for row in zip(*of_each, strict=False) for line in row]
    return [*mixed, of_each[0][-1]]


@pytest.fixture
def served(three: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with one of the bundles served, the others archived."""
    champion, *others = three.items()
    paths_of = {paths.CHAMPION: champion[1], **{paths.ARCHIVE / name: folder for name, folder in others}}
    for place, folder in paths_of.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def outcomes(recorded: list[Answer], three: dict[str, Path]) -> list[Outcome]:
    return list(replay.replay(recorded, three.__getitem__))


def test_a_hundred_of_a_hundred_answers_of_three_bundles_come_out_the_same(
    three: dict[str, Path], lines: list[bytes], served: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    recorded = [answered.read(line) for line in lines]
    assert len({answer.bundle for answer in recorded}) == 3
    assert {answer.kind for answer in recorded} == {"recommend", "similar", "predict_ratings"}
    assert any(result.propensity < 1 for answer in recorded for result in answer.results)
    assert any(result.source == "exploration" for answer in recorded for result in answer.results)
    assert all(outcome.same for outcome in outcomes(recorded, three))
    answered.write(lines, paths.EVENTS.folder)
    assert replay_answer.main(["--last", "1000"]) == 0
    assert caplog.messages[-1] == "100 of 100 answers came out the same, byte for byte"


def test_bundles_with_other_knobs_give_other_answers(three: dict[str, Path]):
    # Or the test above would pass with any bundle in place of any other.
    folders = list(three.values())
    (line,) = answered.answer(folders[0], 1, start=2)
    (outcome,) = replay.replay([answered.read(line)], lambda _: folders[1])
    assert outcome.difference is not None
    assert outcome.difference.startswith("results[0].")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("movie_id", 1),
        ("source", "popular"),
        ("score", 0.125),
        ("predicted_rating", 3.5),
        ("propensity", 0.5),
    ],
)
def test_the_first_field_that_differs_is_named_with_both_values(
    three: dict[str, Path], field: str, value: object
):
    (line,) = answered.answer(next(iter(three.values())), 1, start=1)
    answer = answered.read(line)
    results = list(answer.results)
    was = getattr(results[4], field)
    results[4] = results[4].model_copy(update={field: value})
    results[7] = results[7].model_copy(update={"movie_id": 2})
    (outcome,) = outcomes([answer.model_copy(update={"results": tuple(results)})], three)
    assert outcome.difference == f"results[4].{field}: recorded {value}, replayed {was}"


def test_the_last_bit_of_a_score_is_a_difference():
    result = {"movie_id": 1, "score": 0.1 + 0.2}
    assert first_difference([result], [result | {"score": 0.3}]) == (
        "results[0].score: recorded 0.30000000000000004, replayed 0.3"
    )
    assert first_difference([result], [dict(result)]) is None
    assert first_difference([result | {"score": 0.0}], [result | {"score": -0.0}]) is not None
    assert first_difference([result], []) == "results: recorded 1, replayed 0"


def test_an_answer_is_replayed_for_the_moment_it_was_given_for(three: dict[str, Path]):
    (line,) = answered.answer(next(iter(three.values())), 1, start=1)
    answer = answered.read(line)
    moved = answer.request | {"now": int(str(answer.request["now"])) + 100_000_000}
    (outcome,) = outcomes([answer.model_copy(update={"request": moved})], three)
    assert not outcome.same


def test_a_request_that_this_code_does_not_take_is_a_problem_and_the_others_go_on(three: dict[str, Path]):
    one, other = (answered.read(line) for line in answered.answer(next(iter(three.values())), 2))
    changed = one.model_copy(update={"request": one.request | {"mood": "gloomy"}})
    unknown = one.model_copy(update={"request": one.request | {"genres": ["Jazz"]}})
    first, second, third = outcomes([changed, unknown, other], three)
    assert "no longer takes the recorded request" in str(first.problem)
    assert "refuses the recorded request" in str(second.problem)
    assert third.same


def test_one_answer_is_replayed_by_its_id(
    three: dict[str, Path], lines: list[bytes], served: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    answered.write(lines[:9], paths.EVENTS.folder)
    for line in lines[:9]:
        assert replay_answer.main([answered.read(line).request_id]) == 0
        assert caplog.messages[-1] == "1 of 1 answers came out the same, byte for byte"


def test_a_difference_and_an_unknown_bundle_end_otherwise_and_say_why(
    three: dict[str, Path], served: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    (line,) = answered.answer(next(iter(three.values())), 1, start=1)
    answer = answered.read(line)
    stars = str(answer.results[0].predicted_rating).encode()
    answered.write(
        [line.replace(b'"predicted_rating":' + stars, b'"predicted_rating":1.25')], paths.EVENTS.folder
    )
    assert replay_answer.main([answer.request_id]) == 1
    assert f"results[0].predicted_rating: recorded 1.25, replayed {stars.decode()}" in caplog.text
    assert "0 of 1 answers came out the same" in caplog.text
    answered.write([line.replace(answer.bundle.encode(), UNKNOWN.encode())], paths.EVENTS.folder)
    assert replay_answer.main([answer.request_id]) == 2
    assert f"There is no bundle {UNKNOWN} here" in caplog.text


def test_an_id_that_is_not_in_the_log_is_said_to_be_unknown(
    lines: list[bytes], served: Path, caplog: pytest.LogCaptureFixture
):
    answered.write(lines[:1], paths.EVENTS.folder)
    assert replay_answer.main(["01890000-0000-7000-8000-000000000000"]) == 2
    assert "No answer in data/events/segments has the request_id 01890000" in caplog.text


def test_an_empty_log_is_said_to_be_empty(served: Path, caplog: pytest.LogCaptureFixture):
    assert replay_answer.main(["--last", "5"]) == 2
    assert "holds no answers" in caplog.text


def test_what_is_replayed_may_be_archived_or_served(three: dict[str, Path], served: Path):
    for content_hash, folder in three.items():
        assert bundles.find(content_hash).resolve() == folder
