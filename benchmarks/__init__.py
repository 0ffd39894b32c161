"""How fast and how punctual Crondesk is, beside its peers, on this machine: `python -m benchmarks`."""
