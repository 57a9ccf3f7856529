"""Trains `steps`, the process reward model of the sums: LlamaForTokenClassification {wrong, right} at the end of each written step.

First leg (default):
1. Lower layers: a causal LM on clean sums only (it learns to predict the right digit).
2. Fresh layers on top, which compare what was written with that prediction.  Trained on corrupted sums of the grammar, on other errors
   and on the base's own answers.  Every token of the answer has a label: is the answer so far a beginning of the sound one?  Beside it, the
   lower layers keep predicting the right digit of the step at hand (given what was written before it), so they do not forget.
Joint leg (`--leg joint`): that model, trained on with answers of base + `reasoner` beside those of the base.  The pair is mostly sound and
errs in its own ways, of which the first leg shows few.
"""
import argparse
import copy
import os
import random
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from transformers import LlamaForTokenClassification

import grammar as G
from common import TINY, as_batch, bucketed, encode_pairs, label_logits, llama, load_model, load_tokenizer, log, n_params, pad_right, set_up
from muon import MuonAdamW
from rewards import auc, config, encode, load_reward, sampled_answers, save_reward, score_steps, sound_text
from sum_answers import other_errors, rows_of

BASE = os.path.join(TINY, "base")


# ---------------------------------------------------------------- 1. lower layers
def clean_model(tok, a, rng):
    model = llama(len(tok), a.hidden, a.lower, a.inter, 4, 1).train()
    optimiser, stream, t0, tokens = MuonAdamW(model, precision=torch.float32), [], time.time(), 0
    for step in range(a.clean_steps):
        if not stream:
            rows = [G.draw_prompt(rng, "sums") for _ in range(a.clean_batch * 20)]
            stream = bucketed(encode_pairs(tok, [(p, sound_text(m)) for p, m in rows]), a.clean_batch, rng)
        ids, labels = as_batch(stream.pop())
        loss = F.cross_entropy(label_logits(model, ids, labels), labels[:, 1:][labels[:, 1:] != -100])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step(min(1.0, (step + 1) / 50, (a.clean_steps - step) / (0.5 * a.clean_steps)))
        tokens += ids.numel()
        if step % 100 == 99:
            log(f"clean {step + 1} loss {loss.item():.4f} tok/s {tokens / (time.time() - t0):.0f}")
    log("clean end", dict(steps=a.clean_steps, tokens=tokens, seconds=round(time.time() - t0)))
    return model


def stacked(tok, clean, a):
    """The clean model's layers with fresh ones above, and the norm with which the lower part keeps predicting digits."""
    model = LlamaForTokenClassification(config("steps", len(tok), a.hidden, a.lower + a.upper, a.inter, 4, 1)).train()
    model.model.load_state_dict({k: v for k, v in clean.model.state_dict().items() if not k.startswith("norm.")}, strict=False)
    return model, copy.deepcopy(clean.model.norm)


# ---------------------------------------------------------------- 2. what the upper layers see
@dataclass(frozen=True)
class Mix:
    """Where training answers come from."""
    pools: tuple                # for each pool of sampled answers, the share of all rows up to which it reaches
    grammar: float              # from there up to this share the grammar's own answers, above it other errors,
    rate: float                 # so many a step,
    bounds: tuple               # of these kinds (sum_answers.other_errors)

    def draw(self, rng, pools):
        x = rng.random()
        for pool, share in zip(pools, self.pools):
            if x < share:
                p, m, texts = rng.choice(pool)
                return p, m, rng.choice(texts)
        p, m = G.draw_prompt(rng, "sums")
        return p, m, G.sum_answer(rng, m) if x < self.grammar else other_errors(rng, m, self.rate, self.bounds)


FIRST = Mix(pools=(0.4,), grammar=0.6, rate=0.2, bounds=(0.6, 0.85, 0.9, 0.95))
# Pools: the base's answers, those of base + reasoner, and of the latter the unsound ones again, for they are few.
JOINT = Mix(pools=(0.3, 0.5, 0.75), grammar=0.85, rate=0.15, bounds=(0.1, 0.45, 0.7, 0.8))


def batches(tok, rng, pools, mix, size):
    while True:
        rows = sorted(rows_of(tok, rng, [mix.draw(rng, pools) for _ in range(size * 20)]), key=lambda r: len(r[0]) + len(r[1]))
        parts = [rows[i:i + size] for i in range(0, len(rows), size)]
        rng.shuffle(parts)
        yield from parts


def unsound(pool):
    """Of a pool's answers the unsound ones, malformed ones among them."""
    found = [(p, m, [t for t in texts if not G.check_sum(t, m)["sound"]]) for p, m, texts in pool]
    return [row for row in found if row[2]]


def losses(model, norm, part, lower, dot):
    """(classification, digit prediction if there is a norm for it): means over the labelled tokens; the ends of steps weigh three times."""
    kept = []
    hook = model.model.layers[lower - 1].register_forward_hook(lambda _m, _i, out: kept.append(out[0] if isinstance(out, tuple) else out))
    ids = pad_right([c + y for c, y, _, _ in part])
    hidden = model.model(input_ids=ids).last_hidden_state
    hook.remove()
    labels = pad_right([[-100] * len(c) + z for c, _, z, _ in part], -100)
    nexts = pad_right([[-100] * (len(c) - 1) + g + [-100] for c, _, _, g in part], -100)
    mask = labels != -100
    weight = 1.0 + 2.0 * (ids[mask] == dot)
    judged = (F.cross_entropy(model.score(hidden[mask]), labels[mask], reduction="none") * weight).sum() / weight.sum()
    if norm is None:
        return judged, torch.zeros(()), ids.numel()
    mask = nexts != -100
    predicted = F.cross_entropy(F.linear(norm(kept[0][mask]), model.model.embed_tokens.weight), nexts[mask])
    return judged, predicted, ids.numel()


# ---------------------------------------------------------------- 3. measures, on training prompts that were not trained on
def development(model, tok, data):
    """AUC at the ends of steps; where a prompt has several answers also the share of sound ones among all, of the best by `min`, and of an oracle."""
    flat = [(p, m, t) for p, m, texts in data for t in texts]
    scores = score_steps(model, tok, [p for p, _, _ in flat], [t for _, _, t in flat])
    s, y = [], []
    for row, (_, m, t) in zip(scores, flat):
        steps = G.check_sum(t, m)["steps"]
        for i, value in enumerate(row[:len(steps)]):
            s.append(value)
            y.append(all(steps[:i + 1]))
    found = {"AUC": round(auc(s, y), 4), "accuracy": round(sum((v > 0.5) == w for v, w in zip(s, y)) / len(s), 4), "right": round(sum(y) / len(y), 3)}
    each = len(data[0][2])
    if each > 1:
        sound = [G.check_sum(t, m)["sound"] for _, m, t in flat]
        groups = [range(i, i + each) for i in range(0, len(flat), each)]
        best = [max(g, key=lambda i: min(scores[i], default=-1.0)) for g in groups]
        found.update({"sound": round(sum(sound) / len(sound), 3), f"best of {each}": round(sum(sound[i] for i in best) / len(best), 3),
                      "oracle": round(sum(any(sound[i] for i in g) for g in groups) / len(groups), 3)})
    return found


# ---------------------------------------------------------------- 4. legs
def first_leg(a):
    rng = set_up(a.seed, a.threads)
    tok, base = load_tokenizer(BASE), load_model(BASE)
    dot = encode(tok, ["."])[0][0]
    if a.clean_from and os.path.exists(a.clean_from):
        clean = llama(len(tok), a.hidden, a.lower, a.inter, 4, 1)
        clean.load_state_dict(torch.load(a.clean_from, weights_only=True))
    else:
        clean = clean_model(tok, a, rng)
        if a.clean_from:
            torch.save(clean.state_dict(), a.clean_from)
    pool = sampled_answers([base], tok, "sums", a.prompts, 2, seed=100 + a.seed)
    dev = sampled_answers([base], tok, "sums", 200, 1, seed=900 + a.seed)
    model, norm = stacked(tok, clean, a)
    optimiser, extra = MuonAdamW(model, muon_lr=a.muon, precision=torch.float32), torch.optim.AdamW(norm.parameters(), lr=1e-3)
    log("parameters", n_params(model))
    stream, t0, tokens, mean = batches(tok, rng, [pool], FIRST, a.batch), time.time(), 0, [0.0, 0.0]
    for step in range(a.steps):
        judged, predicted, n = losses(model, norm, next(stream), a.lower, dot)
        (judged + 0.5 * predicted).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step(min(1.0, (step + 1) / 50, (a.steps - step) / (0.5 * a.steps)))
        extra.step()
        extra.zero_grad(set_to_none=True)
        tokens += n
        mean = [0.95 * m + 0.05 * x.item() for m, x in zip(mean, (judged, predicted))]
        if step % 50 == 49:
            log(f"step {step + 1} judged {mean[0]:.4f} predicted {mean[1]:.4f} tok/s {tokens / (time.time() - t0):.0f}")
        if step % 200 == 199:
            log("development", development(model.eval(), tok, dev))
            model.train()
    save_reward(model, "steps", a.out)
    log("end", dict(steps=a.steps, tokens=tokens, seconds=round(time.time() - t0)), "shipped, development",
        development(load_reward("steps", a.out), tok, dev))


def joint_leg(a):
    rng = set_up(a.seed, a.threads)
    tok, base = load_tokenizer(BASE), load_model(BASE)
    both, dot = [base, load_model(os.path.join(TINY, "reasoner"))], encode(tok, ["."])[0][0]
    own = sampled_answers([base], tok, "sums", a.prompts, 2, seed=300 + a.seed)
    joint = sampled_answers(both, tok, "sums", a.prompts, 4, seed=500 + a.seed)
    wrong = unsound(joint)
    log("unsound answers of base + reasoner", sum(len(texts) for _, _, texts in wrong), "of", 4 * len(joint))
    dev = {"base": sampled_answers([base], tok, "sums", 200, 1, seed=900 + a.seed), "joint": sampled_answers(both, tok, "sums", 100, 8, seed=700 + a.seed)}
    model = load_reward("steps", a.start)
    log("start", {name: development(model, tok, data) for name, data in dev.items()})
    model.requires_grad_(True).train()
    optimiser, stream, t0, tokens, mean = MuonAdamW(model, muon_lr=a.muon, precision=torch.float32), batches(tok, rng, [own, joint, wrong], JOINT, a.batch), time.time(), 0, 0.0
    for step in range(a.steps):
        judged, _, n = losses(model, None, next(stream), a.lower, dot)
        judged.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step(min(1.0, (step + 1) / 30, (a.steps - step) / (0.6 * a.steps)))
        tokens, mean = tokens + n, 0.95 * mean + 0.05 * judged.item()
        if step % 50 == 49:
            log(f"step {step + 1} judged {mean:.4f} tok/s {tokens / (time.time() - t0):.0f}")
    save_reward(model, "steps", a.out)
    shipped = load_reward("steps", a.out)
    log("end", dict(steps=a.steps, tokens=tokens, seconds=round(time.time() - t0)), "shipped", {name: development(shipped, tok, data) for name, data in dev.items()})


LEGS = {"first": first_leg, "joint": joint_leg}

if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--hidden", type=int, default=128)
    p.add_argument("--inter", type=int, default=344)
    p.add_argument("--lower", type=int, default=3, help="layers of the clean model")
    p.add_argument("--upper", type=int, default=2, help="fresh layers above it")
    p.add_argument("--clean_steps", type=int, default=600)
    p.add_argument("--clean_batch", type=int, default=32)
    p.add_argument("--clean_from", help="a file that keeps the clean model between runs")
    p.add_argument("--prompts", type=int, default=1500, help="training prompts that the base answers twice each, base + reasoner four times")
    p.add_argument("--leg", choices=list(LEGS), default="first")
    p.add_argument("--start", help="joint leg: the folder of the model to train on, instead of models/tiny/steps")
    p.add_argument("--steps", type=int, default=900)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--muon", type=float, default=0.01)
    p.add_argument("--out", help="folder, instead of models/tiny/steps")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=1)
    options = p.parse_args()
    LEGS[options.leg](options)
