"""Memory for keys and values in blocks of tokens, shared by everything that begins alike: vLLM's own scheme, for the guides."""

from collections import OrderedDict
from collections.abc import Sequence

#: A block's content: which block came before it (by serial; 0: none), and the tokens in it.
Key = tuple[int, tuple[int, ...]]


class BlockPool:
    """
    Counts who uses which block. A block that nobody uses keeps its content until it is needed for something else, the one
    unused for longest first; until then whoever has the same tokens before it may use it again.
    """

    def __init__(self, count: int, size: int) -> None:
        self.size = size
        self.count = count
        self._users = [0] * count
        self._unused: OrderedDict[int, None] = OrderedDict((block, None) for block in range(count))
        self._key_of: dict[int, Key] = {}
        self._found: dict[Key, tuple[int, int]] = {}
        self._serial = 0

    @property
    def unused(self) -> int:
        return len(self._unused)

    def take(self) -> int | None:
        """An empty block, or None when all are in use."""
        if not self._unused:
            return None
        block, _ = self._unused.popitem(last=False)
        key = self._key_of.pop(block, None)
        if key is not None:
            del self._found[key]
        self._users[block] = 1
        return block

    def publish(self, block: int, parent: int, tokens: Sequence[int]) -> int:
        """Makes a full block findable; returns the serial that blocks behind it name as their parent."""
        key = (parent, tuple(tokens))
        known = self._found.get(key)
        if known is not None:
            return known[1]
        self._serial += 1
        self._found[key] = (block, self._serial)
        self._key_of[block] = key
        return self._serial

    def find(self, parent: int, tokens: Sequence[int]) -> tuple[int, int] | None:
        """A block with these tokens behind that parent, with its serial; it is in use from now on."""
        known = self._found.get((parent, tuple(tokens)))
        if known is None:
            return None
        block = known[0]
        if self._users[block] == 0:
            del self._unused[block]
        self._users[block] += 1
        return known

    def release(self, blocks: Sequence[int]) -> None:
        """The last ones first, so that beginnings are kept for longest."""
        for block in reversed(blocks):
            self._users[block] -= 1
            if self._users[block] == 0:
                self._unused[block] = None
