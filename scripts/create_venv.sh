#!/bin/sh
# Makes the virtual environment named by the first argument, with $PYTHON
# or else the newest Python here that Crondesk runs on.
set -eu

venv=$1
wanted='import sys; sys.exit(sys.version_info < (3, 11))'

say() { printf '%s\n' "$*" >&2; }
# A version manager may put a python3.12 on the PATH that only says it is not installed, so ask each to run.
runs() { "$1" -c "$wanted" >/dev/null 2>&1; }

if [ -n "${PYTHON:-}" ]; then
    runs "$PYTHON" || { say "PYTHON=$PYTHON is not a Python 3.11 or newer that runs."; exit 1; }
else
    for candidate in python3.14 python3.13 python3.12 python3.11 python3 python; do
        if runs "$candidate"; then PYTHON=$candidate; break; fi
    done
    [ -n "${PYTHON:-}" ] || {
        say "Crondesk needs Python 3.11 or newer: install one, or name it, for example PYTHON=/opt/python3.12/bin/python3 make run."
        exit 1
    }
fi

# Debian and its descendants package the bootstrap of pip apart.
"$PYTHON" -c 'import ensurepip, venv' >/dev/null 2>&1 || {
    version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    say "$PYTHON cannot make virtual environments: apt install python$version-venv (or python3-venv), then try again."
    exit 1
}

say "Making $venv with $("$PYTHON" --version) …"
# Half an environment would look like a whole one to the next run.
trap 'rm -rf "$venv"' EXIT
trap 'exit 130' INT TERM HUP
"$PYTHON" -m venv --clear "$venv"
trap - EXIT
