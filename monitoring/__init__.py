"""One script for each step of monitoring and each errand around recorded events. Nothing imports them."""

import marquee  # noqa: F401  before a script imports numpy: it sets what decides bits
