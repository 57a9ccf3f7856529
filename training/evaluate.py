"""Evaluates the shipped (bfloat16) tiny family on models/tiny/heldout.json, prints every bar with its verdict, and writes
training/results/evaluation.json and evaluation.md.  Intervals are 95 % (normal approximation; rows are sampled independently)."""
import argparse
import json
import math
import os
import time

import grammar as G
from common import RESULTS, TINY, load_guide, load_model, load_tokenizer, log, sample_texts, set_up, write_json
from train_base import held_out_loss

TALK_COLUMNS = ["positivity", "formality", "sentences", "wellFormed", "onSubject", "tokens", "kl"]
SUM_COLUMNS = ["sound", "right", "rightSteps", "wellFormed"]


def held_out_rows(topic, n):
    with open(os.path.join(TINY, "heldout.json"), encoding="utf-8") as f:
        rows = json.load(f)[topic]
    return (rows * math.ceil(n / len(rows)))[:n]


def mean_and_half_width(values):
    n = len(values)
    mean = sum(values) / n
    return [round(mean, 4), round(1.96 * math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1) / n), 4)]


# ---------------------------------------------------------------- one row = one policy on all held-out prompts of a topic
def talk_row(tok, policy, rows, seed):
    texts, kl, answers = sample_texts(tok, policy, [r["prompt"] for r in rows], seed=seed)
    scores = [{**G.CHECKER.attributes(t), "wellFormed": G.CHECKER.well_formed(t), "onSubject": G.CHECKER.on_subject(t, r["meta"]),
               "tokens": len(a), "kl": k} for t, a, k, r in zip(texts, answers, kl, rows)]
    return {c: mean_and_half_width([float(s[c]) for s in scores]) for c in TALK_COLUMNS}, texts


def sum_row(tok, policy, rows, seed, greedy):
    texts, _, _ = sample_texts(tok, policy, [r["prompt"] for r in rows], seed=seed, greedy=greedy, max_new=60)
    scores = [G.check_sum(t, r["meta"]) for t, r in zip(texts, rows)]
    for s in scores:
        s["rightSteps"] = sum(s["steps"]) / max(1, len(s["steps"]))
    return {c: mean_and_half_width([float(s[c]) for s in scores]) for c in SUM_COLUMNS}, texts


def talk_policies(models):
    """name -> [(model, weight)]; the base always comes first."""
    b, g = models["base"], models
    rows = {"base": [(b, 1)]}
    for w in (0.5, 1, 2):
        rows[f"control p^(1+w), w={w}"] = [(b, 1 + w)]
    for w in (0.25, 0.5, 1, 2):
        rows[f"positive {w}"] = [(b, 1), (g["positive"], w)]
    for w in (-0.5, -1):
        rows[f"positive {w} (relative)"] = [(b, 1 - w), (g["positive"], w)]
    for name in ("formal", "concise"):
        for w in (0.25, 0.5, 1, 2):
            rows[f"{name} {w}"] = [(b, 1), (g[name], w)]
        rows[f"{name} -1 (relative)"] = [(b, 2), (g[name], -1)]
    rows["positive 1 + formal 1"] = [(b, 1), (g["positive"], 1), (g["formal"], 1)]
    rows["positive 1 + concise 0.5"] = [(b, 1), (g["positive"], 1), (g["concise"], 0.5)]
    rows["all three 0.5"] = [(b, 1)] + [(g[k], 0.5) for k in ("positive", "formal", "concise")]
    if "reasoner" in g:
        rows["reasoner 1"] = [(b, 1), (g["reasoner"], 1)]
    return rows


def sum_policies(models):
    b, rows = models["base"], {}
    for greedy in (False, True):
        mode = "greedy" if greedy else "T=1"
        rows[f"base, {mode}"] = ([(b, 1)], greedy)
        for w in (0.5, 1, 2) if "reasoner" in models else ():
            rows[f"reasoner {w}, {mode}"] = ([(b, 1), (models["reasoner"], w)], greedy)
    return rows


# ---------------------------------------------------------------- bars
def difference(rows, metric, one, other):
    (a, da), (b, db) = rows[one][metric], rows[other][metric]
    return [round(a - b, 4), round(math.hypot(da, db), 4)]


def bars(talk, sums, loss):
    """[(bar, measured (value, half width) or text, met?)]"""
    out, control, has = [], "control p^(1+w), w=1", talk.__contains__

    def at_least(text, value, limit):
        out.append((f"{text} >= {limit}", value, value[0] >= limit))

    def at_most(text, value, limit):
        out.append((f"{text} <= {limit}", value, value[0] <= limit))
    at_least("base: well-formed and on the subject", talk["base"]["onSubject"], 0.9)
    for topic, (model, floor) in loss.items():
        at_most(f"base: held-out loss over the exact entropy, {topic}, nats/token", [round(model - floor, 4), 0.0], 0.05)
    at_least("base: sound sums at T=1", sums["base, T=1"]["sound"], 0.15)
    at_most("base: sound sums at T=1", sums["base, T=1"]["sound"], 0.40)
    if has("positive 1"):
        at_least("positive 1: positivity over the base", difference(talk, "positivity", "positive 1", "base"), 0.6)
        at_least("positive 1: positivity over the control", difference(talk, "positivity", "positive 1", control), 0.5)
        at_least("positive 1: well-formed and on the subject", talk["positive 1"]["onSubject"], 0.85)
        rising = [talk[f"positive {w}"]["positivity"][0] for w in (0.25, 0.5, 1, 2)]
        out.append(("positive: positivity rises over weights .25, .5, 1, 2", " < ".join(f"{x:.3f}" for x in rising), rising == sorted(rising)))
        at_most("positive -1 (relative): positivity against the base",
                difference(talk, "positivity", "positive -1 (relative)", "base"), -0.6)
        at_least("positive -1 (relative): well-formed and on the subject", talk["positive -1 (relative)"]["onSubject"], 0.8)
        at_least("formal 1: formality", talk["formal 1"]["formality"], 0.9)
        ratio = talk["concise 1"]["sentences"][0] / talk["base"]["sentences"][0]
        at_most("concise 1: sentences as a share of the base's", [round(ratio, 4), 0.0], 0.6)
        at_most("concise 1: sentences against the control", difference(talk, "sentences", "concise 1", control), 0)
        for metric, alone in (("positivity", "positive 1"), ("formality", "formal 1")):
            share = difference(talk, metric, "positive 1 + formal 1", "base")[0] / difference(talk, metric, alone, "base")[0]
            at_least(f"positive 1 + formal 1: share of the effect of {alone} kept", [round(share, 4), 0.0], 0.8)
        both = "all three 0.5"
        for metric, sign in (("positivity", 1), ("formality", 1), ("sentences", -1)):
            d, half = difference(talk, metric, both, "base")
            out.append((f"all three .5: {metric} clearly moved (interval off 0)", [d, half], sign * d - half > 0))
        at_least("all three .5: well-formed and on the subject", talk[both]["onSubject"], 0.85)
    if has("reasoner 1"):
        at_least("reasoner 1: sound sums at T=1", sums["reasoner 1, T=1"]["sound"], 0.8)
        at_least("reasoner 1: sound sums, greedy", sums["reasoner 1, greedy"]["sound"], 0.9)
        at_least("reasoner 1: reviews well-formed and on the subject", talk["reasoner 1"]["onSubject"], 0.85)
    return out


# ---------------------------------------------------------------- report
def show(value):
    if isinstance(value, str):
        return value
    return f"{value[0]:.3f} ± {value[1]:.3f}" if value[1] else f"{value[0]:.3f}"


def table(columns, rows):
    lines = ["| policy | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    return lines + [f"| {name} | " + " | ".join(show(r[c]) for c in columns) + " |" for name, r in rows.items()]


def markdown(result):
    lines = [f"# Evaluation of the tiny family\n\n{result['n']} held-out prompts per row, temperature 1 unless greedy, seed {result['seed']}, "
             "weights as shipped (bfloat16). ± is half of the 95 % interval. `kl` is nats per answer from the base.\n\n## Bars\n",
             "| bar | measured | met |", "|---|---|---|"]
    lines += [f"| {b['bar']} | {show(b['measured'])} | {'yes' if b['met'] else '**no**'} |" for b in result["bars"]]
    lines += ["\n## Held-out loss of the base, nats per answer token\n", "| topic | loss | exact entropy |", "|---|---|---|"]
    lines += [f"| {t} | {a} | {b} |" for t, (a, b) in result["loss"].items()]
    lines += ["\n## Reviews and replies\n"] + table(TALK_COLUMNS, result["talk"])
    lines += ["\n## Sums\n"] + table(SUM_COLUMNS, result["sums"])
    lines += ["\n## Samples\n"]
    lines += [f"* **{name}**: {s['prompt']} → {s['text']}" for name, s in result["samples"].items()]
    return "\n".join(lines) + "\n"


def main(a):
    set_up(0, a.threads)
    t0, tok, n = time.time(), load_tokenizer(), a.n
    models = {"base": load_model(os.path.join(TINY, "base"))}
    loss = held_out_loss(models["base"], tok)
    log("loss (model, floor)", loss)
    if not a.base_only:
        models.update({k: load_guide(k) for k in ("positive", "formal", "concise")})
        if os.path.exists(os.path.join(TINY, "reasoner", "model.safetensors")):
            models["reasoner"] = load_model(os.path.join(TINY, "reasoner"))
    talk_rows, sum_rows, talk, sums, samples = held_out_rows("talk", n), held_out_rows("sums", n), {}, {}, {}
    policies = {"base": [(models["base"], 1)]} if a.base_only else talk_policies(models)
    for i, (name, policy) in enumerate(policies.items()):
        talk[name], texts = talk_row(tok, policy, talk_rows, a.seed + i)
        samples[name] = {"prompt": talk_rows[i % n]["prompt"], "text": texts[i % n]}
        log(name, {k: v[0] for k, v in talk[name].items()})
    for i, (name, (policy, greedy)) in enumerate(sum_policies(models).items()):
        sums[name], texts = sum_row(tok, policy, sum_rows, a.seed + 100 + i, greedy)
        samples[name] = {"prompt": sum_rows[i % n]["prompt"], "text": texts[i % n]}
        log(name, {k: v[0] for k, v in sums[name].items()})
    result = {"n": n, "seed": a.seed, "loss": loss, "talk": talk, "sums": sums, "samples": samples,
              "bars": [dict(zip(("bar", "measured", "met"), b)) for b in bars(talk, sums, loss)], "seconds": round(time.time() - t0)}
    os.makedirs(RESULTS, exist_ok=True)
    write_json(os.path.join(RESULTS, f"{a.name}.json"), result)
    with open(os.path.join(RESULTS, f"{a.name}.md"), "w", encoding="utf-8") as f:
        f.write(markdown(result))
    for b in result["bars"]:
        print("met " if b["met"] else "NOT ", b["bar"], "|", show(b["measured"]))


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--n", type=int, default=400)
    p.add_argument("--seed", type=int, default=11)
    p.add_argument("--base_only", action="store_true")
    p.add_argument("--name", default="evaluation")
    p.add_argument("--threads", type=int, default=1)
    main(p.parse_args())
