"""What a run prints: no secret gets through, head and tail stay, and every byte is counted."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from urllib.parse import quote, quote_plus, urlencode
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.running import Printed
from core.secrets import MASK, forms
from core.targets.output import Output, masked

RUN = UUID(int=0)
NOW = datetime(2030, 1, 1, tzinfo=UTC)
letters = st.text("ab*é", max_size=12)
secrets = st.lists(st.text("ab*", min_size=1, max_size=4), max_size=3)


def printed(pieces: list[bytes], limit: int = 1_000_000, hidden: tuple[str, ...] = ()) -> list[Printed]:
    found: list[Printed] = []
    output = Output(RUN, limit, hidden, lambda: NOW, found.append)
    for piece in pieces:
        output.feed("stdout", piece)
    output.close()
    assert [piece.seq for piece in found] == list(range(len(found)))
    return found


def text_of(found: list[Printed]) -> str:
    return "".join(piece.content for piece in found if piece.stream == "stdout")


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(edges)]


@given(letters, st.lists(st.integers(0, 1000)), st.text("xyz", min_size=1, max_size=4))
def test_a_secret_cut_anywhere_never_appears(around: str, places: list[int], secret: str) -> None:
    data = f"{around}{secret}{around}{secret}".encode()
    assert text_of(printed(cut(data, places), hidden=(secret,))) == f"{around}{MASK}{around}{MASK}"


WRITINGS: dict[str, Callable[[str], str]] = {
    "JSON": json.dumps,
    "JSON in UTF-8": lambda text: json.dumps([text], ensure_ascii=False),
    "a path": quote,
    "a part of a path": lambda text: quote(text, safe=""),
    "a form": quote_plus,
    "a query": lambda text: urlencode({"key": text}),
    "Python": repr,
    "Python, beside a quote": lambda text: repr(f'key "{text}"'),
    "Python, beside an apostrophe": lambda text: repr(f"key '{text}'"),
}
around = st.text("ab'\"\\/ +%&é\n", max_size=4)


@pytest.mark.parametrize("write", WRITINGS.values(), ids=WRITINGS)
@given(around, around, st.lists(st.integers(0, 1000)))
def test_a_secret_is_masked_however_a_program_writes_it(
    write: Callable[[str], str], before: str, after: str, places: list[int]
) -> None:
    secret = f"{before}kestrel{after}"
    left = text_of(printed(cut(write(secret).encode(), places), hidden=tuple(forms(secret))))
    assert MASK in left
    assert "kestrel" not in left


@given(st.text("ab*", max_size=20), st.lists(st.integers(0, 1000)), secrets)
@example("abcdef", [3], ["abc", "abcdef"])
@example("abx", [2], ["ab", "bcd"])
def test_where_it_is_cut_changes_nothing(data: str, places: list[int], hidden: list[str]) -> None:
    whole = text_of(printed([data.encode()], hidden=tuple(hidden)))
    assert text_of(printed(cut(data.encode(), places), hidden=tuple(hidden))) == whole


@given(st.binary(max_size=300), st.lists(st.integers(0, 1000)))
def test_bytes_become_the_text_they_are_wherever_they_are_cut(data: bytes, places: list[int]) -> None:
    expected = data.decode(errors="replace").replace("\x00", "\ufffd")
    assert text_of(printed(cut(data, places))) == expected


@given(st.text("aé日😀", max_size=400), st.lists(st.integers(0, 4000)), st.integers(8, 200))
def test_head_and_tail_stay_within_the_limit_and_the_rest_is_counted(
    data: str, places: list[int], limit: int
) -> None:
    whole = data.encode()
    found = printed(cut(whole, places), limit)
    kept = text_of(found).encode()
    said = [piece.content for piece in found if piece.stream == "crondesk"]
    assert len(kept) <= limit
    if not said:
        assert kept == whole
        return
    [sentence] = said
    assert int(sentence.split()[1].replace(",", "")) == len(whole) - len(kept)
    place = [piece.stream for piece in found].index("crondesk")
    head = "".join(piece.content for piece in found[:place]).encode()
    tail = "".join(piece.content for piece in found[place + 1 :]).encode()
    assert whole.startswith(head)
    assert whole.endswith(tail)
    # A character is never cut: at most three bytes of it are missing on either side.
    assert len(head) > limit * 3 // 4 - 4
    assert len(tail) > limit - limit * 3 // 4 - 4


def test_both_streams_keep_their_own_characters_and_secrets_apart() -> None:
    found: list[Printed] = []
    output = Output(RUN, 10_000, ["secret"], lambda: NOW, found.append)
    output.feed("stdout", b"sec")
    output.feed("stderr", b"ret \xc3")
    output.feed("stdout", b"ret")
    output.feed("stderr", b"\xa9")
    output.close()
    assert text_of(found) == MASK
    assert "".join(piece.content for piece in found if piece.stream == "stderr") == "ret é"


@given(st.integers(0, 40))
def test_of_a_text_that_was_cut_off_no_beginning_of_a_secret_is_left(end: int) -> None:
    whole = "x" * 10 + "open-sesame" + "y" * 20
    left = masked(whole[:end], {"open-sesame"}, cut=True)
    assert "ope" not in left
    assert left.replace(MASK, "") == whole[:end].replace("open-sesame", "")[: len(left.replace(MASK, ""))]
