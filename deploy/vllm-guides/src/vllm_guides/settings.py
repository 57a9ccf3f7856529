"""What the operator configures, by environment variables: they reach vLLM's API process and its engine process alike."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

UNITS = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


@dataclass(frozen=True)
class Settings:
    #: Folders in Hugging Face layout, or of PEFT adapters, by the name requests use.
    guides: Mapping[str, Path]
    #: Bytes for the keys and values of each guide.
    memory: int
    #: Name of a torch dtype, or "auto": the checkpoint's own.
    dtype: str
    #: Most tokens of a prompt that a guide reads in one forward pass.
    chunk: int


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """
    TRIMTAB_GUIDES          name=folder,name=folder
    TRIMTAB_GUIDES_MEMORY   keys and values of each guide, such as 512MiB (the default) or 4GiB
    TRIMTAB_GUIDES_DTYPE    auto (the default), float32, bfloat16, float16
    TRIMTAB_GUIDES_CHUNK    tokens of a prompt read at once, 512 by default
    """
    return Settings(
        guides=guides_of(environment.get("TRIMTAB_GUIDES", "")),
        memory=bytes_of(environment.get("TRIMTAB_GUIDES_MEMORY", "512MiB")),
        dtype=dtype_of(environment.get("TRIMTAB_GUIDES_DTYPE", "auto")),
        chunk=count_of(environment.get("TRIMTAB_GUIDES_CHUNK", "512")),
    )


def guides_of(text: str) -> dict[str, Path]:
    guides: dict[str, Path] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, equals, folder = entry.partition("=")
        if not equals or not name or not folder:
            raise ValueError(f"TRIMTAB_GUIDES: {entry!r} is not name=folder")
        if name in guides:
            raise ValueError(f"TRIMTAB_GUIDES: {name!r} is there twice")
        if not Path(folder).is_dir():
            raise ValueError(f"TRIMTAB_GUIDES: the folder {folder!r} of {name!r} does not exist")
        guides[name] = Path(folder)
    return guides


def bytes_of(text: str) -> int:
    found = re.fullmatch(r"(\d+)\s*(KiB|MiB|GiB|)", text.strip())
    if found is None or int(found[1]) == 0:
        raise ValueError(f"TRIMTAB_GUIDES_MEMORY: {text!r} is no size such as 512MiB")
    return int(found[1]) * UNITS[found[2]]


def dtype_of(text: str) -> str:
    if text not in ("auto", "float32", "bfloat16", "float16"):
        raise ValueError(f"TRIMTAB_GUIDES_DTYPE: {text!r} is none of auto, float32, bfloat16, float16")
    return text


def count_of(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise ValueError(f"TRIMTAB_GUIDES_CHUNK: {text!r} is no number of tokens")
    return int(text)


@dataclass(frozen=True)
class GuideFacts:
    """What requests are checked against: read from config.json alone, for the API process loads no model."""

    vocabulary: int
    context: int


def facts_of(folder: Path) -> GuideFacts:
    config = json.loads((model_folder(folder) / "config.json").read_text())
    return GuideFacts(config["vocab_size"], config["max_position_embeddings"])


def model_folder(folder: Path) -> Path:
    """A PEFT adapter is what its base is; the base must be a folder here."""
    adapter = folder / "adapter_config.json"
    if not adapter.exists():
        return folder
    base = Path(json.loads(adapter.read_text())["base_model_name_or_path"])
    for place in (base, folder / base):
        if place.is_dir():
            return place
    raise ValueError(f"the adapter {folder} belongs to {base}, which is no folder")
