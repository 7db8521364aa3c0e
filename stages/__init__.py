"""One script per stage of dvc.yaml. Nothing imports them."""

import marquee  # noqa: F401  before a script imports numpy: it sets what decides bits
