"""Trains the base of the `tiny` family on fresh samples of the grammar, and its tokenizer."""
import argparse
import os
import time

import torch

import grammar as G
from common import (SPECIAL, END, TINY, answer_logprobs, as_batch, bucketed, chat, encode_pairs, llama, load_model, load_tokenizer, log, mixed_precision,
                    n_params, save_model, save_tokenizer, set_up, token_logprobs, train_tokenizer, turn, warm_then_linear)
from muon import MuonAdamW

P_SUMS, P_SYSTEM, P_EARLIER_TURN = 0.45, 0.25, 0.06
MEAN_ANSWER = 32        # tokens; a constant normaliser, see --per_batch_mean


def draw(rng, held=False, topic=None):
    prompt, meta = G.draw_prompt(rng, topic or ("sums" if rng.random() < P_SUMS else "talk"), held)
    return prompt, G.draw_answer(rng, meta), meta


def conversation(rng):
    """(context text, answer text) with now and then a system message or an earlier turn of any topic."""
    prompt, answer, _ = draw(rng)
    context = chat(prompt)
    if rng.random() < P_EARLIER_TURN:
        first, reply, _ = draw(rng)
        context = turn("user", first) + turn("assistant", reply) + context
    if rng.random() < P_SYSTEM:
        context = turn("system", G.system_message(rng)) + context
    return context, answer + SPECIAL[END]


def batches(tok, rng, size):
    while True:
        rows = [conversation(rng) for _ in range(size * 40)]
        contexts, answers = (tok([r[i] for r in rows], add_special_tokens=False)["input_ids"] for i in (0, 1))
        yield from bucketed(list(zip(contexts, answers)), size, rng)


def held_out_loss(model, tok, n=600, seed=999):
    """{topic: (loss, exact entropy estimate on the same texts)} in nats per answer token (the end token counts)."""
    import random
    rng, result, totals = random.Random(seed), {}, [0.0, 0.0, 0]
    for topic in ("talk", "sums"):
        rows = [draw(rng, held=True, topic=topic) for _ in range(n)]
        items = encode_pairs(tok, [(p, a) for p, a, _ in rows])
        tokens = sum(len(a) for _, a in items)
        loss = -answer_logprobs(model, items).sum().item()
        floor = -sum(G.answer_logprob(a, m) for _, a, m in rows)
        result[topic] = (round(loss / tokens, 4), round(floor / tokens, 4))
        totals = [t + x for t, x in zip(totals, (loss, floor, tokens))]
    result["mixed"] = (round(totals[0] / totals[2], 4), round(totals[1] / totals[2], 4))
    return result


def start(a, folder):
    """-> (tokenizer, model): fresh ones, or those in `folder`."""
    if a.resume:
        tok = load_tokenizer(folder)
        return tok, load_model(folder, trainable=True)
    save_tokenizer(train_tokenizer(), folder)
    tok = load_tokenizer(folder)
    return tok, llama(len(tok), a.hidden, a.layers, a.inter, a.heads, a.kv_heads).train()


def train(a):
    rng, folder = set_up(a.seed), os.path.join(TINY, "base")
    tok, model = start(a, folder)
    optimiser, stream, tokens, t0 = MuonAdamW(model), batches(tok, rng, a.batch), 0, time.time()
    log("parameters", n_params(model), "vocabulary", len(tok))
    for step in range(a.steps):
        ids, labels = as_batch(next(stream))
        with mixed_precision():
            logprobs = token_logprobs(model, ids, labels)
        loss = -logprobs.sum() / ((labels[:, 1:] != -100).sum() if a.per_batch_mean else a.batch * MEAN_ANSWER)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step(a.peak * warm_then_linear(step, a.steps, flat=a.flat))
        tokens += ids.numel()
        if step % 100 == 99:
            log(f"step {step + 1} tokens {tokens} loss {loss.item():.3f} tok/s {tokens / (time.time() - t0):.0f}")
        if step % 400 == 399:
            log("held out (loss, floor)", held_out_loss(model.eval(), tok, 200))
            model.train()
            save_model(model, folder)
    save_model(model, folder)
    log("end", dict(steps=a.steps, tokens=tokens, seconds=round(time.time() - t0)), "shipped, held out (loss, floor)",
        held_out_loss(load_model(folder), tok))


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--steps", type=int, default=1700)
    p.add_argument("--batch", type=int, default=40)
    p.add_argument("--hidden", type=int, default=192)
    p.add_argument("--layers", type=int, default=5)
    p.add_argument("--inter", type=int, default=512)
    p.add_argument("--heads", type=int, default=6)
    p.add_argument("--kv_heads", type=int, default=2)
    p.add_argument("--per_batch_mean", action="store_true",
                   help="divide each batch's loss by its own number of tokens; as batches hold answers of similar length, this weighs "
                        "short answers more (a mean of 2.2 sentences instead of 3)")
    p.add_argument("--resume", action="store_true", help="go on from models/tiny/base with a fresh optimiser")
    p.add_argument("--peak", type=float, default=1.0, help="factor on both peak learning rates")
    p.add_argument("--flat", type=float, default=0.5, help="share of the run before the linear decay")
    p.add_argument("--seed", type=int, default=1)
    train(p.parse_args())
