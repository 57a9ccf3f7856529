"""What one guide has read for one row of the batch."""

from collections.abc import Sequence


class Tokens(Sequence[int]):
    """A prompt and the live list of what was drawn since, as one; nothing is copied as the list grows."""

    def __init__(self, prompt: Sequence[int], output: Sequence[int]) -> None:
        self._prompt, self._output = prompt, output

    def __len__(self) -> int:
        return len(self._prompt) + len(self._output)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self._slice(*index.indices(len(self))[:2])
        return self._prompt[index] if index < len(self._prompt) else self._output[index - len(self._prompt)]

    def _slice(self, start: int, end: int) -> list[int]:
        cut = len(self._prompt)
        return [*self._prompt[start : min(end, cut)], *self._output[max(start - cut, 0) : max(end - cut, 0)]]


class GuideSequence:
    def __init__(self, tokens: Sequence[int]) -> None:
        self.tokens = tokens
        #: Tokens whose keys and values are in `blocks`.
        self.length = 0
        self.blocks: list[int] = []
        #: Serial of the last full block.
        self.serial = 0
        #: Full blocks that others can find.
        self.published = 0
