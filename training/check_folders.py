"""Loads every shipped folder of models/tiny the ordinary way (AutoModelForCausalLM, AutoTokenizer, PeftModel) and checks it."""
import json
import os

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from common import TINY, chat

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
    assert len(hashes) == 1, "the reasoner's tokenizer differs from the base's"
    for r, _, fs in os.walk(TINY):
        for f in (f for f in fs if f.endswith(".json")):
            with open(os.path.join(r, f), encoding="utf-8") as h:
                text = h.read()
            json.loads(text)
            assert "/work" not in text and "/root" not in text and "/home" not in text, f
    print(f"all of models/tiny {size(TINY) / 1e6:.3f} MB")


if __name__ == "__main__":
    main()
