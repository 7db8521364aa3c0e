"""Who is train, validation and test, and why nothing leaks.

`temporal` is the protocol of every headline number. The others exist to compare with papers that
used them; a table never mixes two.
"""

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from marquee.data.tables.interactions import CONTEXT, TEST, TRAIN, VALIDATION
from marquee.pipeline.arrays import Float32, Int32, Int64, Uint8
from marquee.pipeline.params import PreprocessData

PERIOD_CODES = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
"""The periods that no split leaves empty."""

TARGET_SHARE = 0.2
"""Under `split: user`, the last fifth of a held-out user's history are the targets."""


class SplitError(ValueError):
    """A split that leaves a period empty or runs backwards."""


def time_cutoff(timestamp: Int64, cutoff: float | str) -> int:
    """The first timestamp that belongs to the later period.

    Args:
        timestamp: (n,) seconds since 1970, in any order.
        cutoff: a share q of the interactions in time, or a date (YYYY-MM-DD, midnight UTC).

    Returns:
        For a share, the timestamp of interaction int(n * q) in time order, so that interactions
        of the same second stay in one period.
    """
    if isinstance(cutoff, str):
        try:
            return int(datetime.strptime(cutoff, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
        except ValueError as error:
            raise SplitError(
                f"preprocess_data cutoff {cutoff!r} is neither a share nor YYYY-MM-DD."
            ) from error
    position = int(len(timestamp) * cutoff)
    return int(np.partition(timestamp, position)[position])


def time_cutoffs(timestamp: Int64, params: PreprocessData) -> tuple[int, int]:
    """First seconds of the validation and the test period of a split in time, see `time_cutoff`."""
    return time_cutoff(timestamp, params.validation_cutoff), time_cutoff(timestamp, params.test_cutoff)


def assign_periods(user_id: Int32, timestamp: Int64, params: PreprocessData, seed: int) -> Uint8:
    """Give every interaction its period.

    Args:
        user_id: (n,) sorted by user, then time.
        timestamp: (n,) seconds since 1970.
        params: which split, and its cutoffs (as shares, for all but `temporal`).
        seed: for the draws of `user` and `random`.

    Returns:
        (n,) uint8 of TRAIN, VALIDATION, TEST or CONTEXT.

    Raises:
        SplitError: a period without interactions, or a test cutoff not after the validation cutoff.
    """
    if params.split == "temporal":
        _require_times(timestamp)
        first, second = time_cutoffs(timestamp, params)
        _check_order(first, second)
        period = np.where(timestamp >= second, TEST, np.where(timestamp >= first, VALIDATION, TRAIN))
    elif params.split == "leave_last_out":
        from_end = _from_end(user_id)
        period = np.where(from_end == 0, TEST, np.where(from_end == 1, VALIDATION, TRAIN))
    else:
        shares = _shares(params)
        rng = np.random.default_rng(seed)
        period = (
            _by_user(user_id, shares, rng) if params.split == "user" else _drawn(len(user_id), shares, rng)
        )
    _check_all_present(period, params)
    return period.astype(np.uint8)


def require_likes(rating: Float32, positive_rating: float) -> None:
    """Check that retrieval has something to learn.

    Args:
        rating: (n,) stars.
        positive_rating: from which on a movie was liked.

    Raises:
        SplitError: nothing was liked.
    """
    if len(rating) and rating.max() < positive_rating:
        raise SplitError(
            f"No rating is at or above preprocess_data.positive_rating, {positive_rating:g}: the highest is "
            f"{rating.max():g}. Lower it, or set data.rating_scale to the scale that the ratings are on."
        )


def _require_times(timestamp: Int64) -> None:
    if len(timestamp) and timestamp.min() == timestamp.max():
        raise SplitError(
            f"Every rating has the timestamp {int(timestamp[0])}: there is nothing to split by. "
            'Give ratings their times, or set preprocess_data.split to "random" (docs/protocol.md says what '
            "that is worth)."
        )


def _by_user(user_id: Int32, shares: tuple[float, float], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    users, position, counts = np.unique(user_id, return_inverse=True, return_counts=True)
    group = _drawn(len(users), shares, rng)[position]
    length = counts[position]
    is_target = _from_end(user_id) < np.maximum(1, np.floor(length * TARGET_SHARE))
    return np.where((group == TRAIN) | is_target, group, CONTEXT)


def _drawn(size: int, shares: tuple[float, float], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    draw = rng.permutation(size) / size
    return np.where(draw >= shares[1], TEST, np.where(draw >= shares[0], VALIDATION, TRAIN))


def _from_end(user_id: Int32) -> npt.NDArray[np.int64]:
    _, first, counts = np.unique(user_id, return_index=True, return_counts=True)
    return np.repeat(first + counts, counts) - 1 - np.arange(len(user_id))


def _shares(params: PreprocessData) -> tuple[float, float]:
    first, second = params.validation_cutoff, params.test_cutoff
    if isinstance(first, str) or isinstance(second, str):
        raise SplitError(
            f"preprocess_data.split {params.split!r} takes shares, not {first!r} and {second!r}."
        )
    _check_order(first, second)
    return first, second


def _check_order(first: float, second: float) -> None:
    if second <= first:
        raise SplitError(
            f"preprocess_data.test_cutoff ({second}) must come after validation_cutoff ({first}), "
            "or the validation period is empty. Move them apart."
        )


def _check_all_present(period: npt.NDArray[np.int64], params: PreprocessData) -> None:
    counts = {name: int((period == code).sum()) for name, code in PERIOD_CODES.items()}
    empty = [name for name, count in counts.items() if count == 0]
    if empty:
        raise SplitError(
            f"The {' and '.join(empty)} period is empty: preprocess_data.split is {params.split!r} "
            f"with cutoffs {params.validation_cutoff} and {params.test_cutoff} ({counts}). Move the cutoffs."
        )
