"""Trains a UniR module (arXiv 2505.19075): a small Llama whose logits are added to those of the frozen base.

1. Warm start: cross-entropy of the JOINT law (base + module) on clean worked sums, stopped at a middling level.
2. Policy gradient on the joint policy: REINFORCE with a verifiable reward per written step (right or wrong), the base frozen.
Throughout, on reviews and replies, KL(base || base + module) keeps the module neutral where there is nothing to reason about.
"""
import argparse
import os
import random
import shutil
import time

import torch
import torch.nn.functional as F

import grammar as G
from common import (END, RESULTS, SPECIAL, TINY, as_batch, chat, decode, encode_answers, encode_prompts, label_logits, llama, load_model,
                    load_tokenizer, log, mixed_precision, n_params, sample, save_model, set_up, write_json)
from muon import MuonAdamW

BASE, OUT = os.path.join(TINY, "base"), os.path.join(TINY, "reasoner")
P_SYSTEM = 0.15


# ---------------------------------------------------------------- supervised parts
def encoded_rows(tok, rng, topic, n, corrupt=True):
    """[(context ids, answer ids)] of training prompts, some with a system message."""
    rows = []
    for _ in range(n):
        prompt, meta = G.draw_prompt(rng, topic)
        system = G.system_message(rng) if rng.random() < P_SYSTEM else None
        rows.append((chat(prompt, system), G.draw_answer(rng, meta, corrupt) + SPECIAL[END]))
    return list(zip(*(tok([r[i] for r in rows], add_special_tokens=False)["input_ids"] for i in (0, 1))))


def joint_nll(base, module, ids, labels):
    """-log of the joint law softmax(base + module) at each label."""
    with torch.no_grad():
        z = label_logits(base, ids, labels)
    return F.cross_entropy(z + label_logits(module, ids, labels), labels[:, 1:][labels[:, 1:] != -100], reduction="none")


def neutrality(base, module, ids, labels):
    """KL(base || base + module) per answer token."""
    with torch.no_grad():
        z = label_logits(base, ids, labels)
        logp = F.log_softmax(z, -1)
    logq = F.log_softmax(z + label_logits(module, ids, labels), -1)
    return (logp.exp() * (logp - logq)).sum(-1).mean()


def warm_start(base, module, tok, a, rng):
    optimiser, tokens, t0 = MuonAdamW(module, muon_lr=a.muon, adam_lr=3e-3), 0, time.time()
    for step in range(a.warm_steps):
        sums = as_batch(encoded_rows(tok, rng, "sums", a.warm_batch, corrupt=False))
        talk = as_batch(encoded_rows(tok, rng, "talk", a.warm_batch // 2))
        with mixed_precision():
            fit, kl = joint_nll(base, module, *sums).mean(), neutrality(base, module, *talk)
        (fit + a.neutral * kl).backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step(min(1.0, (step + 1) / 20, (a.warm_steps - step) / (0.3 * a.warm_steps)))
        tokens += sums[0].numel() + talk[0].numel()
        if step % 50 == 49:
            log(f"warm {step + 1} cross-entropy {fit.item():.4f} KL on talk {kl.item():.4f} sound", soundness([(base, 1.0), (module, 1.0)], tok, 100))
    return dict(steps=a.warm_steps, tokens=tokens, seconds=round(time.time() - t0))


# ---------------------------------------------------------------- policy gradient
def step_classes(meta, results):
    """For each step the class of its state (carry or not), which picks the baseline; it does not depend on the step's own result."""
    values = [meta["operands"][0]] + results
    return ["carry" if G.has_carry(v, o, x) else "plain" for v, o, x in zip(values, meta["operators"], meta["operands"][1:])]


def token_rewards(tok, tokens, meta, dot):
    """[(class, reward)] for every token of a sampled answer and its end: each token of a step earns that step's reward, the last
    sentence earns 1 when it repeats the last result; everything in a malformed answer earns 0."""
    text = decode(tok, tokens)
    verdict = G.check_sum(text, meta)
    if not verdict["wellFormed"]:
        return [("plain", 0.0)] * (len(tokens) + 1), verdict
    results = [int(s.split(" = ")[1].rstrip(".")) for s in G.split_sentences(text)[:-1]]
    parts = [(c, float(ok)) for c, ok in zip(step_classes(meta, results), verdict["steps"])]
    parts.append(("answer", float(verdict["answer"] == results[-1])))
    out, i = [], 0
    for t in tokens + [END]:
        out.append(parts[min(i, len(parts) - 1)])
        i += t == dot
    return out, verdict


class Baselines:
    """Running mean reward of each class of states."""

    def __init__(self, rate=0.2):
        self.rate, self.mean = rate, {}

    def advantages(self, rows):
        found = {}
        for row in rows:
            for c, r in row:
                found.setdefault(c, []).append(r)
        for c, rs in found.items():
            m = sum(rs) / len(rs)
            self.mean[c] = m if c not in self.mean else (1 - self.rate) * self.mean[c] + self.rate * m
        return [[r - self.mean[c] for c, r in row] for row in rows]


def policy_gradient(base, module, tok, a, rng):
    optimiser = torch.optim.AdamW(module.parameters(), lr=a.lr, betas=(0.9, 0.98), weight_decay=0.0)
    dot, baselines, t0, tokens, curve = tok(".", add_special_tokens=False)["input_ids"][0], Baselines(), time.time(), 0, []
    for it in range(min(a.iterations, a.stop or a.iterations)):
        problems = [G.draw_prompt(rng, "sums") for _ in range(a.problems)]
        prompts = encode_prompts(tok, [p for p, _ in problems])
        answers, _ = sample([(base, 1.0), (module, 1.0)], prompts, seed=a.seed * 100_000 + it, max_new=60)
        rewards, verdicts = zip(*(token_rewards(tok, y, m, dot) for y, (_, m) in zip(answers, problems)))
        ids, labels = as_batch([(p, y + [END]) for p, y in zip(prompts, answers)])
        advantage = torch.tensor([x for row in baselines.advantages(rewards) for x in row])     # one per label, row by row
        talk = as_batch(encoded_rows(tok, rng, "talk", a.problems // 8))
        with mixed_precision():
            nll, kl = joint_nll(base, module, ids, labels), neutrality(base, module, *talk)
        ((nll * advantage).sum() / a.problems / 10 + a.neutral * kl).backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        for group in optimiser.param_groups:
            group["lr"] = a.lr * min(1.0, (it + 1) / 5, (a.iterations - it) / (0.3 * a.iterations))
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        tokens += ids.numel()
        curve.append((sum(sum(v["steps"]) for v in verdicts) / max(1, sum(len(v["steps"]) for v in verdicts)),
                      sum(v["sound"] for v in verdicts) / a.problems))
        if it % 10 == 9:
            recent = [round(sum(x) / 10, 3) for x in zip(*curve[-10:])]
            log(f"it {it + 1} right steps {recent[0]} sound {recent[1]} KL on talk {kl.item():.4f} s/it {(time.time() - t0) / (it + 1):.1f}")
            save_model(module, OUT)
    return dict(iterations=len(curve), samples=len(curve) * a.problems, tokens=tokens, seconds=round(time.time() - t0)), curve


# ---------------------------------------------------------------- evaluation and main
def soundness(policy, tok, n=200, seed=4242):
    """Share of sound sums on held-out prompts (not those of heldout.json: the bars are measured by evaluate.py)."""
    rng, result = random.Random(seed), {}
    problems = [G.draw_prompt(rng, "sums", held=True) for _ in range(n)]
    prompts = encode_prompts(tok, [p for p, _ in problems])
    for name, greedy in (("T1", False), ("greedy", True)):
        answers, _ = sample(policy, prompts, seed=3, greedy=greedy, max_new=60)
        result[name] = round(sum(G.check_sum(decode(tok, y), m)["sound"] for y, (_, m) in zip(answers, problems)) / n, 3)
    return result


def main(a):
    rng = set_up(a.seed, a.threads)
    tok, base = load_tokenizer(BASE), load_model(BASE)
    os.makedirs(OUT, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(os.path.join(BASE, name), OUT)
    module = llama(len(tok), a.hidden, a.layers, a.inter, 4, 1).train()
    log("parameters", n_params(module))
    report = {"base": soundness([(base, 1.0)], tok)}
    log("base alone, sound", report["base"])
    if a.warm_from:
        module = load_model(a.warm_from, trainable=True)
    else:
        report["warm cost"] = warm_start(base, module, tok, a, rng)
        save_model(module, OUT)
        save_model(module, a.keep_warm) if a.keep_warm else None
    report["after warm start"] = soundness([(base, 1.0), (module.eval(), 1.0)], tok)
    log("after warm start, sound", report["after warm start"], report.get("warm cost"))
    report["policy gradient cost"], curve = policy_gradient(base, module, tok, a, rng)
    save_model(module, OUT)
    shipped = load_model(OUT)
    report["after policy gradient"] = soundness([(base, 1.0), (shipped, 1.0)], tok)
    log("after policy gradient, sound", report["after policy gradient"], report["policy gradient cost"])
    report["curve (right steps, sound)"] = [[round(x, 3) for x in c] for c in curve[::10]]
    os.makedirs(RESULTS, exist_ok=True)
    write_json(os.path.join(RESULTS, "reasoner.json"), report)


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--hidden", type=int, default=128)
    p.add_argument("--layers", type=int, default=3)
    p.add_argument("--inter", type=int, default=344)
    p.add_argument("--warm_steps", type=int, default=150)
    p.add_argument("--warm_batch", type=int, default=32)
    p.add_argument("--warm_from", help="a folder of an earlier warm start, to skip it")
    p.add_argument("--keep_warm", help="a folder to keep the warm start in")
    p.add_argument("--muon", type=float, default=0.02)
    p.add_argument("--neutral", type=float, default=1.0, help="weight of KL(base || joint) on talk")
    p.add_argument("--iterations", type=int, default=120)
    p.add_argument("--stop", type=int, help="stop early, at this iteration of the schedule")
    p.add_argument("--problems", type=int, default=96)
    p.add_argument("--lr", type=float, default=5e-4)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=1)
    main(p.parse_args())
