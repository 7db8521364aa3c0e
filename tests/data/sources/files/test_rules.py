"""Each rule of a rating: the error that names file, line, value and what to do; the count when dropped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.sources import movielens
from marquee.data.sources.files import archives
from marquee.data.sources.files.rules import SCALES, BadRows, DataError, Rule, first_broken
from tests.fuzz import fuzzed

HEADER = "userId,movieId,rating,timestamp"
GOOD = "1,1,3.5,900000000"
BAD = [
    ("1,1,7.5,1000000000", "rating 7.5 is outside 0.5 to 5.0", "rating_out_of_range"),
    ("1,1,0,1000000000", "rating 0 is outside 0.5 to 5.0", "rating_out_of_range"),
    ("1,1,3.3,1000000000", "rating 3.3 is not a multiple of 0.5", "not_half_stars"),
    ("1,1,good,1000000000", "rating good is not a number", "not_a_number"),
    ("1,1,nan,1000000000", "rating nan is not a number", "not_a_number"),
    ("anna,1,4,1000000000", "userId anna is not a whole number from 0 to 2147483647", "not_a_number"),
    ("2147483648,1,4,1000000000", "userId 2147483648 is not a whole number", "not_a_number"),
    ("-1,1,4,1000000000", "userId -1 is not a whole number", "not_a_number"),
    ("1,,4,1000000000", "movieId (empty) is not a whole number", "not_a_number"),
    ("1,1,4,2001-09-09", "timestamp 2001-09-09 is not a whole number of seconds", "not_a_number"),
    (
        "1,1,4,1000000000000",
        "timestamp 1000000000000 is in milliseconds; divide it by 1000",
        "timestamp_in_milliseconds",
    ),
    ("1,1,4,788918399", "timestamp 788918399 is before 1995", "timestamp_too_early"),
    ("1,2,4,1000000000", "movieId 2 is not in movies.csv", "unknown_movie"),
    ("1,1,4", "3 values, 4 are expected", "wrong_number_of_columns"),
    (GOOD, "user 1 rates movie 1 at 900000000 a second time", "duplicate"),
]


@pytest.fixture
def read(tmp_path):
    """Reads a folder with these lines of ratings and one movie, 1."""

    def go(*lines, action="error", header=HEADER, scale="stars"):
        text = "".join(f"{line}\n" for line in ((header, *lines) if header else lines))
        (tmp_path / "ratings.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
        (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,Film (1990),Drama\n")
        bad = BadRows(action)
        read_ = movielens.read(archives.open_folder(tmp_path), bad, SCALES[scale])
        return read_.interactions, bad.as_dict()

    return go


@pytest.mark.parametrize(
    ("line", "problem", "rule"), BAD, ids=[f"{r}-{n}" for n, (_, _, r) in enumerate(BAD)]
)
def test_a_bad_row_is_an_error_with_file_line_value_and_what_to_do(read, line, problem, rule):
    with pytest.raises(DataError) as error:
        read(GOOD, "2,1,4,1000000000", line)
    assert str(error.value).startswith(f"ratings.csv, line 4: {problem}")
    assert 'Fix the file or set data.on_bad_rows to "drop"' in str(error.value)


@pytest.mark.parametrize(
    ("line", "problem", "rule"), BAD, ids=[f"{r}-{n}" for n, (_, _, r) in enumerate(BAD)]
)
def test_a_bad_row_is_dropped_and_counted_under_its_rule(read, line, problem, rule):
    table, dropped = read(GOOD, line, "2,1,4,1000000000", action="drop")
    assert dropped == {"ratings.csv": {rule: 1}}
    assert table.column("user_id").to_pylist() == [1, 2]


def test_a_row_that_breaks_two_rules_is_counted_once(read):
    _, dropped = read(GOOD, "1,2,9,1000000000", action="drop")
    assert dropped == {"ratings.csv": {"rating_out_of_range": 1}}


def test_blank_lines_do_not_shift_the_line_number(read):
    with pytest.raises(DataError, match=r"ratings\.csv, line 5: rating 6 "):
        read("", GOOD, "", "1,1,6,1000000000")


def test_a_good_value_in_unusual_form_beside_a_bad_one_is_kept(read):
    table, dropped = read(" 5 ,1, 4.0 ,1000000000", "6,1,4e0,1000000000", "x,1,4,1000000000", action="drop")
    assert table.to_pydict()["user_id"] == [5, 6]
    assert table.to_pydict()["half_stars"] == [8, 8]
    assert dropped == {"ratings.csv": {"not_a_number": 1}}


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("0,1,0.5,788918400", None),  # the first second of 1995, the fewest stars, the lowest id
        ("2147483647,1,5,900000000", None),
        ("1,1,5.5,900000000", "rating_out_of_range"),
        ("1,1,4,100000000000", "timestamp_in_milliseconds"),  # the year 5138, or 1973
    ],
)
def test_bounds_are_within_what_is_allowed(read, line, rule):
    table, dropped = read("3,1,4,1000000000", line, action="drop")
    assert dropped == ({"ratings.csv": {rule: 1}} if rule else {})
    assert len(table) == (1 if rule else 2)


def test_the_last_second_before_milliseconds_is_in_the_future(read):
    with pytest.raises(DataError, match=r"timestamp 99999999999 is later than .*, today"):
        read(GOOD, "1,1,4,99999999999")


VALUES = (
    "0",
    "1",
    "5",
    "+3",
    "3.5",
    "0x3",
    "nan",
    "",
    " 4 ",
    "4e0",
    "99999999999999",
    "1000000000",
    "é",
    '"1"',
    "a b",
)


@fuzzed(25)
@given(rows=st.lists(st.tuples(*[st.sampled_from(VALUES)] * 4), min_size=2, max_size=6, unique=True))
def test_whether_a_row_is_kept_does_not_depend_on_its_neighbours(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("company")
    (folder / "movies.csv").write_text("movieId,title,genres\n1,Film (1990),Drama\n")

    def kept(lines):
        # One good row more, of a user of its own: a file of nothing is another error.
        text = "\n".join([HEADER, "77,1,4,900000000", *(",".join(line) for line in lines)])
        (folder / "ratings.csv").write_text(text + "\n")
        table = movielens.read(archives.open_folder(folder), BadRows("drop")).interactions
        return {tuple(row.values()) for row in table.to_pylist()}

    assert kept(rows) == set().union(*[kept([row]) for row in rows])


def test_of_two_ratings_of_a_movie_in_one_second_the_first_in_the_file_is_kept(read):
    table, dropped = read("1,1,2,900000000", "2,1,3,900000000", "1,1,5,900000000", action="drop")
    assert table.select(["user_id", "half_stars"]).to_pylist() == [
        {"user_id": 1, "half_stars": 4},
        {"user_id": 2, "half_stars": 6},
    ]
    assert dropped == {"ratings.csv": {"duplicate": 1}}


@pytest.mark.parametrize("action", ["error", "drop"])
def test_a_rating_later_than_today_is_never_dropped_since_that_would_depend_on_the_day(read, action):
    with pytest.raises(
        DataError, match=r"line 3: timestamp 9999999999 is later than .*, today.\n.*never dropped"
    ):
        read(GOOD, "1,1,4,9999999999", action=action)


def test_a_rating_later_than_its_archive_is_a_bad_row(tmp_path, zipped):
    # The zip says 2020-01-02; two days are allowed for time zones: a second more is too late.
    path = tmp_path / "ml.zip"
    path.write_bytes(
        zipped(
            {
                "ml/ratings.csv": f"{HEADER}\n{GOOD}\n1,1,4,1578096000\n1,1,4,1578096001\n".encode(),
                "ml/movies.csv": b"movieId,title,genres\n1,Film (1990),Drama\n",
            }
        )
    )
    files = archives.open_archive(path)
    with pytest.raises(
        DataError, match=r"line 4: timestamp 1578096001 is later than 2020-01-04, when the arch"
    ):
        movielens.read(files, BadRows("error"))
    bad = BadRows("drop")
    assert len(movielens.read(files, bad).interactions) == 2
    assert bad.as_dict() == {"ratings.csv": {"timestamp_in_future": 1}}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "user_id,movieId,rating,timestamp",
            r"line 1: column userId is missing; the columns are user_id, movieId",
        ),
        ("userId,movieId,timestamp", r"line 1: column rating is missing; .*\nAdd or rename columns"),
    ],
)
def test_a_missing_or_renamed_column_is_named_beside_those_that_are_there(read, header, message):
    with pytest.raises(DataError, match=message):
        read(GOOD, header=header)


def test_an_empty_file_and_one_without_rows_are_errors(read):
    with pytest.raises(
        DataError, match=r"ratings\.csv is empty\. Its first line must name the columns userId"
    ):
        read(header=None)
    with pytest.raises(DataError, match=r"ratings\.csv holds no ratings\. Give it rows"):
        read()


def test_a_file_of_which_nothing_is_left_is_an_error_with_the_counts(read):
    with pytest.raises(DataError, match=r"all 2 were dropped: .*'timestamp_in_milliseconds': 2"):
        read("1,1,4,900000000000", "2,1,4,900000000000", action="drop")


@pytest.mark.parametrize("text", ["1,1,\udcff,900000000", "\udce9,1,4,900000000"])
def test_ratings_that_are_not_utf_8_are_an_error(read, text):
    with pytest.raises(DataError, match=r"ratings\.csv is not UTF-8 .*\nSave it as UTF-8"):
        read(GOOD, text)


def test_a_header_in_another_encoding_is_an_error(read):
    with pytest.raises(DataError, match=r"ratings\.csv is not UTF-8"):
        read(GOOD, header="\udcff\udcfeu\x00s\x00")


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=6))
def test_a_row_is_charged_to_the_first_rule_it_breaks(broken):
    rules = [Rule(f"rule {n}", np.array(rows), 0, "") for n, rows in enumerate(broken)]
    for row, first in enumerate(first_broken(rules, 4)):
        breaks = [n for n, rows in enumerate(broken) if rows[row]]
        assert first == (breaks[0] if breaks else -1)


# ---- one fault in many rows -------------------------------------------------------------------------------

FAULTS = {
    "scale10": ("{n},1,{ten},1000000000", "set data.rating_scale to ten"),
    "binary": ("{n},1,{zero_or_one},1000000000", "if 0 and 1, to binary"),
    "text times": ("{n},1,4,2 April 2005", "times such as 2005-04-02 23:53:47"),
    "milliseconds": ("{n},1,4,1000000000000", "Divide the whole column by 1000"),
    "days": ("{n},1,4,12000", "too coarse to split in time"),
    "other movies": ("{n},77,4,1000000000", "list every movie there"),
}


def many(pattern, rows=200):
    return [pattern.format(n=n, ten=n % 10 + 1, zero_or_one=n % 2) for n in range(1, rows + 1)]


@pytest.mark.parametrize("action", ["error", "drop"])
@pytest.mark.parametrize(("pattern", "advice"), FAULTS.values(), ids=list(FAULTS))
def test_one_fault_in_many_rows_is_named_with_its_cure_and_never_dropped(read, action, pattern, advice):
    with pytest.raises(DataError) as error:
        read(*many(pattern), action=action)
    assert advice in str(error.value)
    assert "of 200 rows break this rule: that is one fault, not many" in str(error.value)
    assert "on_bad_rows" not in str(error.value)


def test_a_twentieth_of_the_rows_may_be_dropped_and_no_more(read):
    good = [f"{n},1,4,1000000000" for n in range(1000)]
    _, dropped = read(*good, *[f"{n},1,9,1000000000" for n in range(52)], action="drop")
    assert dropped == {"ratings.csv": {"rating_out_of_range": 52}}
    with pytest.raises(DataError, match="53 of 1,053 rows break this rule"):
        read(*good, *[f"{n},1,9,1000000000" for n in range(53)], action="drop")


def test_the_advice_about_scales_leads_to_a_table(read):
    tens, _ = read(*many(FAULTS["scale10"][0]), scale="ten")
    assert tens["half_stars"].to_pylist() == [n % 10 + 1 for n in range(1, 201)]
    likes, _ = read(*many(FAULTS["binary"][0]), scale="binary")
    assert likes["half_stars"].to_pylist() == [10 if n % 2 else 1 for n in range(1, 201)]


@pytest.mark.parametrize(
    ("scale", "rating"), [("ten", "10.5"), ("ten", "0"), ("ten", "7.5"), ("binary", "2")]
)
def test_a_rating_off_its_scale_is_a_bad_row(read, scale, rating):
    with pytest.raises(DataError, match=f"rating {rating} is (outside|not a multiple)"):
        read(f"1,1,{rating},1000000000", scale=scale)


# ---- what other programs write ----------------------------------------------------------------------------


def test_ids_that_pandas_made_floats_and_times_of_a_clock_are_read(read):
    table, _ = read("7.0,1.0,4,2005-04-02 23:53:47", "8,1,3.50,2005-04-02T23:53:48Z", "9,+1, 3 ,1112486029.0")
    assert table["user_id"].to_pylist() == [7, 8, 9]
    assert table["half_stars"].to_pylist() == [8, 7, 6]
    assert table["timestamp"].to_pylist() == [1112486027, 1112486028, 1112486029]


@pytest.mark.parametrize("when", ["2005-02-30 00:00:00", "2005-04-02", "2005-04-02 24:00:00", "02/04/2005"])
def test_a_time_that_no_clock_shows_is_a_bad_row(read, when):
    with pytest.raises(DataError, match=f"timestamp {when} is not a whole number of seconds"):
        read(f"1,1,4,{when}")
