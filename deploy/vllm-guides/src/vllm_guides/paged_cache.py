"""The cache that transformers' attention writes to and reads from, over blocks."""

import torch


class PagedKeysAndValues:
    """
    Keys and values of all layers, [block, place in it, head, dimension] each. `attend` says where the tokens of the next forward
    pass go and what each row sees; then it is handed to the model as `past_key_values`.

    The last block is nobody's: what must not be kept is written there.
    """

    #: What transformers asks of a cache before it compiles or crops; none of it is done here.
    is_compileable = False
    is_initialized = True
    is_sliding = ()

    def __init__(self, shapes: list[tuple[int, int, int]], blocks: int, size: int, dtype: torch.dtype, device) -> None:
        """shapes: heads, dimension of keys and dimension of values of each layer."""
        self.size = size
        self.nowhere = blocks
        self.keys = [torch.zeros(blocks + 1, size, h, k, dtype=dtype, device=device) for h, k, _ in shapes]
        self.values = [torch.zeros(blocks + 1, size, h, v, dtype=dtype, device=device) for h, _, v in shapes]
        self._slots = self._table = None

    def attend(self, slots: torch.Tensor, table: torch.Tensor) -> None:
        """slots: [rows * tokens] places to write to. table: [rows, blocks] what each row sees, in order."""
        self._slots, self._table = slots, table

    def update(self, keys: torch.Tensor, values: torch.Tensor, layer_idx: int, *_, **__):
        return self._through(self.keys[layer_idx], keys), self._through(self.values[layer_idx], values)

    def _through(self, memory: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        rows, heads, tokens, width = new.shape
        places = memory.view(-1, heads, width)
        places[self._slots] = new.transpose(1, 2).reshape(rows * tokens, heads, width)
        return memory[self._table].view(rows, -1, heads, width).transpose(1, 2)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self._table.shape[1] * self.size

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        return self._table.shape[1] * self.size, 0


def bytes_per_token(shapes: list[tuple[int, int, int]], dtype: torch.dtype) -> int:
    return sum(heads * (k + v) for heads, k, v in shapes) * dtype.itemsize
