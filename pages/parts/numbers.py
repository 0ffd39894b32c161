"""Counts and shares as the reader's language writes them."""

from pages.parts.language import language


def number(count: int, estimated: bool = False) -> str:
    """A count with its thousands apart; an estimate says so and is rounded."""
    if estimated:
        digits = len(str(count))
        count = round(count, 2 - digits)
    space = "\u202f" if language() == "fr" else ","
    return ("≈ " if estimated else "") + f"{count:,}".replace(",", space)


def percent(share: float) -> str:
    """A share such as '97.3%'. Rounded down: 100% says that nothing failed."""
    written = f"{int(share * 1000) / 10:.1f}".removesuffix(".0")
    return written.replace(".", ",") + "\u202f%" if language() == "fr" else written + "%"
