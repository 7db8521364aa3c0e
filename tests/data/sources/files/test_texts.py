"""What a text means as a number or a time, in whatever company it stands."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.sources.files import texts
from tests.fuzz import fuzzed

TEXTS = st.one_of(
    st.sampled_from(
        ["3", "+3", "-3", "0x3", "nan", "inf", " 3", "3.0", "1e3", "", "9" * 18, "9" * 19, "9" * 25]
    ),
    st.sampled_from(["0" * 30 + "7", "3.", ".5", ".", "1e999", "2005-04-02 23:53:47", "2005-02-30 00:00:00"]),
    st.text("0123456789.+-eE xT:é", max_size=12),
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
)


@pytest.mark.parametrize("parse", [texts.whole_numbers, texts.decimal_numbers, texts.moments])
@fuzzed(100)
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_what_a_text_means_does_not_depend_on_its_neighbours(parse, column):
    values, bad = parse(pa.array(column))
    for row, text in enumerate(column):
        value, alone = parse(pa.array([text]))
        assert (value[0], alone[0]) == (values[row], bad[row])
    part, part_bad = parse(pa.array(["7", *column])[1:])  # a slice has its texts further back
    np.testing.assert_array_equal(part, values)
    np.testing.assert_array_equal(part_bad, bad)


@fuzzed(100)
@given(TEXTS)
def test_one_text_means_the_same_alone_as_in_a_column(text):
    values, bad = texts.whole_numbers(pa.array([text]))
    assert texts.whole_number(text) == (None if bad[0] else values[0])


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_every_whole_number_is_read_as_it_is(number):
    values, bad = texts.whole_numbers(pa.array([str(number)]))
    assert (values.tolist(), bad.tolist()) == ([number], [False])


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e100, max_value=1e100))
def test_every_decimal_number_is_read_as_python_reads_it(number):
    values, bad = texts.decimal_numbers(pa.array([str(number), "3"]))
    assert values[0] == pytest.approx(number, rel=1e-15)
    assert not bad.any()


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)))
def test_every_time_of_a_clock_is_read_as_utc(when):
    values, bad = texts.moments(pa.array([when.strftime("%Y-%m-%d %H:%M:%S")]))
    assert (values[0], bad[0]) == (int(when.replace(microsecond=0, tzinfo=UTC).timestamp()), False)
