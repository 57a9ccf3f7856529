"""The grammar's own tests: `python training/test_grammar.py` or pytest."""
import math
import random

import grammar as G

SENTIMENT_SIGN = {"pos": 1, "neg": -1}
REGISTER_SIGN = {"formal": 1, "casual": -1, "plain": 0}


def examples(n, topic, seed, **kw):
    rng = random.Random(seed)
    for _ in range(n):
        prompt, meta = G.draw_prompt(rng, topic, **kw)
        yield prompt, meta, G.draw_answer(rng, meta)


def test_parse_inverts_generate():
    for _, meta, text in examples(3000, "talk", 1):
        assert G.CHECKER.on_subject(text, meta), text
        assert G.talk_logprob(text, meta) is not None, text


def test_every_sentence_has_one_template():
    seen = {s for _, _, text in examples(1500, "talk", 2) for s in G.split_sentences(text)}
    for s in seen:
        assert sum(p.fullmatch(s) is not None for _, p in G.CHECKER.patterns) == 1, s


def test_word_lists_agree_with_the_latents_of_every_sentence():
    for _, _, text in examples(3000, "talk", 3):
        for sentence in G.split_sentences(text):
            template, _ = G.CHECKER.parse_sentence(sentence)
            a = G.CHECKER.attributes(sentence)
            assert a["positivity"] == SENTIMENT_SIGN[template["polarity"]], sentence
            assert a["formality"] == REGISTER_SIGN[template["register"]], sentence


def test_latent_likelihood_sums_to_one():
    classes = [(p, r) for p in ("pos", "neg") for r in ("formal", "plain", "casual")]
    for n in (1, 2, 3):
        def sequences(k):
            return [[]] if k == 0 else [s + [c] for s in sequences(k - 1) for c in classes]
        assert math.isclose(sum(G._latent_likelihood(s) for s in sequences(n)), 1.0)


def test_one_sentence_texts_sum_to_their_length_probability():
    """Enumerates every one-sentence reply: sum p = p(length 1) = 1/5."""
    for domain, d in G.DOMAINS.items():
        meta = {"kind": "reply", "domain": domain, "entity": f"the {d['names'][0]} {d['kinds'][0]}"}
        texts = {t["text"].format(aspect=a, entity=meta["entity"]) for t in G.CHECKER.grammar["templates"] if t["kind"] == "reply"
                 for a in d["aspects"]}
        assert math.isclose(sum(math.exp(G.talk_logprob(t, meta)) for t in texts), 1 / len(G.LENGTHS))


def test_sum_law_sums_to_one():
    rng = random.Random(4)
    for _ in range(300):
        _, meta = G.sum_prompt(rng)

        def total(value, i):
            if i == len(meta["operators"]):
                return 1.0
            law = G.step_law(value, meta["operators"][i], meta["operands"][i + 1])
            return sum(p * total(r, i + 1) for r, p in law.items())
        assert math.isclose(total(meta["operands"][0], 0), 1.0)


def test_sums_check_and_logprob():
    sound = 0
    for _, meta, text in examples(3000, "sums", 5):
        verdict = G.check_sum(text, meta)
        assert verdict["wellFormed"] and G.sum_logprob(text, meta) is not None, text
        sound += verdict["sound"]
        clean = G.sum_answer(random.Random(0), meta, corrupt=False)
        assert G.check_sum(clean, meta)["sound"], clean
    assert 0.15 < sound / 3000 < 0.40, sound / 3000       # the designed weakness


def test_the_law_is_balanced():
    rows = [G.CHECKER.attributes(t) for _, _, t in examples(4000, "talk", 6)]
    assert abs(sum(r["positivity"] for r in rows) / 4000) < 0.05
    assert abs(sum(r["sentences"] for r in rows) / 4000 - 3) < 0.1


def test_held_out_prompts_are_never_training_prompts():
    train = {p for p, _, _ in examples(3000, "talk", 7)} | {p for p, _, _ in examples(3000, "sums", 7)}
    held = {p for p, _, _ in examples(300, "talk", 8, held=True)} | {p for p, _, _ in examples(300, "sums", 8, held=True)}
    assert not train & held


def test_broken_texts_are_refused():
    meta = {"kind": "review", "domain": "cafe", "entity": "the Maple Café"}
    good = "The coffee was very good."
    assert G.CHECKER.on_subject(good, meta)
    for bad in ("", good + " ", " " + good, good.replace("very", "totally"), good.replace(".", "!"), good + good):
        assert not G.CHECKER.well_formed(bad), bad
    for off in ("The battery was very good.", "I regret choosing the Maple Inn.", "Thank you for your note about the coffee.",
                "The coffee of the Maple Café is good."):
        assert G.CHECKER.well_formed(off) and not G.CHECKER.on_subject(off, meta), off


if __name__ == "__main__":
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
            print("ok", name)
