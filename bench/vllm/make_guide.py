"""A guide for measurements: a randomly initialised Llama with another model's tokenizer, whose logits vary by about one.

    python make_guide.py MODEL_FOLDER OUT [--hidden 192] [--layers 9]
"""

import argparse
import shutil
from pathlib import Path

import torch
from transformers import AutoConfig, LlamaConfig, LlamaForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("model", type=Path)
parser.add_argument("out", type=Path)
parser.add_argument("--hidden", type=int, default=192)
parser.add_argument("--layers", type=int, default=9)
parser.add_argument("--spread", type=float, default=1.0, help="standard deviation of the logits")
options = parser.parse_args()

base = AutoConfig.from_pretrained(options.model)
torch.manual_seed(1)
model = LlamaForCausalLM(
    LlamaConfig(
        vocab_size=base.vocab_size,
        hidden_size=options.hidden,
        intermediate_size=int(options.hidden * 8 / 3),
        num_hidden_layers=options.layers,
        num_attention_heads=options.hidden // 32,
        num_key_value_heads=1,
        max_position_embeddings=base.max_position_embeddings,
        tie_word_embeddings=True,
        bos_token_id=base.bos_token_id,
        eos_token_id=base.eos_token_id,
        initializer_range=0.1,
    )
)
with torch.inference_mode():
    logits = model(input_ids=torch.randint(base.vocab_size, (4, 16))).logits
    # the last norm scales hidden states and with them the logits, whatever the embedding says
    model.model.norm.weight.mul_(options.spread / logits.std())
model.to(torch.bfloat16).save_pretrained(options.out)
for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"):
    if (options.model / name).exists():
        shutil.copy(options.model / name, options.out / name)
print(f"{sum(one.numel() for one in model.parameters()) / 1e6:.1f}M parameters")
