"""Writes small randomly initialised checkpoints that together use every feature the engine claims to read.

Usage: python test/reference/make_models.py [FOLDER]   (default: beside this file; torch, transformers 5, peft)

The numbers mean nothing; they are scaled so that attention, rotary positions, biases and norms all move the logits.
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, PreTrainedTokenizerFast, Qwen2Config, Qwen3Config

from prompts import TEXT

torch.set_num_threads(1)
VOCABULARY = 300
SHAPE = dict(
    vocab_size=VOCABULARY,
    hidden_size=48,
    intermediate_size=80,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    max_position_embeddings=512,
    bos_token_id=0,
    eos_token_id=1,
    pad_token_id=0,
    tie_word_embeddings=False,
)
LLAMA3 = dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)
ALL_MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

# name -> config, stored dtype, save_pretrained arguments
MODELS = {
    "qwen2-tied": (Qwen2Config(**SHAPE | dict(tie_word_embeddings=True)), torch.bfloat16, {}),
    "qwen2-untied": (Qwen2Config(**SHAPE | dict(num_key_value_heads=1)), torch.float16, {}),
    "qwen3": (Qwen3Config(**SHAPE | dict(head_dim=32, rope_parameters=dict(rope_type="default", rope_theta=1e6))), torch.bfloat16, {}),
    "mistral-sharded": (MistralConfig(**SHAPE | dict(sliding_window=None, vocab_size=VOCABULARY + 20)), torch.bfloat16, dict(max_shard_size="60KB")),
    "llama-llama3": (LlamaConfig(**SHAPE | dict(rope_parameters=LLAMA3)), torch.bfloat16, {}),
    "llama-linear": (LlamaConfig(**SHAPE | dict(num_hidden_layers=1, rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=4.0))), torch.float32, {}),
    "llama-yarn": (LlamaConfig(**SHAPE | dict(num_key_value_heads=1, rope_parameters=dict(rope_type="yarn", rope_theta=10000.0, factor=8.0, original_max_position_embeddings=64))), torch.bfloat16, {}),
    "llama-biases": (LlamaConfig(**SHAPE | dict(num_key_value_heads=4, head_dim=12, attention_bias=True, mlp_bias=True)), torch.bfloat16, {}),
}
# Models whose config.json is rewritten as transformers 4 wrote it.
OLD_STYLE = {"qwen2-untied", "mistral-sharded", "llama-llama3", "llama-biases"}

# folder name -> base, LoraConfig fields
ADAPTERS = {
    "llama-llama3-all": ("llama-llama3", dict(r=4, lora_alpha=8, target_modules=ALL_MODULES)),
    "llama-llama3-qv": ("llama-llama3", dict(r=8, lora_alpha=4, target_modules=["q_proj", "v_proj"], use_rslora=True)),
    "qwen2-tied-all": ("qwen2-tied", dict(r=4, lora_alpha=8, target_modules=ALL_MODULES)),
}


def make_tokenizer(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|endoftext|>", "<|im_end|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXT], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|im_end|>")
    fast.save_pretrained(folder)


def randomise(model, generator):
    """Matrices keep the scale of their inputs; biases and norm weights are far from the 0 and 1 they start as."""
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape, generator=generator)
        if name.endswith("bias"):
            values = values * 0.5
        elif parameter.dim() == 1:
            values = 1.0 + 0.5 * torch.rand(parameter.shape, generator=generator) + 0.2 * values
        elif "embed" in name or "lm_head" in name:
            values = values * 0.4
        else:
            values = values * 1.1 / parameter.shape[1] ** 0.5
        parameter.data.copy_(values)


def rewrite_as_transformers_4(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters", None) or {}
    config["rope_theta"] = rope.pop("rope_theta", 10000.0)
    config["rope_scaling"] = None if rope.get("rope_type", "default") == "default" else rope
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.46.0"
    path.write_text(json.dumps(config, indent=2) + "\n")


def make_model(folder, name, seed):
    config, dtype, save = MODELS[name]
    model = AutoModelForCausalLM.from_config(config)
    randomise(model, torch.Generator().manual_seed(seed))
    model.to(dtype).save_pretrained(folder, **save)
    make_tokenizer(folder)
    if name in OLD_STYLE:
        rewrite_as_transformers_4(folder)


def make_adapter(folder, base, fields, seed):
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), LoraConfig(task_type="CAUSAL_LM", **fields))
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator) * 0.6 / parameter.shape[1] ** 0.5)
    model.save_pretrained(folder)
    # PEFT records the folder the base was read from, which differs from machine to machine.
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text()) | {"base_model_name_or_path": f"../../models/{base.name}"}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (folder / "README.md").unlink(missing_ok=True)


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for seed, name in enumerate(MODELS):
        make_model(root / "models" / name, name, seed)
    for seed, (name, (base, fields)) in enumerate(ADAPTERS.items()):
        make_adapter(root / "adapters" / name, root / "models" / base, fields, 100 + seed)


if __name__ == "__main__":
    main()
