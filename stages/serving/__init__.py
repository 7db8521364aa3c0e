"""The service and what leads to it: exported models, the recommender, the bundle and the Bento."""

import os

# A request is too small to share among threads, and a sum that is split differently ends differently: one
# BLAS thread wherever the recommender runs. BLAS reads this when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
