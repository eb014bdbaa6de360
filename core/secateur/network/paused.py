"""A forward that stops before an operation and goes on when asked to.

Nothing is traced, so a forward cannot be cut in the middle; but it can wait. It runs in a thread
of its own, and every operation is computed by the thread that asked: only one of them runs at any
time, so that many paused forwards are as deterministic as one, and compute threads are not
multiplied.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from secateur.network.call import Call
from secateur.network.door import copied
from secateur.network.run import Op, Visitor, above_autograd, run

STACK = 16 << 20
"""Bytes: as deep as a main thread may be; only what is used takes memory."""


class _Abandoned(BaseException):
    """Unwinds a forward that nobody waits for any more."""


class _Hand(Visitor):
    """In the forward's thread: hands everything over."""

    def __init__(self, owner: PausedRun) -> None:
        self.owner = owner

    def before(self, op: Op) -> None:
        func = op.func
        op.func = lambda *_, **__: self.owner._ask(op, func)

    def enter(self, path: str, module: nn.Module) -> None:
        self.owner._ask(None, lambda: self.owner._ours(self.owner.visitor.enter, path, module))

    def leave(self, path: str, module: nn.Module, out: Any) -> Any:
        return self.owner._ask(
            None, lambda: self.owner._ours(self.owner.visitor.leave, path, module, out)
        )


class PausedRun:
    """A network's forward that runs on demand; close it, or use it in a ``with``.

    Arguments:
        network: nobody else may run it meanwhile (``sharing`` makes a copy that shares parameters).
        call: what forward is given.
        visitor: sees every operation, in the thread that advances.
    """

    def __init__(self, network: nn.Module, call: Call, visitor: Visitor) -> None:
        self.network, self.call, self.visitor = network, call, visitor
        self.output: Any = None
        self.done = False
        self.at: Op | None = None
        self._reply: Any = None
        self._request: tuple[Op | None, Any] | None = None
        self._error: BaseException | None = None
        self._fault: Exception | None = None
        self._raise: BaseException | None = None
        self._abandoned = False
        self._mine, self._yours = threading.Lock(), threading.Lock()
        self._mine.acquire()
        self._yours.acquire()
        self._thread: threading.Thread | None = None

    def advance(self, number: int | None = None) -> Op | None:
        """Run until an operation is next.

        Arguments:
            number: of the operation; None: to the end.

        Returns:
            the operation, its inputs as the visitor left them, not yet run; None at the end.

        Raises:
            whatever forward or the visitor raises.
        """
        with above_autograd():
            while not self.done:
                if self.at is not None:
                    if number is not None and self.at.number >= number:
                        return self.at
                    self._answer(self._run_held)
                else:
                    self._start()
                self._until_operation()
        return None

    def compute(self) -> Any:
        """The output of the operation that is next, as its inputs are now; it still is next."""
        assert self.at is not None
        with above_autograd():
            return self.at.func(*self.at.args, **self.at.kwargs)

    def close(self) -> None:
        """Forward is not needed any more."""
        self._abandoned = True
        if self._thread is not None and self._thread.is_alive():
            if self._yours.locked():
                self._yours.release()
            self._thread.join()
        self.at, self.done, self._request, self._reply = None, True, None, None

    def __enter__(self) -> PausedRun:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # in the thread that advances

    def _until_operation(self) -> None:
        while True:
            if self._request is None:
                self.done = True
                assert self._thread is not None
                self._thread.join()
                error, self._error = self._fault or self._error, None
                if error is not None:
                    raise error
                return
            op, func = self._request
            if op is None:
                self._answer(func)
                continue
            op.func = func
            try:
                self.visitor.before(op)
            except Exception as error:
                self._raise = self._fault = error
                self._hand_over()
                continue
            self.at = op
            return

    def _run_held(self) -> Any:
        op, self.at = self.at, None
        assert op is not None
        out = op.func(*op.args, **op.kwargs)
        op.outs = [x for x in tree_leaves(out) if isinstance(x, Tensor)]
        return self._ours(self.visitor.after, op, out)

    def _ours(self, method: Callable[..., Any], *args: Any) -> Any:
        """What a visitor raises is not the network's fault."""
        try:
            return method(*args)
        except Exception as error:
            self._fault = error
            raise

    def _answer(self, work: Callable[[], Any]) -> None:
        try:
            self._reply = work()
        except Exception as error:  # forward may catch what an operation raises
            self._raise = error
        self._hand_over()

    def _start(self) -> None:
        context = contextvars.copy_context()
        before = threading.stack_size(STACK)
        try:
            self._thread = threading.Thread(target=context.run, args=(self._forward,), daemon=True)
            self._thread.start()
        finally:
            threading.stack_size(before)
        self._mine.acquire()

    def _hand_over(self) -> None:
        self._yours.release()
        self._mine.acquire()

    # in the forward's thread

    def _forward(self) -> None:
        try:
            self.output = run(self.network, self.call, _Hand(self))
        except _Abandoned:
            pass
        except BaseException as error:
            self._error = error
        self._request = None
        self._mine.release()

    def _ask(self, op: Op | None, func: Any) -> Any:
        if self._abandoned:
            raise _Abandoned
        self._request = (op, func)
        self._mine.release()
        self._yours.acquire()
        if self._abandoned:
            raise _Abandoned
        self._request = None
        if self._raise is not None:
            error, self._raise = self._raise, None
            raise error
        reply, self._reply = self._reply, None
        return reply


def sharing(network: nn.Module) -> nn.Module:
    """A copy with modules and buffers of its own that shares the parameters."""
    return copied(network, network.parameters())
