"""Whether a retrained bundle takes the place of the champion."""
