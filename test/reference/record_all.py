"""Records every committed checkpoint whose recording is missing or was made from other weights.

Usage: python test/reference/record_all.py   (make_models.py first)
"""

import json
from pathlib import Path

from make_models import ADAPTERS, MODELS
from record_logits import record, weights_hash

HERE = Path(__file__).parent
TINY = HERE.parent.parent / "models" / "tiny"


def cases():
    """(recording's name, model folder, adapter folder)"""
    for name in MODELS:
        yield name, HERE / "models" / name, None
    for name, (base, _) in ADAPTERS.items():
        yield name, HERE / "models" / base, HERE / "adapters" / name
    for folder in sorted(path.parent for path in TINY.rglob("config.json")):
        yield f"tiny-{folder.name}", folder, None
    for folder in sorted(path.parent for path in TINY.rglob("adapter_config.json")):
        yield f"tiny-{folder.name}", TINY / "base", folder


def main():
    for name, folder, adapter in cases():
        out = HERE / "logits" / name
        known = out.with_suffix(".json")
        hash = weights_hash([folder] if adapter is None else [folder, adapter])
        if known.exists() and json.loads(known.read_text())["weightsSha256"] == hash:
            continue
        print(name, flush=True)
        # half the prompts for adapters of random models: the recordings are committed, so size counts
        record(folder, out, adapter, every=2 if name in ADAPTERS else 1)


if __name__ == "__main__":
    main()
