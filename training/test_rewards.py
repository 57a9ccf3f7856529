"""Tests of what the rewards learn from: labels, targets and measures.  Needs the base's tokenizer; run before their training."""
import random

import grammar as G
from common import chat, load_tokenizer
from rewards import auc, closed, context, encode, sound_text, sound_tokens, targets
from sum_answers import other_errors, right_next, right_pieces, rows_of
from train_reward import cut, pair_accuracy, r_squared

TOK = load_tokenizer()
META = {"topic": "sums", "operands": [28, 5, 4], "operators": ["+", "-"], "answer": 29}


def test_sound_tokens_are_the_verdicts_so_far():
    rng, dot = random.Random(1), encode(TOK, ["."])[0]
    assert len(dot) == 1
    for _ in range(2000):
        _, meta = G.draw_prompt(rng, "sums")
        text = other_errors(rng, meta, 0.3) if rng.random() < 0.5 else G.sum_answer(rng, meta)
        ids = encode(TOK, [text])[0]
        ends = [ok for t, ok in zip(ids, sound_tokens(ids, encode(TOK, [sound_text(meta)])[0])) if t == dot[0]]
        verdict = G.check_sum(text, meta)
        assert len(ends) == len(verdict["steps"]) + 1, text             # every step and the answer end in a token of their own
        assert ends[:-1] == [all(verdict["steps"][:i + 1]) for i in range(len(ends) - 1)], text
        assert ends[-1] == verdict["sound"], text


def test_right_tokens_given_what_was_written():
    assert right_pieces("28 + 5 = 23. 23 - 4 = 19. The answer is 19.", META) == [
        ("28 + 5 = 23.", "28 + 5 = 33."), (" 23 - 4 = 19.", " 23 - 4 = 19."), (" The answer is 19.", " The answer is 19.")]
    assert right_next([1, 2, 3, 4], [([1, 2, 3], [1, 5, 6]), ([4], [4])]) == [1, 5, -100, 4]
    context_ids, answer, labels, nexts = rows_of(TOK, random.Random(0), [("What is 28 + 5 - 4?", META, "28 + 5 = 23. 23 - 4 = 19. The answer is 19.")])[0]
    assert len(answer) == len(labels) == len(nexts) and labels[-2:] == [-100, -100]
    wrong = labels.index(0)
    assert TOK.decode(answer[:wrong]) == "28 + 5 = " and nexts[wrong] == encode(TOK, ["3"])[0][0] and not any(labels[wrong:-2])


def test_text_that_is_scored():
    rng = random.Random(2)
    for _ in range(300):
        prompt, meta = G.draw_prompt(rng, rng.choice(["talk", "sums"]))
        answer = cut(TOK, rng, G.draw_answer(rng, meta))
        messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
        text = chat(prompt) + closed(answer)
        assert TOK.apply_chat_template(messages, tokenize=False) == text
        whole = encode(TOK, [text])[0]
        assert whole == encode(TOK, [chat(prompt)])[0] + encode(TOK, [closed(answer)])[0]      # the answer starts a token of its own
        assert whole[-2] == 2 and TOK.decode(whole[-1:]) == "\n"
        assert context(rng, prompt).endswith(chat(prompt))


def test_targets():
    assert targets("") == [0.0, 1.0, 0.0]
    assert targets("The coffee was very good. I regret choosing the Maple Inn.") == [0.0, 0.5, 0.0]
    assert [targets("The room was superb. " * n + "The bed was good.")[1] for n in (0, 1, 2, 3, 4, 5, 9)] == [1, 0.5, 0, -0.5, -1, -1, -1]


def test_measures():
    assert auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True]) == 0.75 and auc([1, 1, 1], [True, False, True]) == 0.5
    assert pair_accuracy([[(1.0, 0), (2.0, 1), (0.5, 0.5)], [(1, 1), (2, 1)]]) == (2 / 3, 3)
    assert pair_accuracy([[(1.0, 0), (1.0, 1)]]) == (0, 1)                                   # an equal score orders nothing
    assert [round(x, 6) for x in r_squared([[1.0], [2.0], [3.0]], [[1.0], [2.0], [4.0]])] == [round(1 - 1 / (14 / 3), 6)]


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print("ok", name)
