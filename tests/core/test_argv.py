"""Command lines without a shell: what is taken for plain words is what a real shell makes of it."""

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.argv import argv_of

PIECES = st.lists(
    st.one_of(
        st.sampled_from(list("""ab1=~#{}[]*?!$`"'\\ \t|&;<>()-+.,:/@%^é""")),
        st.sampled_from(["'a b'", '"a b"', "{}", "\\$", '"\\x"', " ", " ", "--", "#", "~", "'", '"']),
        st.text(max_size=3),
    ),
    max_size=20,
).map("".join)


def words_by_a_shell(line: str) -> list[str] | None:
    """What /bin/sh makes of the words of a line; None where it does not get that far."""
    script = f"set -- {line}\nfor word; do printf '%s\\0' \"$word\"; done"
    ended = subprocess.run(["/bin/sh", "-f", "-c", script], capture_output=True, check=False)
    return None if ended.returncode else ended.stdout.decode().split("\0")[:-1]


@settings(max_examples=400, deadline=None)
@given(line=PIECES.map(lambda text: "x " + text))
@example(line="x {} {}a ~ a~ a#b 'it''s' \"a\\b\" \\;")
@example(line='x "\x00"')
def test_words_taken_without_a_shell_are_those_a_shell_makes(line: str) -> None:
    words = argv_of(line)
    if words is not None:
        assert "\n" not in line
        assert words_by_a_shell(line) == words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/usr/bin/backup.sh --keep 7 'two words'", ["/usr/bin/backup.sh", "--keep", "7", "two words"]),
        (
            "find . -name '*.o' -exec rm {} \\;",
            ["find", ".", "-name", "*.o", "-exec", "rm", "{}", ";"],
        ),
        ("find . ! -name x", ["find", ".", "!", "-name", "x"]),
        ('say "it costs \\$5"', ["say", "it costs $5"]),
        ("curl -s https://example.org/a#b", ["curl", "-s", "https://example.org/a#b"]),
        ("  env A=b x  ", ["env", "A=b", "x"]),
        ("", None),
        ("''", None),
        ("cd /srv && make", None),
        ("x > /dev/null 2>&1", None),
        ("A=b x", None),
        ("x $HOME", None),
        ('x "$HOME"', None),
        ("x `date`", None),
        ("ls *.txt", None),
        ("ls ~", None),
        ("x {a,b}", None),
        ("echo hi", None),
        ("[ -x /bin/y ]", None),
        ("x 'open", None),
        ("x \\", None),
        ("x # comment", None),
    ],
)
def test_what_takes_a_shell_is_told_from_what_takes_none(line: str, words: list[str] | None) -> None:
    assert argv_of(line) == words
