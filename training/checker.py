"""The grammar's own checker: reads only `grammar.json` data, so it is the reference for ports to other languages.

Rules (all of them):
  sentences       a text is split at every single space that follows "." or "!".
  parse           a sentence is well-formed when it equals a template with its slots filled: {aspect} any aspect of any
                  domain, {entity} any entity "the NAME KIND" of any domain (case-sensitive), {preposition} any preposition,
                  {adverb} an adverb of the template's register, {adjective} and {adjective2} two DIFFERENT adjectives of the
                  template's polarity and register.  No sentence matches two templates.
  wellFormed      the text is not empty and every sentence parses.
  onSubject       wellFormed, and in every sentence: the template has the prompt's kind (review/reply), the aspect and the
                  preposition belong to the prompt's domain, and the entity is the prompt's entity.
  positivity      (P - N) / (P + N), 0 when P + N = 0, with P and N the numbers of words in the lists attributes.positive and
                  attributes.negative; words are the matches of attributes.wordPattern in the lower-cased text.
  formality       the same with attributes.formal and attributes.casual.
  sentences       number of pieces of the split (0 for the empty text).
  sums            see `check_sum`.
"""
import json
import re

_SPLIT = re.compile(r"(?<=[.!]) ")
_STEP = re.compile(r"([0-9]+) ([+-]) ([0-9]+) = ([0-9]+)\.")
_SUM = re.compile(r"((?:[0-9]+ [+-] [0-9]+ = [0-9]+\. )+)The answer is ([0-9]+)\.")


def split_sentences(text):
    return _SPLIT.split(text) if text else []


def _alternatives(words):
    return "(?:" + "|".join(re.escape(w) for w in sorted(set(words), key=lambda w: (-len(w), w))) + ")"


class Checker:
    """Well-formedness, subject, attributes and arithmetic of a text, exactly."""

    def __init__(self, grammar):
        self.grammar = grammar
        self.domains = grammar["domains"]
        self.sets = {k: frozenset(grammar["attributes"][k]) for k in ("positive", "negative", "formal", "casual")}
        self.word = re.compile(grammar["attributes"]["wordPattern"])
        self.patterns = [(t, self._pattern(t)) for t in grammar["templates"]]
        self.cache = {}

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as f:
            return cls(json.load(f))

    def entities(self, domain):
        d = self.domains[domain]
        return [f"the {name} {kind}" for name in d["names"] for kind in d["kinds"]]

    def _slot_values(self, template):
        g, register = self.grammar, template["register"]
        adjectives = g["adjectives"][template["polarity"]][register]
        return {"aspect": [a for d in self.domains.values() for a in d["aspects"]],
                "entity": [e for d in self.domains for e in self.entities(d)],
                "preposition": [d["preposition"] for d in self.domains.values()],
                "adverb": g["adverbs"][register], "adjective": adjectives, "adjective2": adjectives}

    def _pattern(self, template):
        values = self._slot_values(template)
        pieces = re.split(r"\{([a-z0-9]+)\}", template["text"])      # odd pieces are slot names
        return re.compile("".join(f"(?P<{p}>{_alternatives(values[p])})" if i % 2 else re.escape(p)
                                  for i, p in enumerate(pieces)))

    def parse_sentence(self, sentence):
        """-> (template, slots) or None."""
        if sentence not in self.cache:
            if len(self.cache) > 200_000:
                self.cache.clear()
            self.cache[sentence] = self._parse_sentence(sentence)
        return self.cache[sentence]

    def _parse_sentence(self, sentence):
        for template, pattern in self.patterns:
            m = pattern.fullmatch(sentence)
            if m:
                slots = m.groupdict()
                return None if "adjective2" in slots and slots["adjective2"] == slots["adjective"] else (template, slots)
        return None

    def parse(self, text):
        """-> [(template, slots)] of a well-formed text, else None."""
        parsed = [self.parse_sentence(s) for s in split_sentences(text)]
        return parsed if parsed and None not in parsed else None

    def well_formed(self, text):
        return self.parse(text) is not None

    def on_subject(self, text, meta):
        """meta: {"kind", "domain", "entity"} of the prompt."""
        parsed = self.parse(text)
        if parsed is None:
            return False
        domain = self.domains[meta["domain"]]
        return all(t["kind"] == meta["kind"]
                   and ("aspect" not in s or s["aspect"] in domain["aspects"])
                   and ("preposition" not in s or s["preposition"] == domain["preposition"])
                   and ("entity" not in s or s["entity"] == meta["entity"]) for t, s in parsed)

    def _balance(self, words, plus, minus):
        a, b = sum(w in self.sets[plus] for w in words), sum(w in self.sets[minus] for w in words)
        return (a - b) / (a + b) if a + b else 0.0

    def attributes(self, text):
        words = self.word.findall(text.lower())
        return {"positivity": self._balance(words, "positive", "negative"),
                "formality": self._balance(words, "formal", "casual"), "sentences": len(split_sentences(text))}


def apply_step(a, op, b):
    return a + b if op == "+" else a - b


def check_sum(text, meta):
    """meta: {"operands": [x0, x1, ...], "operators": ["+", ...], "answer"}.

    wellFormed  the whole text is "A o B = R. " once or more and then "The answer is X.", with as many steps as operators.
    steps       one verdict per step found (also in a text that is not well-formed): step i is right when A is the running value
                (x0, later the R WRITTEN in the step before), o is operator i, B is operand i + 1 and R = A o B.
    right       X is the answer of the problem (false when there is no "The answer is X.").
    sound       wellFormed, right, and every step right.
    """
    whole = _SUM.fullmatch(text)
    found = [(int(a), o, int(b), int(r)) for a, o, b, r in _STEP.findall(text)]
    tail = re.search(r"The answer is ([0-9]+)\.", text)
    answer = int(tail.group(1)) if tail else None
    steps, value = [], meta["operands"][0]
    for i, (a, o, b, r) in enumerate(found):
        steps.append(i < len(meta["operators"]) and a == value and o == meta["operators"][i]
                     and b == meta["operands"][i + 1] and r == apply_step(a, o, b))
        value = r
    well = whole is not None and len(found) == len(meta["operators"])
    right = answer == meta["answer"]
    return {"wellFormed": well, "steps": steps, "answer": answer, "right": right,
            "sound": well and right and all(steps)}
