"""The REST API: translates HTTP to the verbs of core and back."""
