"""What the manifest of the processed tables says."""

from typing import Any

from marquee.data.preparation.splits import PERIOD_CODES
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import Interactions


def describe(table: Interactions, catalogue: Catalogue, split: str) -> dict[str, Any]:
    """Interactions of each period and when it begins, the sizes, and the widths of the movie features.

    Args:
        table: all interactions, each with its period; no period is empty.
        catalogue: the encoded movies.
        split: how the periods were made.
    """
    inside = {name: table.period == code for name, code in PERIOD_CODES.items()}
    counts = {name: int(rows.sum()) for name, rows in inside.items()}
    return {
        "split": split,
        "num_users": table.num_users,
        "num_movies": table.num_movies,
        "interactions": counts | {"context": len(table) - sum(counts.values())},
        "first_timestamp": {name: int(table.timestamp[rows].min()) for name, rows in inside.items()},
        "features": {
            "genres": catalogue.genres.shape[1],
            "language": catalogue.language.shape[1],
            "text": catalogue.text.shape[1],
        },
    }
