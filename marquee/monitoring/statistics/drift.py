"""Windows of requests judged against the reference, with a stated time until a false alarm.

Thresholds come from windows simulated out of the reference itself. Requests of one visitor are alike, so what
is drawn there is **blocks**: all that one visitor asked within a span of time, the span chosen so that
visitors come as clumped as they do in the windows judged. Within a window every visitor weighs alike, however
much they ask: a hundred requests of one say little more than ten, and a client sending junk is one visitor.

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
"""Windows simulated to see how clumped visitors come with a span."""
CHUNK = 2000
"""Windows summed up at once: 2,000 of 500 requests take 16 MB."""
SHORTEST_SPAN, SPANS = 60.0, 24
"""Seconds, and how many spans are tried, each twice the one before: from a minute to 16 years."""
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
        clumping: see `clumping`, of the windows judged.
    """

    values: Float64
    reference: Float64
    level: float
    bonferroni_level: float
    span: float
    clumping: float


@dataclass(frozen=True)
class Judged:
    """Windows with their distances.

    Attributes:
        starts: (w,) int64 row of each window's first request.
        distance: (w, s) float64.
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

    def thresholds(self, visitors: Int64, expected_run_time: int, draws: int, seed: int) -> Thresholds:
        """Thresholds for windows in which visitors come as they do in `visitors`.

        Args:
            visitors: (n,) who made each of the requests to be judged, in order; n may be 0.
            expected_run_time: requests until a false alarm of any signal, on average.
            draws: windows simulated.
            seed: of the simulation.
        """
        rng = np.random.default_rng(seed)
        met = clumping(visitors, self.window)
        span = self._span(met, rng)
        totals = self.totals_of(self._simulated(span, draws, rng))
        reference: Float64 = totals.mean(axis=0)
        null = self.distances(totals, reference)
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
        count = len(requests) // self.window
        first = len(requests) - count * self.window
        rows = first + np.arange(count * self.window).reshape(count, self.window)
        totals = _totals(rows, self.weights(requests), requests.visitor)
        distance = self.distances(totals, thresholds.reference)
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

    def _span(self, met: float, rng: np.random.Generator) -> float:
        """The shortest span with which visitors come as clumped as was met; else all of a visitor."""

        def clumped(span: float) -> bool:
            rows = self._simulated(span, PROBED, rng)
            return clumping(self.reference.visitor[rows.ravel()], self.window) >= met

        spans = [float(span) for span in SHORTEST_SPAN * 2.0 ** np.arange(SPANS)]
        enough = next((span for span in spans if clumped(span)), np.inf)
        if np.isinf(enough) or enough == SHORTEST_SPAN:
            return enough
        less = enough / 2
        for _ in range(HALVINGS):
            middle = float(np.sqrt(less * enough))
            less, enough = (less, middle) if clumped(middle) else (middle, enough)
        return enough

    def _simulated(self, span: float, windows: int, rng: np.random.Generator) -> Int64:
        """(windows, window) rows of the reference."""
        return stream(blocks(self.reference, span), windows * self.window, rng).reshape(windows, self.window)


def _totals(rows: Int64, weights: Float64, visitors: Int64) -> Float64:
    code = np.unique(visitors, return_inverse=True)[1]
    parts = [np.zeros((0, weights.shape[1]))]
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        # Who stands in which window, as one number; 1 over how often they do is the weight of each request.
        who = code[chunk] + np.arange(len(chunk))[:, None] * (code.max() + 1)
        shares = 1 / np.bincount(who.ravel())[who.ravel()]
        pointers = np.arange(0, chunk.size + 1, chunk.shape[1])
        counts = scipy.sparse.csr_array((shares, chunk.ravel(), pointers), shape=(len(chunk), len(weights)))
        parts.append(counts @ weights)
    return np.concatenate(parts)


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


def clumping(visitors: Int64, window: int) -> float:
    """How many requests of its own visitor a request meets in its window, itself included, on average."""
    count = len(visitors) // window
    if count == 0:
        return 1.0
    code = np.unique(visitors, return_inverse=True)[1].astype(np.int64)
    last = code[len(code) - count * window :] + np.repeat(np.arange(count), window) * (code.max() + 1)
    sizes = np.unique(last, return_counts=True)[1].astype(np.float64)
    return float(np.square(sizes).sum() / sizes.sum())
