"""The worker: when to claim, fire, settle, run, beat and tidy. What each of these is, core knows."""
