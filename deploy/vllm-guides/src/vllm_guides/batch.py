"""vLLM's persistent batch as the guides see it: which rows are guided, and by what."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch

from .guide import Guide
from .request import Term, Tilt, parse_tilt
from .sequence import GuideSequence, Tokens


class BatchUpdate(Protocol):
    """What vLLM tells between steps; to be taken in this order."""

    removed: Sequence[int]
    #: index, sampling parameters, prompt ids, the live list of drawn ids
    added: Sequence[tuple[int, Any, list[int] | None, list[int]]]
    #: from, to, and whether it is a swap
    moved: Sequence[tuple[int, int, Any]]


class Row:
    def __init__(self, tilt: Tilt, sequences: list[tuple[Term, GuideSequence]]) -> None:
        self.tilt, self.sequences = tilt, sequences


class GuidedBatch:
    def __init__(self, guides: Mapping[str, Guide]) -> None:
        self.guides = guides
        self.rows: dict[int, Row] = {}

    def update(self, update: BatchUpdate | None) -> None:
        if update is None:
            return
        for index in update.removed:
            self._drop(index)
        for index, params, prompt, output in update.added:
            # whoever had the place is gone, even when nobody said so
            self._drop(index)
            tilt = parse_tilt(params.extra_args)
            if tilt is not None:
                self.rows[index] = Row(tilt, [self._open(term, prompt or [], output) for term in tilt.terms])
        for start, end, how in update.moved:
            self._move(start, end, how.name == "SWAP")

    @torch.inference_mode()
    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Changes the guided rows in place."""
        rows = {index: row for index, row in self.rows.items() if index < logits.shape[0]}
        if not rows:
            return logits
        # what the grammar, bans and a minimum of tokens forbid stays forbidden, whatever the weights
        indices = torch.tensor(list(rows), device=logits.device)
        forbidden = torch.isneginf(logits[indices])
        sums = logits[indices].masked_fill(forbidden, 0)
        sums *= torch.tensor([[row.tilt.base] for row in rows.values()], dtype=sums.dtype, device=sums.device)
        for name, guide in self.guides.items():
            self._add(guide, name, list(rows.values()), sums)
        logits[indices] = sums.masked_fill(forbidden, float("-inf"))
        return logits

    def _add(self, guide: Guide, name: str, rows: Sequence[Row], sums: torch.Tensor) -> None:
        reading = [
            (place, term, sequence)
            for place, row in enumerate(rows)
            for term, sequence in row.sequences
            if term.guide == name
        ]
        if not reading:
            return
        said = guide.next_logits([sequence for _, _, sequence in reading]).to(sums.dtype)
        weights = torch.tensor([[term.weight] for _, term, _ in reading], dtype=sums.dtype, device=sums.device)
        places = torch.tensor([place for place, _, _ in reading], device=sums.device)
        known = min(sums.shape[1], said.shape[1])
        sums[:, :known].index_add_(0, places, weights * said[:, :known])
        # ids beyond the guide's vocabulary are padding of the base's
        sums[places, known:] = float("-inf")

    def _open(self, term: Term, prompt: Sequence[int], output: Sequence[int]) -> tuple[Term, GuideSequence]:
        own = prompt if term.prompt is None else term.prompt
        return term, self.guides[term.guide].open(Tokens(own, output))

    def _move(self, start: int, end: int, swap: bool) -> None:
        first, second = self.rows.pop(start, None), self.rows.pop(end, None)
        if first is not None:
            self.rows[end] = first
        if second is not None and swap:
            self.rows[start] = second
        elif second is not None:
            self._close(second)

    def _drop(self, index: int) -> None:
        row = self.rows.pop(index, None)
        if row is not None:
            self._close(row)

    def _close(self, row: Row) -> None:
        for term, sequence in row.sequences:
            self.guides[term.guide].close(sequence)
