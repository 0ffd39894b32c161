"""The crons that come with the product: the catalogue (crons.toml) and one module a command.

Each module is a program. It prints what it does for the person who watches, exits 0 when it
did it, and otherwise ends with one sentence on standard error and another exit code. That is
all a command owes: it may be written in any language.
"""
