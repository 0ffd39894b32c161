"""The command line: translates arguments to core's verbs, and what they return to text or JSON."""
