"""One guide: a causal language model with keys and values of its own."""

from collections.abc import Sequence

import torch

from .blocks import BlockPool
from .paged_cache import PagedKeysAndValues, bytes_per_token
from .sequence import GuideSequence

BLOCK = 16


class Guide:
    """
    Reads rows of tokens and says what it expects next. Prompts are read one after another, in chunks; then all rows take the
    step of their last token in one forward pass.
    """

    def __init__(self, model: torch.nn.Module, memory: int, chunk: int, longest: int) -> None:
        """memory: bytes for keys and values. longest: tokens that one row may come to."""
        self.model = model
        self.chunk = chunk
        self.device = model.device
        self.vocabulary = model.config.vocab_size
        shapes = shapes_of(model)
        dtype = model.dtype
        count = memory // (BLOCK * bytes_per_token(shapes, dtype)) - 1
        needed = -(-longest // BLOCK)
        if count < needed:
            least = (needed + 1) * BLOCK * bytes_per_token(shapes, dtype)
            raise ValueError(f"one row of {longest} tokens needs {least} bytes of keys and values, more than {memory}")
        self.pool = BlockPool(count, BLOCK)
        self.cache = PagedKeysAndValues(shapes, count, BLOCK, dtype, self.device)
        self._sequences: dict[GuideSequence, None] = {}
        #: Tokens that went through a forward pass: what tests and the log count.
        self.tokens_read = 0

    def open(self, tokens: Sequence[int]) -> GuideSequence:
        sequence = GuideSequence(tokens)
        self._sequences[sequence] = None
        return sequence

    def close(self, sequence: GuideSequence) -> None:
        self._forget(sequence)
        del self._sequences[sequence]

    @torch.inference_mode()
    def next_logits(self, sequences: Sequence[GuideSequence]) -> torch.Tensor:
        """[sequences, vocabulary]: what follows the tokens that each has by now."""
        rows, ready = [], []
        for sequence in sequences:
            if not self._has_room(sequence):
                # what the rows before it have is computed and let go of, to be read again at their next step
                rows.append(self._last_tokens(ready))
                ready = []
                self._make_room(sequence)
            self._read_prompt(sequence)
            ready.append(sequence)
        rows.append(self._last_tokens(ready))
        return torch.cat([one for one in rows if one is not None])

    def _has_room(self, sequence: GuideSequence) -> bool:
        if sequence.length == 0 and not sequence.blocks:
            self._find_beginning(sequence)
        while len(sequence.blocks) * BLOCK < len(sequence.tokens):
            block = self.pool.take()
            if block is None:
                return False
            sequence.blocks.append(block)
        return True

    def _make_room(self, sequence: GuideSequence) -> None:
        for other in self._sequences:
            if other is sequence:
                continue
            self._forget(other)
            if self._has_room(sequence):
                return
        if not self._has_room(sequence):
            raise RuntimeError("a row is longer than the guide's memory")

    def _forget(self, sequence: GuideSequence) -> None:
        self.pool.release(sequence.blocks)
        sequence.blocks, sequence.length, sequence.serial, sequence.published = [], 0, 0, 0

    def _find_beginning(self, sequence: GuideSequence) -> None:
        """Takes over what others have read already; the last token is always left to read, for its logits."""
        while (end := sequence.length + BLOCK) < len(sequence.tokens):
            found = self.pool.find(sequence.serial, sequence.tokens[sequence.length : end])
            if found is None:
                return
            block, sequence.serial = found
            sequence.blocks.append(block)
            sequence.length, sequence.published = end, sequence.published + 1

    def _read_prompt(self, sequence: GuideSequence) -> None:
        last = len(sequence.tokens) - 1
        while sequence.length < last:
            end = min(sequence.length + self.chunk, last)
            places = range(sequence.length, end)
            self._forward([sequence], [sequence.tokens[sequence.length : end]], [list(places)])
            self._advance(sequence, end)

    def _last_tokens(self, sequences: Sequence[GuideSequence]) -> torch.Tensor | None:
        if not sequences:
            return None
        last = [len(one.tokens) - 1 for one in sequences]
        tokens = [[one.tokens[at]] for one, at in zip(sequences, last, strict=True)]
        logits = self._forward(sequences, tokens, [[at] for at in last])
        for one, at in zip(sequences, last, strict=True):
            self._advance(one, at + 1)
        return logits

    def _advance(self, sequence: GuideSequence, length: int) -> None:
        sequence.length = length
        while (end := (sequence.published + 1) * BLOCK) <= length:
            block = sequence.blocks[sequence.published]
            sequence.serial = self.pool.publish(block, sequence.serial, sequence.tokens[end - BLOCK : end])
            sequence.published += 1

    def _forward(
        self, sequences: Sequence[GuideSequence], tokens: Sequence[Sequence[int]], places: Sequence[Sequence[int]]
    ) -> torch.Tensor:
        """Logits behind the last token of each row; all rows have as many new tokens."""
        widest = max(row[-1] for row in places) // BLOCK + 1
        # a row that has fewer blocks sees others of anybody's, behind the mask
        table = [(one.blocks[:widest] + [self.cache.nowhere] * widest)[:widest] for one in sequences]
        slots = [self._slot(one, at) for one, row in zip(sequences, places, strict=True) for at in row]
        self.cache.attend(self._ids(slots), self._ids(table))
        positions = self._ids(places)
        seen = torch.arange(widest * BLOCK, device=self.device) <= positions[:, :, None]
        least = torch.finfo(self.model.dtype).min
        mask = torch.zeros(seen.shape, dtype=self.model.dtype, device=self.device).masked_fill_(~seen, least)
        self.tokens_read += positions.numel()
        # the base's vocabulary may be padded further than the guide's; no text has such ids
        ids = self._ids(tokens).clamp_(max=self.vocabulary - 1)
        out = self.model(
            input_ids=ids,
            position_ids=positions,
            attention_mask=mask[:, None],
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return out.logits[:, -1].float()

    def _slot(self, sequence: GuideSequence, place: int) -> int:
        # a token that was read before is read again for its logits only: others may see the block it is in
        block = sequence.blocks[place // BLOCK] if place >= sequence.length else self.cache.nowhere
        return block * BLOCK + place % BLOCK

    def _ids(self, values) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.long, device=self.device)


@torch.inference_mode()
def shapes_of(model: torch.nn.Module) -> list[tuple[int, int, int]]:
    """Heads and dimensions of keys and values of each layer, asked of the model itself."""
    out = model(input_ids=torch.zeros(1, 1, dtype=torch.long, device=model.device), use_cache=True)
    layers = out.past_key_values.layers
    if any(not hasattr(layer, "keys") for layer in layers):
        raise ValueError(f"{type(model).__name__} keeps more than keys and values; it cannot be a guide")
    return [(layer.keys.shape[1], layer.keys.shape[3], layer.values.shape[3]) for layer in layers]
