"""Writes models/tiny/{grammar,heldout,checker-cases}.json and development-sums.json beside this file (standard library only, seeded)."""
import json
import os
import random
import sys

import grammar as G

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "models", "tiny")
N_REVIEW, N_REPLY, N_SUMS, N_CASES = 140, 260, 400, 240
N_DEVELOPMENT = 200


def held_out_prompts(rng, topic, n, kind=None):
    rows = {}
    while len(rows) < n:
        prompt, meta = G.draw_prompt(rng, topic, held=True, kind=kind)
        rows.setdefault(prompt, {"prompt": prompt, "meta": meta})
    return list(rows.values())


def held_out(seed=20241):
    rng = random.Random(seed)
    talk = held_out_prompts(rng, "talk", N_REVIEW, "review") + held_out_prompts(rng, "talk", N_REPLY, "reply")
    rng.shuffle(talk)
    return {"talk": talk, "sums": held_out_prompts(rng, "sums", N_SUMS)}


def other_sums(taken, n, seed):
    """Sums that no training script draws, and whose problems are not among those of the rows `taken`, however they are asked."""
    rng, rows = random.Random(seed), {}
    problem = lambda meta: (tuple(meta["operands"]), tuple(meta["operators"]))
    known = {problem(row["meta"]) for row in taken}
    while len(rows) < n:
        prompt, meta = G.draw_prompt(rng, "sums", held=True)
        if problem(meta) not in known:
            rows.setdefault(prompt, {"prompt": prompt, "meta": meta})
    return list(rows.values())


def development_sums(held, seed=20243):
    """Sums to choose settings of the evaluation on."""
    return other_sums(held["sums"], N_DEVELOPMENT, seed)


def fresh_sums(held, n, seed=20244):
    """More sums to test on, where those of heldout.json are too few."""
    return other_sums(held["sums"] + development_sums(held), n, seed)


# ---------------------------------------------------------------- recorded verdicts for ports of the checker
def _swap_words(rng, text, meta):
    w = text.split(" ")
    i = rng.randrange(len(w) - 1)
    return " ".join(w[:i] + [w[i + 1], w[i]] + w[i + 2:])


def _drop_word(rng, text, meta):
    w = text.split(" ")
    del w[rng.randrange(len(w))]
    return " ".join(w)


def _foreign_adverb(rng, text, meta):
    return text.replace(rng.choice([a for v in G.ADVERBS.values() for a in v]), rng.choice(G.ADVERBS["casual"]))


def _other_entity(rng, text, meta):
    return G.talk_answer(rng, {**meta, "entity": G.talk_prompt(rng)[1]["entity"]})


def _other_kind(rng, text, meta):
    return G.talk_answer(rng, {**meta, "kind": "reply" if meta["kind"] == "review" else "review"})


def _other_domain(rng, text, meta):
    return G.talk_answer(rng, {**meta, "domain": rng.choice([d for d in G.DOMAINS if d != meta["domain"]])})


TALK_EDITS = [lambda r, t, m: t, lambda r, t, m: t, _swap_words, _drop_word, _foreign_adverb, _other_entity, _other_kind, _other_domain,
              lambda r, t, m: t[:r.randrange(len(t))], lambda r, t, m: t.replace(". ", ".  "), lambda r, t, m: t.lower(),
              lambda r, t, m: t + " ", lambda r, t, m: t.replace(".", "!"), lambda r, t, m: t + " Très bien ☕️ naïve 日本."]


def _edit_number(rng, text, meta):
    w = text.split(" ")
    i = rng.choice([i for i, x in enumerate(w) if x.strip(".").isdigit()])
    return " ".join(w[:i] + [str(rng.randint(0, 99)) + "." * w[i].endswith(".")] + w[i + 1:])


def _drop_sentence(rng, text, meta):
    s = G.split_sentences(text)
    del s[rng.randrange(len(s))]
    return " ".join(s)


SUM_EDITS = [lambda r, t, m: t, lambda r, t, m: G.sum_answer(r, m, corrupt=False), lambda r, t, m: G.sum_answer(r, m, corrupt=False),
             _edit_number, _edit_number, _drop_sentence, _swap_words, _drop_word, lambda r, t, m: t + " ",
             lambda r, t, m: t[:r.randrange(len(t))], lambda r, t, m: t.replace(" = ", " is "), lambda r, t, m: f"The answer is {m['answer']}."]
SENTINELS = ["", " ", ".", "Hello!", "The coffee was very good", "The coffee was very good.", "THE COFFEE WAS VERY GOOD."]


def checker_cases(held, seed=20242):
    rng, talk, sums = random.Random(seed), [], []
    rows = [(SENTINELS[i], {"topic": "talk", "kind": "review", "domain": "cafe", "entity": "the Maple Café"}) for i in range(len(SENTINELS))]
    for i in range(N_CASES * 2 // 3):
        meta = held["talk"][i]["meta"]
        rows.append((TALK_EDITS[i % len(TALK_EDITS)](rng, G.talk_answer(rng, meta), meta), meta))
    for text, meta in rows:
        logprob = G.talk_logprob(text, meta)
        talk.append({"text": text, "meta": meta, "wellFormed": G.CHECKER.well_formed(text), "onSubject": G.CHECKER.on_subject(text, meta),
                     **G.CHECKER.attributes(text), "logprob": logprob})
    for i in range(N_CASES // 3):
        meta = held["sums"][i]["meta"]
        text = SUM_EDITS[i % len(SUM_EDITS)](rng, G.sum_answer(rng, meta), meta)
        sums.append({"text": text, "meta": meta, **G.check_sum(text, meta), "logprob": G.sum_logprob(text, meta)})
    return {"talk": talk, "sums": sums}


def write(name, data, folder=MODELS):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        json.dump(data, f, ensure_ascii=False, indent=1)
        f.write("\n")


if __name__ == "__main__":
    held = held_out()
    if len(sys.argv) > 1:                        # export_grammar.py N FILE: nothing but N fresh sums
        write(sys.argv[2], fresh_sums(held, int(sys.argv[1])), "")
        sys.exit()
    cases = checker_cases(held)
    write("grammar.json", G.grammar_data())
    write("heldout.json", held)
    write("checker-cases.json", cases)
    write("development-sums.json", development_sums(held), HERE)
    print({k: len(v) for k, v in held.items()}, {k: len(v) for k, v in cases.items()},
          "well-formed", sum(c["wellFormed"] for c in cases["talk"]), "on subject", sum(c["onSubject"] for c in cases["talk"]),
          "sums well-formed", sum(c["wellFormed"] for c in cases["sums"]), "sound", sum(c["sound"] for c in cases["sums"]))
