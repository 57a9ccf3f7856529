"""vLLM's persistent batch without vLLM: requests come, go, move, pause and go on, and processors are told as vLLM tells them."""

import random
from dataclasses import dataclass, field
from enum import Enum, auto
from types import SimpleNamespace


class Direction(Enum):
    UNIDIRECTIONAL = auto()
    SWAP = auto()


@dataclass(eq=False)
class Request:
    prompt: list[int]
    extra: dict
    output: list[int] = field(default_factory=list)
    #: Steps that read only a part of the prompt: their draw is thrown away.
    partial: int = 0


class FakeBatch:
    """`rows[i]` is what logits row i belongs to; `step_update` tells what changed since the last step."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.rows: list[Request] = []
        self.paused: list[Request] = []
        self._update = SimpleNamespace(removed=[], added=[], moved=[])

    def change(self, leaving: set[Request], coming: list[Request], swaps: int = 0) -> None:
        """The order of vLLM: removed places are taken by newcomers, what is left of them is filled from the end."""
        empty = sorted(i for i, row in enumerate(self.rows) if row in leaving)
        self._update.removed = sorted(empty, reverse=True)
        rows: list[Request | None] = [None if row in leaving else row for row in self.rows]
        for request in coming:
            index = empty.pop(0) if empty else len(rows)
            rows[index : index + 1] = [request]
            # taken over at once: vLLM says nothing of the removal then
            if index in self._update.removed:
                self._update.removed.remove(index)
            params = SimpleNamespace(extra_args=request.extra)
            self._update.added.append((index, params, request.prompt, request.output))
        while empty:
            while rows and rows[-1] is None:
                rows.pop()
            gap = empty.pop(0)
            if gap >= len(rows):
                break
            self._update.moved.append((len(rows) - 1, gap, Direction.UNIDIRECTIONAL))
            rows[gap] = rows.pop()
        for _ in range(swaps if len(rows) > 1 else 0):
            a, b = self.random.sample(range(len(rows)), 2)
            self._update.moved.append((a, b, Direction.SWAP))
            rows[a], rows[b] = rows[b], rows[a]
        self.rows = rows

    def step_update(self):
        update, self._update = self._update, SimpleNamespace(removed=[], added=[], moved=[])
        return update if update.removed or update.added or update.moved else None
