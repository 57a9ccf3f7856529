"""Whatever happens to the batch, each guided row is the base's plus what every guide says of its whole text, read from scratch."""

import json

import pytest
import torch
from conftest import VOCABULARY
from fake_batch import FakeBatch, Request

from vllm_guides.batch import GuidedBatch
from vllm_guides.guide import Guide
from vllm_guides.request import parse_tilt


def guides(models, memory: int = 2**20, chunk: int = 8):
    return {name: Guide(model, memory, chunk, 100) for name, model in models.items()}


@torch.inference_mode()
def from_scratch(models, request: Request, base: torch.Tensor) -> torch.Tensor:
    tilt = parse_tilt(request.extra)
    if tilt is None:
        return base
    total = tilt.base * base
    for term in tilt.terms:
        ids = [*(term.prompt or request.prompt), *request.output]
        total = total + term.weight * models[term.guide](input_ids=torch.tensor([ids])).logits[0, -1]
    return total


def newcomer(batch: FakeBatch, begun: list[list[int]]) -> Request:
    chance = batch.random
    ids = lambda count: [chance.randrange(VOCABULARY) for _ in range(count)]
    # half of them begin as another one did
    prompt = [*chance.choice(begun), *ids(2)] if begun and chance.random() < 0.5 else ids(chance.randrange(1, 40))
    begun.append(prompt)
    extra = chance.choice(
        [
            None,
            {},
            {"trimtab_guides": json.dumps({"kind": 0.5})},
            {"trimtab_guides": json.dumps({"kind": -1, "short": 2}), "trimtab_base": 1.5},
            {"trimtab_guides": json.dumps([{"guide": "short", "weight": 1, "prompt": ids(chance.randrange(1, 30))}])},
        ]
    )
    return Request(prompt[:60], extra, partial=chance.choice([0, 0, 2]))


def run(models, ours: GuidedBatch, seed: int, steps: int) -> int:
    batch, begun, guided = FakeBatch(seed), [], 0
    chance = batch.random
    for _ in range(steps):
        leaving = {row for row in batch.rows if chance.random() < 0.15 or len(row.output) > 30}
        # some of them were only put aside, and come back with all they have drawn
        batch.paused += [row for row in leaving if chance.random() < 0.5 and len(row.output) <= 30]
        coming = [newcomer(batch, begun) for _ in range(chance.randrange(3)) if len(batch.rows) < 6]
        if batch.paused and chance.random() < 0.5:
            coming.append(batch.paused.pop())
        batch.change(leaving, coming, swaps=chance.randrange(2))
        ours.update(batch.step_update())
        logits = torch.randn(len(batch.rows), VOCABULARY)
        expected = [from_scratch(models, row, base) for row, base in zip(batch.rows, logits, strict=True)]
        got = ours.apply(logits.clone())
        for row, want, have in zip(batch.rows, expected, got, strict=True):
            torch.testing.assert_close(have, want, rtol=1e-4, atol=1e-4)
            guided += parse_tilt(row.extra) is not None
            if row.partial > 0:
                row.partial -= 1
            else:
                row.output.append(chance.randrange(VOCABULARY))
    return guided


@pytest.mark.parametrize("seed", range(6))
def test_rows_that_come_go_move_pause_and_go_on(models, seed):
    ours = GuidedBatch(guides(models))
    assert run(models, ours, seed, 60) > 50


def test_memory_for_hardly_more_than_one_row(models):
    one = guides(models)["kind"]
    blocks = -(-100 // 16)
    tight = (blocks + 2) * 16 * 2 * 2 * (8 + 8) * 4
    small = guides(models, memory=tight)
    assert small["kind"].pool.count == blocks + 1 < one.pool.count
    assert run(models, GuidedBatch(small), 7, 60) > 50


def test_less_memory_than_one_row_is_refused(models):
    with pytest.raises(ValueError, match="one row of 100 tokens needs"):
        guides(models, memory=4096)


def test_all_memory_is_free_again_when_all_rows_have_gone(models):
    ours = GuidedBatch(guides(models))
    run(models, ours, 3, 40)
    for index in list(ours.rows):
        ours._drop(index)
    for guide in ours.guides.values():
        assert guide.pool.unused == guide.pool.count
        assert not guide._sequences


def test_a_row_that_goes_on_and_one_that_begins_alike_read_only_what_is_new(models):
    ours = GuidedBatch(guides(models))
    kind = ours.guides["kind"]
    extra = {"trimtab_guides": '{"kind": 1}'}
    batch = FakeBatch(0)
    request = Request(list(range(40)), extra)
    batch.change(set(), [request])
    ours.update(batch.step_update())
    ours.apply(torch.zeros(1, VOCABULARY))
    assert kind.tokens_read == 40
    request.output.append(1)
    ours.apply(torch.zeros(1, VOCABULARY))
    assert kind.tokens_read == 41
    batch.change({request}, [Request([*range(40), 1, 2], extra)])
    ours.update(batch.step_update())
    ours.apply(torch.zeros(1, VOCABULARY))
    # two full blocks of 16 are known
    assert kind.tokens_read == 41 + 42 - 32


def test_all_rows_of_a_step_are_one_forward_pass(models):
    ours = GuidedBatch({"kind": guides(models)["kind"]})
    calls = []
    hook = models["kind"].register_forward_pre_hook(lambda _, __, kw: calls.append(kw["input_ids"].shape), with_kwargs=True)
    try:
        batch = FakeBatch(0)
        requests = [Request([n], {"trimtab_guides": '{"kind": 1}'}) for n in range(5)]
        batch.change(set(), requests)
        ours.update(batch.step_update())
        ours.apply(torch.zeros(5, VOCABULARY))
    finally:
        hook.remove()
    assert calls == [(5, 1)]


def test_what_is_forbidden_stays_forbidden(models):
    ours = GuidedBatch(guides(models))
    batch = FakeBatch(0)
    batch.change(set(), [Request([1], {"trimtab_guides": '{"kind": -2}', "trimtab_base": -1})])
    ours.update(batch.step_update())
    logits = torch.zeros(1, VOCABULARY)
    logits[0, 3] = float("-inf")
    got = ours.apply(logits)[0]
    assert got[3] == float("-inf") and torch.isfinite(got[:3]).all() and torch.isfinite(got[4:]).all()


def test_ids_that_only_the_base_has_are_not_drawn(models):
    ours = GuidedBatch(guides(models))
    batch = FakeBatch(0)
    # and one of them in the prompt is no crash
    batch.change(set(), [Request([1, VOCABULARY + 3], {"trimtab_guides": '{"kind": 1}'}), Request([1], None)])
    ours.update(batch.step_update())
    got = ours.apply(torch.zeros(2, VOCABULARY + 8))
    assert torch.isneginf(got[0, VOCABULARY:]).all() and torch.isfinite(got[0, :VOCABULARY]).all()
    assert (got[1] == 0).all()
