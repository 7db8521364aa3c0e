"""Windows of requests judged against the reference, with a stated time until a false alarm.

Thresholds come from windows simulated out of the reference itself. Requests of one visitor are alike, so what
is drawn there is **blocks**: all that one visitor asked within a span of time, the span chosen so that a
window has as many visitors as those that are judged. Within a window every visitor weighs alike, however
much they ask: a hundred requests of one say little more than ten, and a client sending junk is one visitor.

The people of the reference are a draw themselves: the simulated windows are compared with references of
people drawn anew, so that their luck is part of the thresholds.

The level is one for all signals, such that any of them alarms in a share window / expected_run_time of the
windows (by the minimum of their p-values; Westfall and Young 1993). Bonferroni's rule bounds that share; this
meets it, for signals that drift together too.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from marquee.monitoring.evidence.requests import Requests
from marquee.monitoring.statistics.signals import Bins, distances
from marquee.pipeline.arrays import Bool, Float64, Int64

PROBED = 400
"""Windows simulated to see how many visitors they have with a span."""
CHUNK = 2000
"""Windows summed up at once: 2,000 of 500 requests take 16 MB."""
SHORTEST_SPAN, SPANS = 60.0, 24
"""Seconds, and how many spans are tried, each twice the one before: from a minute to 16 years."""
REFERENCES = 50
"""Draws of the reference's people that the simulated windows are compared with."""
HALVINGS = 4
"""How often the step between the last span too short and the first long enough is halved."""


@dataclass(frozen=True)
class Thresholds:
    """What a window's distances may be.

    Attributes:
        values: (s,) float64, one per signal; above is an alarm.
        reference: (all bins,) float64, the mean of the simulated windows: what distances are from.
        level: share of windows in which one signal alone alarms.
        bonferroni_level: what Bonferroni's rule would have made of it.
        span: seconds that a block spans; infinite: all of a visitor.
        visitors: of the mean window judged.
    """

    values: Float64
    reference: Float64
    level: float
    bonferroni_level: float
    span: float
    visitors: float


@dataclass(frozen=True)
class Judged:
    """Windows with their distances.

    Attributes:
        starts: (w,) int64 row of each window's first request.
        distance: (w, s) float64; 0 where the window does not last as long as the signal asks.
        alarm: (w, s) bool.
    """

    starts: Int64
    distance: Float64
    alarm: Bool


class Detector:
    """Knows the reference in bins, and judges windows."""

    def __init__(self, reference: Requests, bins: list[Bins], window: int) -> None:
        """Prepare; `window` is how many requests are judged together."""
        self.window = window
        self.bins = bins
        self.reference = reference
        self._weights = self.weights(reference)
        self._ends = np.cumsum([0, *(len(bins_.weights(reference.at(slice(0, 1)))[0]) for bins_ in bins)])

    def weights(self, requests: Requests) -> Float64:
        """(n, all bins) what each request adds to the bins of all signals, side by side."""
        return np.concatenate([bins.weights(requests) for bins in self.bins], axis=1).astype(np.float64)

    def thresholds(self, judging: Requests, expected_run_time: int, draws: int, seed: int) -> Thresholds:
        """Thresholds for windows in which visitors come as they do in the requests to be judged.

        Args:
            judging: in order; may be none.
            expected_run_time: requests until a false alarm of any signal, on average.
            draws: windows simulated.
            seed: of the simulation.
        """
        rng = np.random.default_rng(seed)
        met = visitors_of(judging.visitor, self.window)
        span = self._span(met, rng)
        rows = self._simulated(span, draws, rng)
        totals = self.totals_of(rows)
        reference: Float64 = totals.mean(axis=0)
        null = self._null(rows, totals, rng)
        null[:, [not speaks for speaks in self._speaking(judging)]] = 0
        share = self.window / expected_run_time
        # p-values by rank within the simulated windows; their minimum over the signals is what alarms.
        ordered = np.sort(null, axis=0)
        p_values = [
            1 - np.searchsorted(column, values, side="left") / draws
            for column, values in zip(ordered.T, null.T, strict=True)
        ]
        level = float(np.quantile(np.min(p_values, axis=0), share, method="lower"))
        # p <= level is an alarm: strictly above the largest distance whose p-value is more.
        above = np.clip(draws - round(level * draws) - 1, 0, draws - 1)
        return Thresholds(ordered[above], reference, level, share / len(self.bins), span, met)

    def judge(self, requests: Requests, thresholds: Thresholds) -> Judged:
        """Judge whole windows of consecutive requests; a rest at the beginning is left out."""
        rows = self._rows(requests)
        totals = _totals(rows, self.weights(requests), requests.visitor)
        distance = self.distances(totals, thresholds.reference)
        lasted = np.ptp(requests.time[rows], axis=1) if len(rows) else np.zeros(0)
        for column, bins in enumerate(self.bins):
            distance[lasted < bins.signal.least_seconds, column] = 0
        return Judged(rows[:, 0], distance, distance > thresholds.values)

    def totals_of(self, rows: Int64) -> Float64:
        """(w, all bins) sums over windows of rows (w, window) of the reference, every visitor weighing 1."""
        return _totals(rows, self._weights, self.reference.visitor)

    def distances(self, totals: Float64, reference: Float64) -> Float64:
        """(w, s) how far windows are from the reference, signal by signal."""
        columns = [
            distances(bins, totals[:, start:end], reference[start:end])
            for bins, start, end in zip(self.bins, self._ends[:-1], self._ends[1:], strict=True)
        ]
        return np.stack(columns, axis=1) if len(totals) else np.zeros((0, len(self.bins)))

    def _null(self, rows: Int64, totals: Float64, rng: np.random.Generator) -> Float64:
        """(w, s) distances of simulated windows, group by group from a reference of people drawn anew."""
        code = np.unique(self.reference.visitor, return_inverse=True)[1]
        of_visitor = _by_visitor(rows[:CHUNK], self._weights, code)
        people = len(of_visitor)
        drawn = rng.multinomial(people, np.full(people, 1 / people), size=REFERENCES)
        groups = np.array_split(totals, REFERENCES)
        return np.concatenate(
            [self.distances(group, times @ of_visitor) for group, times in zip(groups, drawn, strict=True)]
        )

    def _rows(self, requests: Requests) -> Int64:
        """(w, window) rows of whole windows, the last one ending with the last request."""
        count = len(requests) // self.window
        first = len(requests) - count * self.window
        return np.asarray(first + np.arange(count * self.window).reshape(count, self.window))

    def _speaking(self, judging: Requests) -> list[bool]:
        """Whether most windows last long enough for each signal."""
        rows = self._rows(judging)
        lasts = float(np.median(np.ptp(judging.time[rows], axis=1))) if len(rows) else np.inf
        return [lasts >= bins.signal.least_seconds for bins in self.bins]

    def _span(self, met: float, rng: np.random.Generator) -> float:
        """The shortest span with which a window has as few visitors as was met; else all of a visitor."""

        def few(span: float) -> bool:
            rows = self._simulated(span, PROBED, rng)
            return visitors_of(self.reference.visitor[rows.ravel()], self.window) <= met

        spans = [float(span) for span in SHORTEST_SPAN * 2.0 ** np.arange(SPANS)]
        enough = next((span for span in spans if few(span)), np.inf)
        if np.isinf(enough) or enough == SHORTEST_SPAN:
            return enough
        less = enough / 2
        for _ in range(HALVINGS):
            middle = float(np.sqrt(less * enough))
            less, enough = (less, middle) if few(middle) else (middle, enough)
        return enough

    def _simulated(self, span: float, windows: int, rng: np.random.Generator) -> Int64:
        """(windows, window) rows of the reference."""
        return stream(blocks(self.reference, span), windows * self.window, rng).reshape(windows, self.window)


def _totals(rows: Int64, weights: Float64, visitors: Int64) -> Float64:
    code = np.unique(visitors, return_inverse=True)[1]
    parts = [np.zeros((0, weights.shape[1]))]
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        pointers = np.arange(0, chunk.size + 1, chunk.shape[1])
        columns = (_shares(chunk, code), chunk.ravel(), pointers)
        parts.append(scipy.sparse.csr_array(columns, shape=(len(chunk), len(weights))) @ weights)
    return np.concatenate(parts)


def _by_visitor(rows: Int64, weights: Float64, code: Int64) -> Float64:
    """(visitors, all bins) what each visitor adds to the sum of all windows."""
    added = np.bincount(rows.ravel(), _shares(rows, code), len(weights))
    matrix = scipy.sparse.csr_array((added, (code, np.arange(len(code)))), shape=(code.max() + 1, len(code)))
    return np.asarray(matrix @ weights)


def _shares(rows: Int64, code: Int64) -> Float64:
    """(w x window,) weight of each request: 1 over how many its visitor has in its window."""
    # Who stands in which window, as one number.
    who = code[rows] + np.arange(len(rows))[:, None] * (code.max() + 1)
    shares: Float64 = 1 / np.bincount(who.ravel())[who.ravel()]
    return shares


def blocks(requests: Requests, span: float) -> list[Int64]:
    """Rows of what one visitor asked within a span of time, block by block."""
    part = np.zeros(len(requests)) if np.isinf(span) else requests.time // span
    order = np.lexsort((np.arange(len(requests)), part, requests.visitor))
    changes = (np.diff(requests.visitor[order]) != 0) | (np.diff(part[order]) != 0)
    return np.split(order, np.flatnonzero(changes) + 1)


def stream(blocks_: list[Int64], length: int, rng: np.random.Generator) -> Int64:
    """(length,) rows: blocks drawn with replacement, one behind the other."""
    sizes = np.array([len(block) for block in blocks_])
    starts = np.cumsum(sizes) - sizes
    rows = np.concatenate(blocks_)
    parts: list[Int64] = []
    filled = 0
    while filled < length:
        drawn = rng.integers(len(blocks_), size=int((length - filled) / sizes.mean()) + 10)
        taken = sizes[drawn]
        within = np.arange(taken.sum()) - np.repeat(np.cumsum(taken) - taken, taken)
        parts.append(rows[np.repeat(starts[drawn], taken) + within])
        filled += len(parts[-1])
    return np.concatenate(parts)[:length]


def visitors_of(visitors: Int64, window: int) -> float:
    """How many visitors a window has, on average; as many as requests where there is no window.

    Args:
        visitors: (n,) who made each request, in order; a rest at the beginning is left out.
        window: requests.
    """
    count = len(visitors) // window
    if count == 0:
        return float(window)
    last = visitors[len(visitors) - count * window :].reshape(count, window)
    return float(np.mean([len(np.unique(row)) for row in last]))
