"""Walk-forward events: what is asked of a model, and what it may know when asked."""

from dataclasses import dataclass

import numpy as np

from marquee.data.tables.interactions import Interactions
from marquee.pipeline.arrays import Bool, Int64


@dataclass(frozen=True)
class Events:
    """Interactions of a period as questions; histories are rows of the same table.

    Attributes:
        rows: (e,) int64, the target's row.
        history_start: (e,) int64, first row of the history.
        history_end: (e,) int64, one past its last row; equal to the start where there is none.
    """

    rows: Int64
    history_start: Int64
    history_end: Int64

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def has_history(self) -> Bool:
        """(e,) whether anything happened strictly before the target."""
        return self.history_end > self.history_start

    def only(self, keep: Bool) -> "Events":
        """The events where `keep` is true."""
        return Events(self.rows[keep], self.history_start[keep], self.history_end[keep])


def of_period(interactions: Interactions, period: int, max_users: int, seed: int) -> Events:
    """Every interaction of a period as an event, sorted by row.

    History is the same user's interactions with a strictly smaller timestamp, those of the
    period itself included: evaluation walks forward.

    Args:
        interactions: the whole table, all periods.
        period: VALIDATION or TEST.
        max_users: where more people than this are active in the period, a draw by `seed`.
        seed: for that draw.
    """
    rows = np.flatnonzero(interactions.period == period).astype(np.int64)
    users = np.unique(interactions.user_index[rows])
    if len(users) > max_users:
        chosen = np.random.default_rng(seed).choice(users, size=max_users, replace=False)
        rows = rows[np.isin(interactions.user_index[rows], chosen)]
    return Events(rows, interactions.history_start[rows], interactions.history_end[rows])
