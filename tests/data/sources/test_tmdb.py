"""TMDB's API as a real local server plays it: pace, patience, resuming, and a key that nobody sees."""

import json
import logging
import time
import traceback

import pytest

from marquee.data.sources import tmdb
from marquee.data.sources.files.rules import DataError
from marquee.data.sources.tmdb import Network
from marquee.data.tables import facts

KEY = "0123456789abcdef0123456789abcdef"
BODY = {
    "id": 603,
    "title": "The Matrix",
    "overview": " A hacker learns what is real. ",
    "original_language": "en",
    "release_date": "1999-03-31",
    "vote_average": 8.2,
    "popularity": 99.0,
    "keywords": {"keywords": [{"id": 1, "name": "hacker"}, {"id": 2, "name": "simulation"}]},
    "credits": {
        "cast": [{"name": "Second", "order": 1}, {"name": "First", "order": 0}],
        "crew": [{"name": "Writer", "job": "Writer"}, {"name": "Lana", "job": "Director"}],
    },
}
FACTS = {
    "tmdb_id": 603,
    "overview": "A hacker learns what is real.",
    "keywords": ["hacker", "simulation"],
    "cast": ["First", "Second"],
    "directors": ["Lana"],
    "language": "en",
    "release_date": "1999-03-31",
}


@pytest.fixture
def network(server):
    return Network(server.base_url, requests_per_second=1000, timeout=5, attempts=2, backoff=0)


def impatient(server):
    return Network(server.base_url, requests_per_second=1000, timeout=0.2, attempts=0, backoff=0)


def film(handler):
    """A handler for films that TMDB knows, whatever their number."""
    handler.reply(200, json.dumps(BODY).encode())


def numbers(server):
    return [int(path.split("?")[0].rpartition("/")[2]) for path, _ in server.asked]


def test_facts_of_the_release_are_taken_and_what_grows_with_time_is_left(server, network, tmp_path):
    server.answer = film
    collected = tmdb.collect([603], KEY, tmp_path, network)
    assert collected.facts.to_dict("records") == [FACTS]
    assert collected.missing == 0
    assert "append_to_response=keywords%2Ccredits" in server.asked[0][0]


def test_a_film_with_nothing_but_a_number_has_empty_facts():
    assert tmdb.record(5, {"credits": {"cast": None}, "overview": None, "keywords": None}) == {
        "tmdb_id": 5,
        "overview": "",
        "keywords": [],
        "cast": [],
        "directors": [],
        "language": "",
        "release_date": "",
    }


def test_every_fact_of_the_metadata_is_taken_from_an_answer():
    assert set(tmdb.record(603, BODY)) == {"tmdb_id", *(fact.name for fact in facts.OF_METADATA)}


def test_only_the_ten_leading_actors_are_kept():
    cast = [{"name": str(order), "order": order} for order in range(12)]
    assert tmdb.record(1, {"credits": {"cast": cast}})["cast"] == [str(order) for order in range(10)]


def test_films_that_tmdb_does_not_know_are_counted_and_not_asked_for_again(server, network, tmp_path):
    server.answer = lambda handler: handler.reply(404) if "/9?" in handler.path else film(handler)
    for _ in range(2):
        collected = tmdb.collect([603, 9], KEY, tmp_path, network)
        assert (len(collected.facts), collected.missing) == (1, 1)
    assert numbers(server) == [9, 603]


def test_after_an_interruption_only_what_is_missing_is_asked_for(server, network, tmp_path):
    server.answer = lambda handler: handler.reply(500) if "/3?" in handler.path else film(handler)
    with pytest.raises(
        DataError, match=r"/movie/3: TMDB answered 500.*\nRun again later: the 2 films that came"
    ):
        tmdb.collect([1, 2, 3, 4], KEY, tmp_path, impatient(server))
    server.asked.clear()
    server.answer = film
    collected = tmdb.collect([1, 2, 3, 4], KEY, tmp_path, network)
    assert numbers(server) == [3, 4]
    assert collected.facts["tmdb_id"].tolist() == [1, 2, 3, 4]


def test_a_line_cut_off_in_the_cache_is_asked_for_again_and_spoils_no_other(server, network, tmp_path):
    (tmp_path / "movies.jsonl").write_text(json.dumps(FACTS | {"tmdb_id": 1}) + "\n" + json.dumps(FACTS)[:40])
    server.answer = film
    for _ in range(2):
        assert len(tmdb.collect([1, 603], KEY, tmp_path, network).facts) == 2
    assert numbers(server) == [603]


def test_an_answer_kept_before_a_fact_was_read_is_asked_for_again(server, network, tmp_path):
    without_cast = {name: value for name, value in FACTS.items() if name != "cast"}
    (tmp_path / "movies.jsonl").write_text(json.dumps(without_cast) + "\n")
    server.answer = film
    assert tmdb.collect([603], KEY, tmp_path, network).facts["cast"].tolist() == [["First", "Second"]]
    assert numbers(server) == [603]


NO_ANSWERS = [b'{"tmdb_id": 11, "overview": "\xc3', b"null", b"[]", b'{"missing": true}', b"[" * 9000]


@pytest.mark.parametrize("line", NO_ANSWERS)
def test_a_line_that_is_no_answer_is_passed_over(tmp_path, line):
    path = tmp_path / "movies.jsonl"
    path.write_bytes(line + b"\n" + json.dumps(FACTS).encode() + b"\n")
    assert tmdb.read_cache(path) == {603: FACTS}


def test_what_is_no_person_in_an_answer_is_passed_over():
    odd = {"overview": 5, "credits": {"cast": [None, {"name": " A "}, {"name": ""}], "crew": ["x"]}}
    assert tmdb.record(603, odd) | {"overview": "", "cast": ["A"], "directors": []} == tmdb.record(603, odd)


def test_with_all_in_the_cache_neither_key_nor_network_is_needed(server, network, tmp_path):
    server.answer = film
    tmdb.collect([603], KEY, tmp_path, network)
    assert tmdb.collect([603], "", tmp_path, network).facts.to_dict("records") == [FACTS]
    assert len(server.asked) == 1


def test_too_many_requests_are_repeated_after_the_time_the_server_asks_for(server, network, tmp_path):
    times = []

    def answer(handler):
        times.append(time.monotonic())
        handler.reply(429, headers={"Retry-After": "1"}) if len(times) == 1 else film(handler)

    server.answer = answer
    assert len(tmdb.collect([603], KEY, tmp_path, network).facts) == 1
    assert len(times) == 2
    assert times[1] - times[0] >= 0.95


@pytest.mark.parametrize("first", [429, 500, 502, 503])
def test_a_busy_or_failing_server_is_tried_again(server, network, tmp_path, first):
    statuses = iter([first, first, 200])
    server.answer = lambda handler: handler.reply(next(statuses), json.dumps(BODY).encode())
    assert len(tmdb.collect([603], KEY, tmp_path, network).facts) == 1
    assert len(server.asked) == 3


def test_films_are_asked_for_no_faster_than_agreed(server, tmp_path):
    times = []

    def answer(handler):
        times.append(time.monotonic())
        film(handler)

    server.answer = answer
    tmdb.collect([1, 2, 3], KEY, tmp_path, Network(server.base_url, requests_per_second=20, attempts=0))
    assert times[2] - times[0] >= 2 / 20 - 0.02


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b""])
def test_an_answer_that_is_no_json_object_is_an_error(server, network, tmp_path, body):
    server.answer = lambda handler: handler.reply(200, body)
    with pytest.raises(DataError, match=r"TMDB answered 200 without readable JSON"):
        tmdb.collect([603], KEY, tmp_path, network)


@pytest.mark.parametrize("key", ["", "  "])
def test_without_a_key_the_message_names_the_variable_and_the_ways_out(tmp_path, key):
    with pytest.raises(DataError, match=r"TMDB_API_KEY is not set\.\nSet TMDB_API_KEY in the environment"):
        tmdb.collect([603], key, tmp_path)


def test_a_token_goes_into_the_header_and_not_into_the_address(server, network, tmp_path):
    server.answer = film
    tmdb.collect([603], "eyJ.token.x", tmp_path, network)
    path, headers = server.asked[0]
    assert headers["Authorization"] == "Bearer eyJ.token.x"
    assert "token" not in path


def refuse(handler):
    handler.reply(401, b'{"status_message": "Invalid API key"}')


def stall(handler):
    handler.local.closing.wait(5)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (film, None),
        (refuse, r"TMDB refused the key in TMDB_API_KEY \(401\)"),
        (lambda handler: handler.reply(503), r"TMDB answered 503"),
        (stall, r"no answer within 0\.2 seconds"),
        (lambda handler: handler.connection.close(), r"no connection to TMDB"),
    ],
    ids=["works", "refused", "fails", "slow", "closes"],
)
def test_the_key_is_sent_and_appears_in_no_log_no_error_and_no_file(
    server, tmp_path, caplog, answer, message
):
    server.answer = answer
    said = ""
    with caplog.at_level(logging.DEBUG):
        if message is None:
            tmdb.collect([603], KEY, tmp_path, impatient(server))
        else:
            with pytest.raises(DataError, match=message) as error:
                tmdb.collect([603], KEY, tmp_path, impatient(server))
            assert error.value.__context__ is None
            said = "".join(traceback.format_exception(error.value))
    assert f"api_key={KEY}" in server.asked[0][0]
    assert "urllib3.connectionpool" in {record.name for record in caplog.records}
    assert KEY not in caplog.text + said
    assert all(KEY not in file.read_text() for file in tmp_path.iterdir())
