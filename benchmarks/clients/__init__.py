"""Programs that run beside a measurement, each a process of its own: a target of requests, and callers."""
