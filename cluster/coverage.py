"""Which records this node hears every change of, because all other nodes know that it wants to."""

from __future__ import annotations

from collections.abc import Callable, Collection

Named = dict[str, None]


class Coverage:
    """Names become covered in rounds, one at a time: a question to all nodes, behind the news of what this
    one joined.

    An answer proves that the answering node read those news, because lanes keep the order; whatever it
    changes from then on it tells, and whatever it changed before is stored already. So at the end of a
    round the names must be read once more: ``on_covered(names)``.
    """

    def __init__(
        self,
        peers: Callable[[], Collection[str]],
        ask: Callable[[int], None],
        schedule: Callable[[Callable[[], None]], object],
        on_covered: Callable[[Collection[str]], None],
    ) -> None:
        self._peers = peers
        self._ask = ask
        self._schedule = schedule
        self._on_covered = on_covered
        self._covered: set[str] = set()
        self._pending: Named = {}
        self._asked: Named = {}
        self._waiting: set[str] = set()
        self._number = 0
        self._is_scheduled = False

    def __contains__(self, name: object) -> bool:
        return name in self._covered

    def join(self, name: str) -> None:
        """This node wants to hear of ``name``, and has said so."""
        if not self._peers():
            self._covered.add(name)
            return
        self._pending[name] = None
        self._plan()

    def leave(self, name: str) -> None:
        """This node no longer wants to."""
        self._covered.discard(name)
        self._pending.pop(name, None)
        self._asked.pop(name, None)

    def uncover(self) -> None:
        """A node may not know what this one wants: it is being told everything now."""
        self._pending |= dict.fromkeys(self._covered)
        self._pending |= self._asked
        self._covered.clear()
        self._asked = {}
        self._waiting.clear()
        self._plan()

    def answered(self, node: str, number: int) -> None:
        """``node`` answers the round ``number``."""
        if number == self._number:
            self.gone(node)

    def gone(self, node: str) -> None:
        """No answer of ``node`` is to be waited for any longer."""
        if node in self._waiting:
            self._waiting.discard(node)
            if not self._waiting:
                self._finish()

    def _plan(self) -> None:
        if not self._is_scheduled and not self._waiting:
            self._is_scheduled = True
            self._schedule(self._begin)

    def _begin(self) -> None:
        self._is_scheduled = False
        self._asked, self._pending = self._pending, {}
        self._waiting = set(self._peers())
        self._number += 1
        if self._waiting:
            self._ask(self._number)
        else:
            self._finish()

    def _finish(self) -> None:
        names, self._asked = self._asked, {}
        self._covered.update(names)
        if self._pending:
            self._plan()
        if names:
            self._on_covered(tuple(names))
