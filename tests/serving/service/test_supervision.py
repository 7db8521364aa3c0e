"""What the process above the workers does otherwise than BentoML's; a live test kills a worker."""

import asyncio
import logging
import os
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
    monkeypatch.setenv(supervision.STARTED, "")  # set below, and put back afterwards
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


def ended(arbiter: Arbiter, pid: int, code: int, active: bool = True, left: tuple[int, ...] = ()) -> bool:
    """The hook of circus, called for a worker that ended while others are left."""
    watcher = SimpleNamespace(is_active=lambda: active, processes=dict.fromkeys(left))
    return arbiter._ended(watcher, hook_name="after_reap", process_pid=pid, exit_code=code, time=0.0)


@pytest.mark.parametrize(
    ("active", "code", "said"),
    [
        (True, -9, ["worker 7 died (killed by signal 9); another one starts"]),
        (True, 3, ["worker 7 died (exit code 3); another one starts"]),
        (False, -15, []),  # the service is being stopped
    ],
)
def test_a_worker_that_ends_by_itself_is_told_of(
    arbiter: Arbiter, active: bool, code: int, said: list[str], caplog: pytest.LogCaptureFixture
):
    supervision._file_of(7).touch()
    with caplog.at_level(logging.INFO):
        assert ended(arbiter, 7, code, active)
    assert caplog.messages == said


def test_a_service_whose_workers_never_start_ends(
    arbiter: Arbiter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    asked = []
    monkeypatch.setattr(arbiter, "loop", SimpleNamespace(call_later=lambda _, what: asked.append(what)))
    for pid in range(supervision.FAILED_STARTS):
        assert asked == []
        ended(arbiter, pid, 1)
    assert asked == [arbiter.stop]
    assert caplog.messages[0] == "worker 0 died before it could answer (exit code 1); another one starts"
    assert caplog.messages[-1].startswith("the service cannot start: 4 workers in a row died before they")
    monkeypatch.setattr(circus.ThreadedArbiter.__mro__[1], "start", lambda *_: None)
    with pytest.raises(SystemExit) as exit_:
        arbiter.start()
    assert exit_.value.code == 1


def test_as_long_as_one_worker_answers_the_service_goes_on(arbiter: Arbiter):
    supervision._file_of(99).touch()
    for pid in range(3 * supervision.FAILED_STARTS):
        ended(arbiter, pid, 1, left=(99,))
    assert arbiter._failed_starts == 0


def test_a_worker_says_that_it_can_answer_and_its_number_may_come_again(arbiter: Arbiter):
    supervision.tell_started()
    assert supervision.any_started([1, os.getpid()])
    assert supervision.forget_started(os.getpid())
    assert not supervision.forget_started(os.getpid())
