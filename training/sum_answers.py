"""Answers to sums that are wrong in known ways, and the labels of every token of an answer: what `steps` learns from."""
import grammar as G
from rewards import closed, context, encode, sound_text, sound_tokens


def other_errors(rng, meta, rate, bounds=(0.6, 0.85, 0.9, 0.95)):
    """Steps with any kind of error at a chosen rate: a flipped carry, a number near by, a wrong operand, operator or running value;
    `bounds` are where one kind ends and the next begins."""
    carry, near, operand, operator = bounds
    value, out = meta["operands"][0], []
    for o, x in zip(meta["operators"], meta["operands"][1:]):
        left, right, op, kind = value, x, o, rng.random() if rng.random() < rate else None
        good = max(0, G.apply_step(value, o, x))
        result = good
        if kind is None:
            pass
        elif kind < carry:
            result = max(0, G.wrong_carry(value, o, x))
        elif kind < near:
            result = max(0, good + rng.choice([-3, -2, -1, 1, 2, 3, -9, 9, -11, 11]))
        elif kind < operand:
            right = rng.randint(2, 9)
        elif kind < operator:
            op = "-" if o == "+" else "+"
        else:
            left = max(0, value + rng.choice([-10, -1, 1, 10]))
        if kind is not None and kind >= near and rng.random() < 0.5:
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
