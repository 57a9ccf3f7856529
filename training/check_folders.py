"""Loads every shipped folder of models/tiny the ordinary way (AutoModelFor..., AutoTokenizer, PeftModel) and checks it."""
import json
import os

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer

from common import TINY, chat
from rewards import LABELS, closed, load_reward, score_sequences, score_steps

GUIDES, MODELS = ["positive", "concise", "formal"], ["base", "reasoner"]
MESSAGES = [{"role": "user", "content": "Please review the Maple Inn."}]
TEXTS = ["Crème brûlée, 日本語, ☕️!", "12 + 34 = 46.", "\t tabs\nand  spaces ", "".join(map(chr, range(32, 127)))]


def check_tokenizer(tok):
    assert tok.apply_chat_template(MESSAGES, tokenize=False, add_generation_prompt=True) == chat(MESSAGES[0]["content"])
    system = [{"role": "system", "content": "Be brief."}] + MESSAGES
    assert tok.apply_chat_template(system, tokenize=False, add_generation_prompt=True) == chat(MESSAGES[0]["content"], "Be brief.")
    for text in TEXTS:
        assert tok.decode(tok(text, add_special_tokens=False)["input_ids"]) == text, text
    assert (tok.eos_token_id, tok.pad_token_id) == (2, 0)


CONVERSATIONS = [("Please review the Maple Inn.", "The room was very good. I regret choosing the Maple Inn."), ("What is 12 + 7 - 3?", "12 + 7 = 19. 19 - 3 = 6. The answer is 6."),
                 ("Is the Nova camera any good?", "")]


def check_reward(name, tok):
    """transformers' own pooling, through the chat template and a padded batch, gives what the scoring functions of training give."""
    folder = os.path.join(TINY, name)
    auto = AutoModelForTokenClassification if name == "steps" else AutoModelForSequenceClassification
    model, info = auto.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not any(info[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
    assert [model.config.id2label[i] for i in range(model.config.num_labels)] == LABELS[name]
    prompts, answers = zip(*CONVERSATIONS)
    texts = [tok.apply_chat_template([{"role": "user", "content": p}, {"role": "assistant", "content": a}], tokenize=False) for p, a in CONVERSATIONS]
    assert texts == [chat(p) + closed(a) for p, a in CONVERSATIONS]
    batch = tok(texts, add_special_tokens=False, padding=True, return_tensors="pt")
    logits = model.eval()(**batch).logits
    assert torch.isfinite(logits).all()
    if name == "steps":
        heads = [len(x) for x in tok([chat(p) for p in prompts], add_special_tokens=False)["input_ids"]]
        dots = [[j for j, t in enumerate(row) if j >= h and tok.decode([t]) == "."] for row, h in zip(batch["input_ids"].tolist(), heads)]
        got, want = [[logits[i, j].softmax(-1)[1].item() for j in js] for i, js in enumerate(dots)], score_steps(load_reward(name), tok, prompts, answers)
        assert list(map(len, got)) == list(map(len, want)) == [2, 3, 0]
    else:
        got, want = logits.tolist(), score_sequences(load_reward(name), tok, prompts, answers)
    assert max(abs(x - y) for g, w in zip(got, want) for x, y in zip(g, w)) < 1e-4, (got, want)
    print("          ", [[round(x, 4) for x in row] for row in got])


def size(folder):
    return sum(os.path.getsize(os.path.join(r, f)) for r, _, fs in os.walk(folder) for f in fs)


def main():
    hashes = set()
    for name in MODELS + GUIDES:
        folder = os.path.join(TINY, name)
        model = AutoModelForCausalLM.from_pretrained(os.path.join(TINY, "base") if name in GUIDES else folder)
        if name in GUIDES:
            model = PeftModel.from_pretrained(model, folder)
        tok = AutoTokenizer.from_pretrained(os.path.join(TINY, "base") if name in GUIDES else folder)
        check_tokenizer(tok)
        ids = tok(chat("What is 12 + 7 - 3?"), return_tensors="pt", add_special_tokens=False)["input_ids"]
        logits = model(input_ids=ids.repeat(1, 512 // ids.shape[1])).logits
        assert torch.isfinite(logits).all() and logits.shape[-1] == len(tok)
        if name in MODELS:
            with open(os.path.join(folder, "tokenizer.json"), "rb") as f:
                hashes.add(f.read())
        print(f"{name:10s} {size(folder) / 1e6:6.3f} MB  {sorted(os.listdir(folder))}")
    for name in LABELS:
        tok = AutoTokenizer.from_pretrained(os.path.join(TINY, name))
        check_tokenizer(tok)
        print(f"{name:10s} {size(os.path.join(TINY, name)) / 1e6:6.3f} MB  {sorted(os.listdir(os.path.join(TINY, name)))}")
        check_reward(name, tok)
        with open(os.path.join(TINY, name, "tokenizer.json"), "rb") as f:
            hashes.add(f.read())
    assert len(hashes) == 1, "a tokenizer differs from the base's"
    for r, _, fs in os.walk(TINY):
        for f in (f for f in fs if f.endswith(".json")):
            with open(os.path.join(r, f), encoding="utf-8") as h:
                text = h.read()
            json.loads(text)
            assert "/work" not in text and "/root" not in text and "/home" not in text, f
    print(f"all of models/tiny {size(TINY) / 1e6:.3f} MB")
    assert size(TINY) <= 12e6


if __name__ == "__main__":
    main()
