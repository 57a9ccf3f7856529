"""What a request asks of the guides: `vllm_xargs`, whose values are scalars, so that the guides are JSON in a string."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .settings import GuideFacts

GUIDES = "trimtab_guides"
BASE = "trimtab_base"

#: Asks for a description of the guides, which comes as the text of a 400.
QUESTION = "?"

#: Version of the format of requests and of the description.
FORMAT = 1

MOST_WEIGHT = 1000.0


@dataclass(frozen=True)
class Term:
    """One guide at work: weight * its logits are added to the base's."""

    guide: str
    weight: float
    #: What it reads in place of the request's prompt; None: the same.
    prompt: Sequence[int] | None


@dataclass(frozen=True)
class Tilt:
    """softmax(base * base logits + sum of weight * guide logits): the law before penalties, temperature and filters."""

    base: float
    terms: Sequence[Term]


def parse_tilt(extra: Mapping[str, Any] | None) -> Tilt | None:
    """
    None: nothing is asked. `trimtab_guides` is {"name": weight} or [{"guide", "weight", "prompt"?}], `trimtab_base` a number.

    Raises ValueError, with a text for the client.
    """
    extra = extra or {}
    base = number(extra.get(BASE, 1.0), BASE)
    terms = parse_terms(extra.get(GUIDES))
    if base == 1.0 and not terms:
        return None
    return Tilt(base, terms)


def parse_terms(given: Any) -> list[Term]:
    if given is None:
        return []
    if not isinstance(given, str):
        raise ValueError(f'{GUIDES} is a string with JSON, such as "{{\\"name\\": 0.5}}"')
    try:
        entries = json.loads(given)
    except ValueError as error:
        raise ValueError(f"{GUIDES} is no JSON: {error}") from error
    if isinstance(entries, dict):
        entries = [{"guide": name, "weight": weight} for name, weight in entries.items()]
    if not isinstance(entries, list):
        raise ValueError(f"{GUIDES} is an object of weights or a list of objects")
    # a guide of weight 0 has no say; it is not read at all
    return [term for term in map(parse_term, entries) if term.weight != 0]


def parse_term(entry: Any) -> Term:
    if not isinstance(entry, dict) or not isinstance(entry.get("guide"), str):
        raise ValueError(f'{GUIDES}: an entry has a "guide", a "weight" and perhaps a "prompt"')
    foreign = entry.keys() - {"guide", "weight", "prompt"}
    if foreign:
        raise ValueError(f"{GUIDES}: {sorted(foreign)[0]!r} is no field of an entry")
    name = entry["guide"]
    weight = number(entry.get("weight"), f"the weight of {name!r}")
    prompt = entry.get("prompt")
    if prompt is not None and not is_ids(prompt):
        raise ValueError(f"the prompt of {name!r} is a list of token ids")
    return Term(name, weight, prompt)


def number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{what} is a finite number, not {value!r}")
    if abs(value) > MOST_WEIGHT:
        raise ValueError(f"{what} is at most {MOST_WEIGHT:g} in size, not {value!r}")
    return float(value)


def is_ids(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(type(one) is int and one >= 0 for one in value)


def check(extra: Mapping[str, Any] | None, facts: Mapping[str, GuideFacts], max_tokens: int | None) -> None:
    """Raises ValueError, which vLLM answers with a 400, for what the guides here cannot do."""
    if (extra or {}).get(GUIDES) == QUESTION:
        raise ValueError(description(facts))
    tilt = parse_tilt(extra)
    for term in tilt.terms if tilt else []:
        known = facts.get(term.guide)
        if known is None:
            raise ValueError(f"unknown guide {term.guide!r}; this engine has {', '.join(sorted(facts)) or 'none'}")
        check_prompt(term, known, max_tokens or 0)


def check_prompt(term: Term, facts: GuideFacts, max_tokens: int) -> None:
    if term.prompt is None:
        return
    foreign = next((one for one in term.prompt if one >= facts.vocabulary), None)
    if foreign is not None:
        raise ValueError(f"the prompt of {term.guide!r}: token {foreign} is not in its vocabulary of {facts.vocabulary}")
    if len(term.prompt) + max_tokens > facts.context:
        raise ValueError(
            f"the prompt of {term.guide!r} and the answer are {len(term.prompt) + max_tokens} tokens, "
            f"more than the {facts.context} it reads"
        )


def description(facts: Mapping[str, GuideFacts]) -> str:
    guides = [{"name": name, "vocabulary": one.vocabulary, "context": one.context} for name, one in facts.items()]
    return "trimtab-guides " + json.dumps({"format": FORMAT, "guides": guides})
