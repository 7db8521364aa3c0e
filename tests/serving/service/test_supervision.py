"""What the process above the workers does otherwise than BentoML's; a live test kills a worker."""

import asyncio
import logging
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from bentoml._internal.utils import circus
from circus.watcher import Watcher

from marquee.serving.service import supervision
from marquee.serving.service.supervision import Arbiter


@pytest.fixture
def arbiter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Arbiter]:
    """As BentoML makes it in a container; its thread has an event loop, as that of `bentoml serve` has."""
    monkeypatch.setattr(circus, "Arbiter", circus.Arbiter)
    supervision.look_often()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    made = circus.create_standalone_arbiter([Watcher("service", "true", respawn=False)])
    assert isinstance(made, Arbiter)
    yield made
    made.context.destroy()
    made.ctrl.sys_hdl.stop()
    asyncio.set_event_loop(None)
    loop.close()


def test_workers_are_looked_at_every_second_and_started_again_in_a_container_too(arbiter: Arbiter):
    assert arbiter.ctrl.check_delay == 1000
    assert [watcher.respawn for watcher in arbiter.watchers] == [True]


def test_a_signal_to_stop_is_not_lost_while_a_worker_is_started(
    arbiter: Arbiter, monkeypatch: pytest.MonkeyPatch
):
    stopped = []
    monkeypatch.setattr(circus.ThreadedArbiter.__mro__[1], "stop", lambda _: stopped.append(True))

    async def main() -> None:
        monkeypatch.setattr(arbiter, "loop", asyncio.get_running_loop())
        arbiter._exclusive_running_command = "manage_watchers"
        arbiter.stop()
        await asyncio.sleep(0.1)
        assert stopped == []
        arbiter._exclusive_running_command = None
        await asyncio.sleep(0.1)

    asyncio.run(main())
    assert stopped == [True]


@pytest.mark.parametrize(
    ("active", "code", "said"),
    [
        (True, -9, ["worker 7 died (killed by signal 9); another one starts"]),
        (True, 3, ["worker 7 died (exit code 3); another one starts"]),
        (False, -15, []),  # the service is being stopped
    ],
)
def test_a_worker_that_ends_by_itself_is_told_of(
    active: bool, code: int, said: list[str], caplog: pytest.LogCaptureFixture
):
    watcher = SimpleNamespace(is_active=lambda: active)
    with caplog.at_level(logging.INFO):
        assert supervision._tell(watcher, None, "after_reap", process_pid=7, exit_code=code, time=0.0)
    assert caplog.messages == said
