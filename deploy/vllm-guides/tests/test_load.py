import json
from pathlib import Path

import pytest
import torch
from conftest import VOCABULARY, tiny_model
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from vllm_guides.load import load_guides
from vllm_guides.settings import Settings, facts_of


def save_tokenizer(folder: Path, words: list[str]) -> None:
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token=words[0]))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token=words[0]).save_pretrained(folder)


WORDS = [f"w{n}" for n in range(VOCABULARY)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    for name in ("base", "foreign"):
        tiny_model(3).save_pretrained(root / name)
    save_tokenizer(root / "base", WORDS)
    save_tokenizer(root / "foreign", WORDS[::-1])
    adapted = get_peft_model(tiny_model(3), LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
    adapted.peft_config["default"].base_model_name_or_path = str(root / "base")
    adapted.save_pretrained(root / "adapter")
    torch.save(adapted(input_ids=torch.tensor([[1, 2, 3]])).logits[0, -1].detach(), root / "adapted.pt")
    return {name: root / name for name in ("base", "foreign", "adapter", "adapted.pt")}


def load(folder: Path, base: Path, longest: int = 100):
    settings = Settings(guides={"kind": folder}, memory=2**20, dtype="auto", chunk=8)
    return load_guides(settings, torch.device("cpu"), str(base), longest)["kind"]


def test_a_peft_adapter_says_what_its_merged_model_says(folders):
    guide = load(folders["adapter"], folders["base"])
    got = guide.next_logits([guide.open([1, 2, 3])])[0]
    torch.testing.assert_close(got, torch.load(folders["adapted.pt"]), rtol=1e-4, atol=1e-4)
    plain = load(folders["base"], folders["base"])
    assert (got - plain.next_logits([plain.open([1, 2, 3])])[0]).abs().max() > 1e-2
    assert facts_of(folders["adapter"]).vocabulary == VOCABULARY


def test_another_vocabulary_is_refused(folders):
    with pytest.raises(ValueError, match="guide 'kind': its vocabulary is another one"):
        load(folders["foreign"], folders["base"])


def test_a_guide_that_reads_less_than_the_engine_takes_is_refused_with_the_option(folders):
    with pytest.raises(ValueError, match="--max-model-len 256"):
        load(folders["base"], folders["base"], longest=300)


def test_a_sliding_window_is_refused(folders, tmp_path):
    for file in folders["base"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "mistral", "architectures": ["MistralForCausalLM"], "sliding_window": 32}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="attention is not full"):
        load(tmp_path, folders["base"])
