"""A command line as the arguments of a program, where it takes no shell to read it."""

import re

# What a POSIX shell reads as no more than the words of a program (XCU, sections 2.2 and 2.3).
TOKEN = re.compile(
    r"""
    (?P<blank>[ \t]+)
  | '(?P<single>[^'\0]*)'
  | "(?P<double>(?:[^"\\$`\0]|\\[^\n\0])*)"
  | \\(?P<escaped>[^\n\0])
  | (?P<plain>\{\} | [^\s'"\\|&;<>()$`*?\[\#~{}\x00-\x1f\x7f]+)
  | (?P<inner>[\#~])
    """,
    re.VERBOSE,
)
IN_DOUBLE_QUOTES = re.compile(r"""\\([$`"\\])""")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=", re.ASCII)
# Words that a shell obeys itself, or that it and the program of that name read differently.
SHELLS_OWN = re.compile(
    r"""
    ! | \. | : | \[ | \[\[ |
    alias | bg | break | builtin | case | cd | command | continue | declare | do | done | echo |
    elif | else | enable | esac | eval | exec | exit | export | false | fc | fg | fi | for |
    function | getopts | hash | if | in | jobs | kill | let | local | newgrp | popd | printf | pushd
    | pwd | read | readonly | return | select | set | shift | shopt | source | suspend | test | then
    | time | times | trap | true | type | typeset | ulimit | umask | unalias | unset | until | wait
    | while
    """,
    re.VERBOSE,
)


def argv_of(command: str) -> list[str] | None:
    """The program and its arguments that a command line names.

    Args:
        command: as a crontab or a shell script has it.

    Returns:
        None where it takes a shell: for pipes, redirections, variables, patterns, builtins and the like.
    """
    words: list[str] = []
    begun = bare_start = False
    place = 0
    while place < len(command):
        token = TOKEN.match(command, place)
        if token is None:
            return None
        place = token.end()
        kind, text = token.lastgroup, token[token.lastgroup or 0]
        if kind == "blank":
            begun = False
            continue
        if kind == "inner" and not begun:  # a comment, or somebody's home
            return None
        if kind == "double":
            text = IN_DOUBLE_QUOTES.sub(r"\1", text)
        if begun:
            words[-1] += text
        else:
            words.append(text)
            bare_start = bare_start or (len(words) == 1 and kind == "plain")
        begun = True
    if not words or not words[0] or SHELLS_OWN.fullmatch(words[0]):
        return None
    # An assignment before the program; one in quotes would be a program of that name.
    return None if bare_start and ASSIGNMENT.match(words[0]) else words
