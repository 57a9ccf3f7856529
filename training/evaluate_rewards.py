"""Evaluates the shipped rewards on answers of the base to the prompts of models/tiny/heldout.json, prints every bar with its verdict, and writes
training/results/rewards.json and rewards.md.  Intervals are 95 %, from 1000 bootstraps over PROMPTS (answers to one prompt are not independent)."""
import argparse
import json
import math
import os
import random
import time

import torch

import grammar as G
from common import RESULTS, TINY, decode, encode_prompts, load_model, load_tokenizer, log, sample, set_up, write_json
from evaluate import held_out_rows, show
from rewards import LABELS, auc, load_reward, score_sequences, score_steps, targets
from train_reward import cut, pair_accuracy, r_squared

SIZES = [1, 2, 4, 8, 16]
REDUCTIONS = {"min": min, "last": lambda s: s[-1], "mean": lambda s: sum(s) / len(s), "product": math.prod}


def answers_of(base, tok, topic, n, each, seed):
    """[(prompt, meta, [answer, ...])] on the held-out prompts."""
    rows = held_out_rows(topic, n)
    ids = [x for x in encode_prompts(tok, [r["prompt"] for r in rows]) for _ in range(each)]
    found, _ = sample([(base, 1.0)], ids, seed=seed, max_new=60 if topic == "sums" else 110)
    texts = [decode(tok, y) for y in found]
    log(f"sampled {len(texts)} answers ({topic})")
    return [(r["prompt"], r["meta"], texts[i * each:(i + 1) * each]) for i, r in enumerate(rows)]


def bootstrap(groups, measure, rounds=1000, seed=3):
    """[value, half of the 95 % interval] of measure(groups), resampling groups."""
    rng, n = random.Random(seed), len(groups)
    values = sorted(measure([groups[rng.randrange(n)] for _ in range(n)]) for _ in range(rounds))
    return [round(measure(groups), 4), round((values[int(rounds * 0.975)] - values[int(rounds * 0.025)]) / 2, 4)]


def scored(score, model, tok, data):
    """Per prompt the scores of its answers."""
    flat = score(model, tok, [p for p, _, ts in data for _ in ts], [t for _, _, ts in data for t in ts])
    out, i = [], 0
    for _, _, ts in data:
        out.append(flat[i:i + len(ts)])
        i += len(ts)
    return out


# ---------------------------------------------------------------- whole answers
def sentiment_groups(model, tok, data):
    return [[(s[0], targets(t)[0]) for s, t in zip(ss, ts)] for ss, (_, _, ts) in zip(scored(score_sequences, model, tok, data), data)]


def counts(rows):
    """(pairs ordered alike, pairs) of one prompt."""
    share, n = pair_accuracy([rows])
    return round(share * n), n


def share_of_pairs(pairs):
    return sum(g for g, _ in pairs) / sum(n for _, n in pairs)


def attribute_rows(model, tok, data):
    """Per prompt [(predicted, values)] of its answers."""
    return [[(s, targets(t)) for s, t in zip(ss, ts)] for ss, (_, _, ts) in zip(scored(score_sequences, model, tok, data), data)]


def fast_r_squared(k):
    """R^2 of attribute k from per-prompt sums (n, squared error, sum, sum of squares)."""
    def measure(groups):
        n, e, s, q = (sum(g[k][i] for g in groups) for i in range(4))
        return 1 - e / (q - s * s / n)
    return measure


def sums_of(rows):
    return [(len(rows), sum((p[k] - y[k]) ** 2 for p, y in rows), sum(y[k] for _, y in rows), sum(y[k] ** 2 for _, y in rows)) for k in range(3)]


def best_of_sentiment(groups, data):
    """n -> positivity, sentences and on-subject share of the answer with the highest score among the first n."""
    out = {}
    for n in SIZES:
        best = [max(range(n), key=lambda j: rows[j][0]) for rows in groups]
        texts = [ts[j] for j, (_, _, ts) in zip(best, data)]
        out[n] = {"positivity": mean([rows[j][1] for j, rows in zip(best, groups)]), "sentences": mean([float(G.CHECKER.attributes(t)["sentences"]) for t in texts]),
                  "onSubject": mean([float(G.CHECKER.on_subject(t, m)) for t, (_, m, _) in zip(texts, data)])}
    return out


def mean(values):
    m = sum(values) / len(values)
    return [round(m, 4), round(1.96 * math.sqrt(sum((v - m) ** 2 for v in values) / (len(values) - 1) / len(values)), 4)]


# ---------------------------------------------------------------- steps
def step_rows(scores, data):
    """Per prompt [(score, sound so far)] of every written step of its answers (the score of "The answer is" is not among them)."""
    out = []
    for ss, (_, m, ts) in zip(scores, data):
        rows = []
        for s, t in zip(ss, ts):
            right = G.check_sum(t, m)["steps"]
            rows += [(s[i], all(right[:i + 1])) for i in range(min(len(right), len(s)))]
        out.append(rows)
    return out


def pooled_auc(groups):
    rows = [r for g in groups for r in g]
    return auc([s for s, _ in rows], [y for _, y in rows])


def best_of_steps(scores, data):
    """per prompt {selector: [sound? of the chosen among the first n, for n in SIZES]}"""
    out = []
    for ss, (_, m, ts) in zip(scores, data):
        checks = [G.check_sum(t, m) for t in ts]
        row = {"oracle": [any(c["sound"] for c in checks[:n]) for n in SIZES], "mean of all": [sum(c["sound"] for c in checks) / len(checks)] * len(SIZES)}
        for name, reduce in REDUCTIONS.items():
            value = [reduce(s) if s else -1.0 for s in ss]
            row[name] = [checks[max(range(n), key=lambda j: value[j])]["sound"] for n in SIZES]
        said = [c["answer"] for c in checks]
        votes = [max(set(said[:n]), key=lambda x: (said[:n].count(x), -said.index(x))) for n in SIZES]
        row["vote (right answer)"] = [v is not None and v == m["answer"] for v in votes]
        out.append(row)
    return out


def gap_closed(name):
    def measure(rows):
        start, got, top = (sum(r[k][-1] for r in rows) for k in ("mean of all", name, "oracle"))
        return (got - start) / (top - start)
    return measure


# ---------------------------------------------------------------- report
def markdown(r):
    lines = ["# Evaluation of the rewards of the tiny family\n", f"Answers of the base (temperature 1, seed {r['seed']}) to {r['n']} + {r['n']} held-out prompts, weights as shipped (bfloat16). "
             "± is half of the 95 % interval (bootstrap over prompts).\n\n## Bars\n", "| bar | measured | met |", "|---|---|---|"]
    lines += [f"| {b['bar']} | {show(b['measured'])} | {'yes' if b['met'] else '**no**'} |" for b in r["bars"]]
    lines += ["\n## More\n", "| | measured |", "|---|---|"] + [f"| {k} | {show(v)} |" for k, v in r["more"].items()]
    lines += ["\n## Best of n with `sentiment`, reviews and replies\n", "| n | positivity | sentences | well-formed and on the subject |", "|---|---|---|---|"]
    lines += [f"| {n} | " + " | ".join(show(v[c]) for c in ("positivity", "sentences", "onSubject")) + " |" for n, v in r["best of n, sentiment"].items()]
    lines += ["\n## Best of n with `steps`, share of sound sums\n", "| chosen by | " + " | ".join(f"n = {n}" for n in SIZES) + " | gap to the oracle closed at 16 |",
              "|---" * (len(SIZES) + 2) + "|"]
    lines += [f"| {k} | " + " | ".join(show(x) for x in v["sound"]) + f" | {show(v['gap']) if v['gap'] else ''} |" for k, v in r["best of n, steps"].items()]
    return "\n".join(lines) + "\n"


def main(a):
    set_up(0, a.threads)
    t0, tok, base, bars, more, result = time.time(), load_tokenizer(), load_model(os.path.join(TINY, "base")), [], {}, {"n": a.n, "seed": a.seed}
    rng = random.Random(a.seed)

    def bar(text, value, limit):
        bars.append({"bar": f"{text} >= {limit}", "measured": value, "met": value[0] >= limit})
        log(text, show(value))
    talk = answers_of(base, tok, "talk", a.n, 16, a.seed)
    few = [(p, m, ts[:8]) for p, m, ts in talk]
    begun = [(p, m, [cut(tok, rng, t) for t in ts]) for p, m, ts in few]
    model = load_reward("sentiment")
    groups = sentiment_groups(model, tok, talk)
    bar("sentiment: pair accuracy, 8 answers a prompt", bootstrap([counts(g[:8]) for g in groups], share_of_pairs), 0.97)
    more["sentiment: pair accuracy, beginnings of those answers"] = bootstrap([counts(g) for g in sentiment_groups(model, tok, begun)], share_of_pairs)
    result["best of n, sentiment"] = best_of_sentiment(groups, talk)
    model = load_reward("attributes")
    for data, note in ((few, ""), (begun, ", beginnings of those answers")):
        rows = attribute_rows(model, tok, data)
        parts = [sums_of(g) for g in rows]
        for k, name in enumerate(LABELS["attributes"]):
            value = bootstrap(parts, fast_r_squared(k))
            more.update({f"attributes: R^2 of {name}{note}": value}) if note else bar(f"attributes: R^2 of {name}", value, 0.97)
        if not note:
            again = r_squared([p for g in rows for p, _ in g], [y for g in rows for _, y in g])
            assert all(abs(x - fast_r_squared(k)(parts)) < 1e-3 for k, x in enumerate(again))
    sums, model = answers_of(base, tok, "sums", a.n, 16, a.seed + 1), load_reward("steps")
    scores = scored(score_steps, model, tok, sums)
    rows = step_rows(scores, sums)
    bar("steps: AUC, right so far, all steps of 16 answers a prompt", bootstrap(rows, pooled_auc, rounds=100), 0.95)
    more["steps: accuracy at .5"] = bootstrap([(sum((s > 0.5) == y for s, y in g), len(g)) for g in rows], share_of_pairs)
    fresh = [[(s[i], right[i]) for s, t in zip(ss, ts) for right in [G.check_sum(t, m)["steps"]] for i in range(min(len(right), len(s))) if all(right[:i])]
             for ss, (_, m, ts) in zip(scores, sums)]
    more["steps: AUC, only steps before which all is right"] = bootstrap(fresh, pooled_auc, rounds=100)
    final = [[(s[-1], G.check_sum(t, m)["sound"]) for s, t in zip(ss, ts) if s] for ss, (_, m, ts) in zip(scores, sums)]
    more["steps: AUC of the last score, sound answers"] = bootstrap(final, pooled_auc, rounds=100)
    chosen = best_of_steps(scores, sums)
    table = {}
    for name in ["mean of all", *REDUCTIONS, "vote (right answer)", "oracle"]:
        table[name] = {"sound": [mean([float(r[name][i]) for r in chosen]) for i in range(len(SIZES))],
                       "gap": bootstrap(chosen, gap_closed(name)) if name in REDUCTIONS else None}
    result["best of n, steps"] = table
    bar("steps: best of 16 by min, share of the gap to the oracle closed", table["min"]["gap"], 0.6)
    result.update({"bars": bars, "more": more, "seconds": round(time.time() - t0)})
    os.makedirs(RESULTS, exist_ok=True)
    write_json(os.path.join(RESULTS, "rewards.json"), result)
    text = markdown(result)
    with open(os.path.join(RESULTS, "rewards.md"), "w", encoding="utf-8") as f:
        f.write(text)
    print(text)


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--n", type=int, default=400, help="prompts of each topic")
    p.add_argument("--seed", type=int, default=21)
    p.add_argument("--threads", type=int, default=1)
    main(p.parse_args())
