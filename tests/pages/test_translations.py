"""What the dashboard says, in both languages."""

import subprocess
import sys

from core.settings import ROOT


def test_no_message_lacks_its_french_text() -> None:
    command = [sys.executable, "-m", "scripts.check_translations"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
