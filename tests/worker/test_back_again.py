"""A worker that was away first does what is to be done before anything fires."""

from datetime import datetime
from typing import Any

from core.clock import Clock
from tests.asynchronous import finish
from worker.dispatcher import AWAY, Dispatcher


class _Nobody:
    """Stands where the gate is never passed through."""


def test_before_the_first_look_and_after_each_absence_something_is_waited_for() -> None:
    came: list[datetime] = []
    clock = Clock()

    async def returned() -> None:
        came.append(clock.now())

    nobody: Any = _Nobody()
    dispatcher = Dispatcher(
        "w", nobody, nobody, nobody, clock, nobody, nobody, look_at=lambda _: None, returned=returned
    )

    async def story() -> None:
        await dispatcher._be_back()
        await dispatcher._be_back()
        assert len(came) == 1
        clock.offset_seconds += AWAY.total_seconds() + 1
        await dispatcher._be_back()
        await dispatcher._be_back()
        assert len(came) == 2

    finish(story())
