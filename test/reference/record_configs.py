"""Records what transformers makes of config.json files: fields with their defaults, rotary frequencies, tensor shapes.

Usage: python test/reference/record_configs.py > test/reference/configs.json   (transformers 5, torch)
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM

SMALL = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 320}
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}


def config(name, **fields):
    return {"architectures": [f"{name}ForCausalLM"], "model_type": name.lower(), **SMALL, **fields}


CASES = {
    "llama, defaults": config("Llama"),
    "llama, transformers 4": config("Llama", rope_theta=500000.0, rope_scaling=None, torch_dtype="bfloat16"),
    "llama, transformers 5": config("Llama", rope_parameters={"rope_type": "default", "rope_theta": 500000.0}, dtype="bfloat16"),
    "llama, theta outside rope_parameters": config("Llama", rope_theta=300.0, rope_parameters={"rope_type": "linear", "factor": 2.0}),
    "llama, biases": config("Llama", num_key_value_heads=None, attention_bias=True, mlp_bias=True),
    "llama, head_dim": config("Llama", head_dim=32, num_key_value_heads=2, tie_word_embeddings=True),
    "llama, linear by old name": config("Llama", rope_scaling={"type": "linear", "factor": 4.0}),
    "llama, llama3": config("Llama", head_dim=128, rope_theta=500000.0, max_position_embeddings=131072, rope_scaling={"rope_type": "llama3", **LLAMA3}),
    "llama, llama3 in transformers 5": config("Llama", head_dim=64, max_position_embeddings=131072, rope_parameters={"rope_type": "llama3", "rope_theta": 500000.0, **LLAMA3, "factor": 32.0}),
    "llama, yarn": config("Llama", head_dim=128, max_position_embeddings=65536, rope_scaling={"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 4096}),
    "llama, yarn untruncated": config("Llama", head_dim=64, max_position_embeddings=65536, rope_scaling={"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 8192, "truncate": False, "beta_fast": 24, "beta_slow": 2, "attention_factor": 1.25}),
    "qwen2, defaults": config("Qwen2", num_key_value_heads=2),
    "qwen2, attention_bias is not read": config("Qwen2", num_key_value_heads=4, attention_bias=False),
    "qwen2, yarn": config("Qwen2", num_key_value_heads=2, head_dim=128, max_position_embeddings=131072, rope_theta=1000000.0, rope_scaling={"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}),
    "qwen3, defaults": config("Qwen3", num_key_value_heads=2),
    "qwen3, biases": config("Qwen3", num_key_value_heads=2, attention_bias=True, head_dim=16, rope_theta=1000000.0),
    "mistral, defaults": config("Mistral", num_key_value_heads=2),
    "mistral, null head_dim, no window": config("Mistral", num_key_value_heads=4, head_dim=None, sliding_window=None, rms_norm_eps=1e-5),
}


def record(name, fields):
    folder = Path(tempfile.mkdtemp())
    (folder / "config.json").write_text(json.dumps(fields))
    parsed = AutoConfig.from_pretrained(folder)
    model = AutoModelForCausalLM.from_config(parsed)
    rotary = model.model.rotary_emb
    attention = model.model.layers[0].self_attn
    return {
        "name": name,
        "config": fields,
        "expected": {
            "hiddenSize": parsed.hidden_size,
            "layerCount": parsed.num_hidden_layers,
            "headCount": parsed.num_attention_heads,
            "kvHeadCount": parsed.num_key_value_heads,
            "headSize": attention.head_dim,
            "intermediateSize": parsed.intermediate_size,
            "vocabSize": parsed.vocab_size,
            "rmsNormEps": parsed.rms_norm_eps,
            "ropeTheta": parsed.rope_parameters["rope_theta"],
            "tiedEmbeddings": parsed.tie_word_embeddings,
        },
        "maxPositions": parsed.max_position_embeddings,
        "slidingWindow": getattr(parsed, "sliding_window", None),
        "tensors": {key: list(value.shape) for key, value in model.state_dict().items()},
        "inverseFrequencies": [float(value) for value in rotary.inv_freq.to(torch.float64)],
        "attentionFactor": float(rotary.attention_scaling),
    }


if __name__ == "__main__":
    cases = [record(name, fields) for name, fields in CASES.items()]
    json.dump({"transformers": transformers.__version__, "torch": torch.__version__, "cases": cases}, sys.stdout, indent=1)
    print()
