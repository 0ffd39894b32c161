"""What a measurement yields: medians with their range, percentiles, rows of a table, targets."""

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Spread:
    """The values of several runs, told as median [lowest … highest] and their number.

    Attributes:
        digits: after the point.
    """

    values: tuple[float, ...]
    digits: int = 0

    @classmethod
    def of(cls, values: Iterable[float], digits: int = 0) -> Self:
        """The spread of these runs."""
        return cls(tuple(values), digits)

    @property
    def median(self) -> float:
        """The value in the middle."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        if not self.values:
            return "-"
        shown = [f"{value:,.{self.digits}f}" for value in (self.median, min(self.values), max(self.values))]
        return f"{shown[0]} [{shown[1]} … {shown[2]}] r{len(self.values)}"


@dataclass
class Row:
    """One line of a table: who was measured, how it was set, and the cells after that.

    Attributes:
        bar: what the chart draws, if it draws it.
    """

    who: str
    settings: str
    cells: list[str]
    bar: float | None = None
    ours: bool = False


@dataclass
class Target:
    """A figure that is to be reached."""

    what: str
    wanted: str
    reached: str
    met: bool


@dataclass
class Section:
    """One benchmark's part of the report.

    Attributes:
        how: how it was measured, for whoever doubts it.
        unit: of the bars in the chart.
        lower_is_better: how the bars are to be read.
        quick: measured with less than is needed to be believed.
        long: with what takes long.
    """

    name: str
    title: str
    how: str
    columns: list[str]
    rows: list[Row] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unit: str = ""
    lower_is_better: bool = False
    quick: bool = False
    long: bool = False
    load: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Self:
        """From JSON."""
        rows = [Row(**row) for row in told.pop("rows")]
        targets = [Target(**target) for target in told.pop("targets")]
        return cls(rows=rows, targets=targets, **told)


class Broken(Exception):
    """Something that must hold does not: what was measured is worth nothing."""


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which a share (0 to 1) of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def wait_until(done: Callable[[], bool], seconds: float, what: str, pause: float = 0.1) -> None:
    """Waits until something is so.

    Raises:
        Broken: it is not so after that time.
    """
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise Broken(f"{what}: not within {seconds:g} s")
        time.sleep(pause)
