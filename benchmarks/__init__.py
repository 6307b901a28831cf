"""Measurements on public data. Nothing here is installed with the package."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command sets it: short vectors are not worth sharing out
os.environ.setdefault("OMP_NUM_THREADS", "1")
