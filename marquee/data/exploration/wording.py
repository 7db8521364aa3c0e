"""Numbers as people read them."""

import math


def thousands(value: float) -> str:
    """A count with separators: 1,234,567; one decimal where it is not whole."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def signed(value: float) -> str:
    """A correlation: "+0.25", "−0.09"; "–" for NaN."""
    return "–" if math.isnan(value) else f"{value:+.2f}".replace("-", "−")


def percent(share: float) -> str:
    """A share in per cent: "61 %", "7.3 %"; "0 %" and "100 %" only where that is exact; "–" for NaN."""
    if math.isnan(share):
        return "–"
    if 0 < share < 0.0005:
        return "under 0.1 %"
    if 0.995 <= share < 1:
        return f"{math.floor(share * 10_000) / 100:.2f} %"
    digits = 0 if share in (0, 1) or 0.0995 <= share < 0.95 else 1
    return f"{100 * share:.{digits}f} %"
