"""Where an execution runs: a child process, or an HTTP address."""
