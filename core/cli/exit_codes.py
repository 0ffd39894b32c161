"""What the end of a command means to the shell that called."""

PARTLY = FAILED = 1
INVALID = 2
NOT_FOUND = 3
CONFLICT = 4
UNAVAILABLE = 5
INTERRUPTED = 128 + 2
NOBODY_READS = 128 + 13
