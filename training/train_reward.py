"""Trains the rewards of whole answers: `sentiment` (Bradley-Terry, one score) and `attributes` (regression of positivity, conciseness and formality).

Both are small Llama classifiers from nothing, scored at the last token of the conversation (rewards.py).  Half of the answers are the base's own,
half the grammar's; some of each are cut at a random token.  A cut answer is labelled by the rule applied to the text that is left: the score
of a beginning says what has been written so far, and at the end it is the score of the answer.
"""
import argparse
import os
import random
import time

import torch
import torch.nn.functional as F
from transformers import LlamaForSequenceClassification

import grammar as G
from common import TINY, load_model, load_tokenizer, log, n_params, set_up
from muon import MuonAdamW
from rewards import closed, config, context, encode, load_reward, sampled_answers, save_reward, score_sequences, sequence_logits, targets

BASE = os.path.join(TINY, "base")
P_SUMS = 0.08           # share of sums: they have no positive or formal word, but sentences


def cut(tok, rng, text):
    """The text up to a random token."""
    ids = encode(tok, [text])[0]
    return tok.decode(ids[:rng.randrange(len(ids))]) if ids else text


def answers(tok, rng, pool, n, p_cut):
    """[(context, answer text)]"""
    out = []
    for _ in range(n):
        if rng.random() < P_SUMS:
            prompt, meta = G.draw_prompt(rng, "sums")
            text = G.draw_answer(rng, meta)
        elif rng.random() < 0.5:
            prompt, _, texts = rng.choice(pool)
            text = rng.choice(texts)
        else:
            prompt, meta = G.draw_prompt(rng, "talk")
            text = G.draw_answer(rng, meta)
        out.append((context(rng, prompt), cut(tok, rng, text) if rng.random() < p_cut else text))
    return out


def batches(tok, rng, pool, a):
    """[(ids, targets)] of similar length."""
    while True:
        rows = answers(tok, rng, pool, a.batch * 20, a.cut)
        rows = sorted(zip(encode(tok, [c + closed(t) for c, t in rows]), [targets(t) for _, t in rows]), key=lambda r: len(r[0]))
        parts = [rows[i:i + a.batch] for i in range(0, len(rows), a.batch)]
        rng.shuffle(parts)
        yield from parts


def bradley_terry(scores, values):
    """-log sigmoid(score difference) over all pairs of the batch with different positivity, whatever their prompts: the rule reads only answers."""
    gap, order = scores[:, None] - scores[None, :], values[:, None] > values[None, :]
    return -F.logsigmoid(gap[order]).mean()


def pair_accuracy(groups):
    """groups: per prompt [(score, positivity)] -> (share of pairs of different positivity that the score orders alike, their number)."""
    good = total = 0
    for rows in groups:
        for i, (s, v) in enumerate(rows):
            for t, w in rows[:i]:
                if v != w:
                    good += (s > t) == (v > w) and s != t
                    total += 1
    return good / max(1, total), total


def r_squared(predicted, values):
    """Per attribute, 1 - squared error / variance."""
    p, y = torch.tensor(predicted), torch.tensor(values)
    return (1 - ((p - y) ** 2).sum(0) / ((y - y.mean(0)) ** 2).sum(0)).tolist()


def development(kind, model, tok, data, p_cut, seed=5):
    """On answers of the base to training prompts that were not trained on."""
    rng = random.Random(seed)
    groups = [(p, [cut(tok, rng, t) if rng.random() < p_cut else t for t in texts]) for p, _, texts in data]
    flat = score_sequences(model, tok, [p for p, ts in groups for _ in ts], [t for _, ts in groups for t in ts])
    values = [targets(t) for _, ts in groups for t in ts]
    if kind == "attributes":
        return [round(x, 4) for x in r_squared(flat, values)]
    each = len(groups[0][1])
    pairs = [(s[0], v[0]) for s, v in zip(flat, values)]
    return round(pair_accuracy([pairs[i:i + each] for i in range(0, len(pairs), each)])[0], 4)


def train(a):
    rng, kind = set_up(a.seed, a.threads), a.reward
    tok, base = load_tokenizer(BASE), load_model(BASE)
    pool = sampled_answers([base], tok, "talk", a.prompts, 8, seed=100)
    dev = sampled_answers([base], tok, "talk", 60, 8, seed=900)
    model = LlamaForSequenceClassification(config(kind, len(tok), a.hidden, a.layers, a.inter, a.hidden // 32, 1)).train()
    optimiser, stream, t0, tokens, mean = MuonAdamW(model, muon_lr=a.muon, precision=torch.float32), batches(tok, rng, pool, a), time.time(), 0, 0.0
    log(kind, "parameters", n_params(model))
    for step in range(a.steps):
        rows = next(stream)
        logits, values = sequence_logits(model, [r for r, _ in rows]), torch.tensor([v for _, v in rows])
        loss = bradley_terry(logits[:, 0], values[:, 0]) if kind == "sentiment" else F.mse_loss(logits, values)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step(min(1.0, (step + 1) / 50, (a.steps - step) / (0.6 * a.steps)))
        tokens += sum(len(r) for r, _ in rows)
        mean = 0.95 * mean + 0.05 * loss.item()
        if step % 50 == 49:
            log(f"step {step + 1} loss {mean:.4f} tok/s {tokens / (time.time() - t0):.0f}")
        if step % 200 == 199:
            log("development, whole and cut", development(kind, model.eval(), tok, dev, 0), development(kind, model, tok, dev, 1))
            model.train()
    save_reward(model, kind, a.out)
    shipped = load_reward(kind, a.out)
    log("end", dict(steps=a.steps, tokens=tokens, seconds=round(time.time() - t0)), "shipped, development, whole and cut",
        development(kind, shipped, tok, dev, 0), development(kind, shipped, tok, dev, 1))


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--reward", required=True, choices=["sentiment", "attributes"])
    p.add_argument("--hidden", type=int, default=96)
    p.add_argument("--layers", type=int, default=3)
    p.add_argument("--inter", type=int, default=256)
    p.add_argument("--prompts", type=int, default=500, help="training prompts that the base answers eight times each")
    p.add_argument("--cut", type=float, default=0.4, help="share of answers that are cut at a random token")
    p.add_argument("--steps", type=int, default=700)
    p.add_argument("--batch", type=int, default=96)
    p.add_argument("--muon", type=float, default=0.02)
    p.add_argument("--out", help="folder, instead of models/tiny/NAME")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=1)
    train(p.parse_args())
