"""Trains `steps`, the process reward model of the sums: LlamaForTokenClassification {wrong, right} at the end of each written step.

1. Lower layers: a causal LM on clean sums only (it learns to predict the right digit).
2. Fresh layers on top, which compare what was written with that prediction.  Trained on corrupted sums of the grammar, on other errors
   and on the base's own answers.  Every token of the answer has a label: is the answer so far a beginning of the sound one?  Beside it, the
   lower layers keep predicting the right digit of the step at hand (given what was written before it), so they do not forget.
"""
import argparse
import copy
import os
import random
import time

import torch
import torch.nn.functional as F
from transformers import LlamaForTokenClassification

import grammar as G
from common import TINY, as_batch, bucketed, encode_pairs, label_logits, llama, load_model, load_tokenizer, log, n_params, pad_right, set_up
from muon import MuonAdamW
from rewards import auc, base_answers, closed, config, context, encode, load_reward, save_reward, score_steps, sound_text, sound_tokens

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


# ---------------------------------------------------------------- 2. answers with errors
def other_errors(rng, meta, rate):
    """Steps with any kind of error at a chosen rate: a flipped carry, a number near by, a wrong operand, operator or running value."""
    value, out = meta["operands"][0], []
    for o, x in zip(meta["operators"], meta["operands"][1:]):
        left, right, op, kind = value, x, o, rng.random() if rng.random() < rate else None
        good = max(0, G.apply_step(value, o, x))
        result = good
        if kind is None:
            pass
        elif kind < 0.6:
            result = max(0, G.wrong_carry(value, o, x))
        elif kind < 0.85:
            result = max(0, good + rng.choice([-3, -2, -1, 1, 2, 3, -9, 9, -11, 11]))
        elif kind < 0.9:
            right = rng.randint(2, 9)
        elif kind < 0.95:
            op = "-" if o == "+" else "+"
        else:
            left = max(0, value + rng.choice([-10, -1, 1, 10]))
        if kind is not None and kind >= 0.85 and rng.random() < 0.5:
            result = max(0, G.apply_step(left, op, right))
        out.append(f"{left} {op} {right} = {result}.")
        value = result
    final = value if rng.random() > 0.5 * rate * 0.2 else max(0, value + rng.choice([-10, -1, 1, 10]))
    return " ".join(out + [f"The answer is {final}."])


def right_next(tok_ids, pieces):
    """Targets of the lower layers: per step, the token that a right step would have at each place, as long as it was right before.
    `pieces`: [(written ids, right ids)], which together are the answer."""
    out = []
    for written, good in pieces:
        same = True
        for i, w in enumerate(written):
            out.append(good[i] if same and i < len(good) else -100)
            same = same and i < len(good) and w == good[i]
    return out if len(out) == len(tok_ids) else [-100] * len(tok_ids)


def right_pieces(text, meta):
    """[(sentence as written, sentence as it should be after what was written before)], each but the first with its leading space."""
    value, out = meta["operands"][0], []
    for i, sentence in enumerate(G.split_sentences(text)):
        space = " " if i else ""
        if i < len(meta["operators"]):
            o, x = meta["operators"][i], meta["operands"][i + 1]
            good = G.apply_step(value, o, x)
            out.append((space + sentence, f"{space}{value} {o} {x} = {good}." if good >= 0 else ""))
            found = G.check_sum(sentence, meta) and sentence.rstrip(".").split(" = ")
            value = int(found[1]) if len(found) == 2 and found[1].isdigit() else -1000
        else:
            out.append((space + sentence, f"{space}The answer is {value}." if value >= 0 else ""))
    return out


def rows_of(tok, rng, answers):
    """[(context ids, answer ids, labels, right next tokens)]"""
    contexts, texts = encode(tok, [context(rng, p) for p, _, _ in answers]), encode(tok, [closed(t) for _, _, t in answers])
    sounds = encode(tok, [sound_text(m) for _, m, _ in answers])
    out = []
    for c, y, s, (_, m, t) in zip(contexts, texts, sounds, answers):
        pieces = right_pieces(t, m)
        flat = encode(tok, [x for pair in pieces for x in pair])
        good = right_next(y[:-2], list(zip(flat[::2], flat[1::2])))
        labels = [int(x) for x in sound_tokens(y[:-2], s)] + [-100, -100]
        out.append((c, y, labels, good + [-100, -100]))
    return out


def batches(tok, rng, pool, a):
    while True:
        answers = []
        for _ in range(a.batch * 20):
            x = rng.random()
            if x < 0.4:
                p, m, texts = rng.choice(pool)
                answers.append((p, m, rng.choice(texts)))
                continue
            p, m = G.draw_prompt(rng, "sums")
            answers.append((p, m, G.sum_answer(rng, m) if x < 0.6 else other_errors(rng, m, 0.2)))
        rows = sorted(rows_of(tok, rng, answers), key=lambda r: len(r[0]) + len(r[1]))
        parts = [rows[i:i + a.batch] for i in range(0, len(rows), a.batch)]
        rng.shuffle(parts)
        yield from parts


def losses(model, norm, part, lower, dot):
    """(classification, digit prediction): means over the labelled tokens; the ends of steps weigh three times."""
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
    mask = nexts != -100
    predicted = F.cross_entropy(F.linear(norm(kept[0][mask]), model.model.embed_tokens.weight), nexts[mask])
    return judged, predicted, ids.numel()


def development(model, tok, data):
    """AUC at the ends of steps, on answers of the base to training prompts that were not trained on."""
    flat = [(p, m, t) for p, m, texts in data for t in texts]
    scores = score_steps(model, tok, [p for p, _, _ in flat], [t for _, _, t in flat])
    s, y = [], []
    for row, (_, m, t) in zip(scores, flat):
        steps = G.check_sum(t, m)["steps"]
        for i, value in enumerate(row[:len(steps)]):
            s.append(value)
            y.append(all(steps[:i + 1]))
    return {"AUC": round(auc(s, y), 4), "accuracy": round(sum((v > 0.5) == w for v, w in zip(s, y)) / len(s), 4), "right": round(sum(y) / len(y), 3)}


def train(a):
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
    pool = base_answers(base, tok, "sums", a.prompts, 2, seed=100 + a.seed)
    dev = base_answers(base, tok, "sums", 200, 1, seed=900 + a.seed)
    model, norm = stacked(tok, clean, a)
    optimiser, extra = MuonAdamW(model, muon_lr=a.muon, precision=torch.float32), torch.optim.AdamW(norm.parameters(), lr=1e-3)
    log("parameters", n_params(model))
    stream, t0, tokens, mean = batches(tok, rng, pool, a), time.time(), 0, [0.0, 0.0]
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


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--hidden", type=int, default=128)
    p.add_argument("--inter", type=int, default=344)
    p.add_argument("--lower", type=int, default=3, help="layers of the clean model")
    p.add_argument("--upper", type=int, default=2, help="fresh layers above it")
    p.add_argument("--clean_steps", type=int, default=600)
    p.add_argument("--clean_batch", type=int, default=32)
    p.add_argument("--clean_from", help="a file that keeps the clean model between runs")
    p.add_argument("--prompts", type=int, default=1500, help="training prompts that the base answers twice each")
    p.add_argument("--steps", type=int, default=900)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--muon", type=float, default=0.01)
    p.add_argument("--out", help="folder, instead of models/tiny/steps")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=1)
    train(p.parse_args())
