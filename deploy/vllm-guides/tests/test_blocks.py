from vllm_guides.blocks import BlockPool


def test_a_block_is_shared_by_those_with_the_same_tokens_behind_the_same_parent():
    pool = BlockPool(3, 2)
    first = pool.take()
    serial = pool.publish(first, 0, [1, 2])
    assert pool.find(0, [1, 2]) == (first, serial)
    assert pool.find(serial, [1, 2]) is None and pool.find(0, [2, 1]) is None
    pool.release([first])
    assert pool.unused == 2
    pool.release([first])
    assert pool.unused == 3


def test_what_nobody_uses_is_kept_until_there_is_nothing_else():
    pool = BlockPool(2, 2)
    kept = pool.take()
    serial = pool.publish(kept, 0, [1, 2])
    pool.release([kept])
    assert pool.take() != kept
    assert pool.find(0, [1, 2]) == (kept, serial)
    pool.release([kept])
    assert pool.take() == kept
    assert pool.find(0, [1, 2]) is None
    assert pool.take() is None


def test_equal_content_computed_twice_has_one_serial():
    pool = BlockPool(2, 2)
    a, b = pool.take(), pool.take()
    serial = pool.publish(a, 0, [1, 2])
    assert pool.publish(b, 0, [1, 2]) == serial
    pool.release([b])
    assert pool.find(0, [1, 2]) == (a, serial)
