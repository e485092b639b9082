import os
from pathlib import Path

import pytest

# models of a few units gain nothing from threads, which wait for each other on a busy machine
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def data_folder():
    """The real data sets that tests may use, where there are any."""
    if not os.environ.get("ISTHMUS_DATA"):
        pytest.skip("ISTHMUS_DATA is not set: no real data sets here")
    return Path(os.environ["ISTHMUS_DATA"])
