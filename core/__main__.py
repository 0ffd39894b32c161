"""`python -m core`: Crondesk from the command line."""

import sys

try:
    from core.cli.main import main

    code = main(sys.argv[1:])
except KeyboardInterrupt:  # while the modules were still being read
    code = 130

if __name__ == "__main__":
    sys.exit(code)
