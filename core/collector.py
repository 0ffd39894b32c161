"""Python's garbage collector in a process that serves for long."""

import gc

# Ten times Python's own: what a request or a firing makes is freed by its reference counts.
ALLOCATED_BEFORE_COLLECTION = 10_000


def spare_what_is_loaded() -> None:
    """Takes what has been imported and read so far out of the collector's sight, once all of it is there.

    It stays for as long as the process does. To look through it again and again took a fifth of each firing
    over HTTP, and now and then held up one of them for as long as it takes to look through all.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATED_BEFORE_COLLECTION)
