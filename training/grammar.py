"""Seeded grammar of the `tiny` family: what its models learn, with the exact law of every answer.

Two topics:
  talk  short reviews and replies about cafes, hotels and gadgets.  Latents, independent of the prompt and of each other:
        sentiment {positive, negative, mixed}, register {formal, casual}, number of sentences 1..5.
  sums  additions and subtractions of one-digit operands written out step by step, with deliberately wrong carries.

Every random choice comes from one `random.Random`, so a seed fixes a corpus.  `talk_logprob` and `sum_logprob` give the exact
log-probability of an answer given its prompt with the latents summed out: minus its mean is the lowest loss any model can have.
"""
import hashlib
import math
import os
import random

from checker import Checker, apply_step, check_sum, split_sentences  # noqa: F401  (re-exported)

# The first two legs of the shipped base were trained on a draft of the grammar (see README): a second adjective in three templates, and more
# invented carries.  The base kept pairing adjectives of opposite polarity, so the final grammar has one adjective a sentence.
DRAFT = os.environ.get("TINY_GRAMMAR") == "draft"
SECOND = " and {adjective2}" if DRAFT else ""

# ---------------------------------------------------------------- lexicon
PLACES = ["Harbour", "Maple", "Station", "Garden", "Lantern", "River", "Castle", "Orchard", "Bridge", "Willow", "Market", "Abbey"]
BRANDS = ["Nova", "Pico", "Aero", "Luma", "Orbit", "Zephyr", "Quill", "Ember", "Vega", "Tempo", "Onyx", "Delta"]
DOMAINS = {
    "cafe": {"names": PLACES, "kinds": ["Café", "Tea Room", "Bakery"], "preposition": "at",
             "aspects": ["coffee", "cake", "service", "music", "terrace", "breakfast", "soup", "bread"]},
    "hotel": {"names": PLACES, "kinds": ["Hotel", "Inn", "Lodge"], "preposition": "at",
              "aspects": ["room", "bed", "view", "breakfast", "service", "pool", "lobby", "shower"]},
    "gadget": {"names": BRANDS, "kinds": ["camera", "speaker", "tablet"], "preposition": "of",
               "aspects": ["battery", "screen", "sound", "design", "charger", "app", "manual", "case"]},
}
ADJECTIVES = {  # all six sets are disjoint
    "pos": {"formal": ["excellent", "superb", "exemplary", "delightful", "outstanding", "admirable"],
            "plain": ["good", "great", "lovely", "pleasant", "reliable", "wonderful"],
            "casual": ["awesome", "ace", "fab", "cool", "epic", "neat"]},
    "neg": {"formal": ["unsatisfactory", "inadequate", "deplorable", "mediocre", "substandard", "objectionable"],
            "plain": ["bad", "poor", "terrible", "disappointing", "unpleasant", "weak"],
            "casual": ["lousy", "crummy", "naff", "grim", "yucky", "rubbish"]},
}
ADVERBS = {"formal": ["exceptionally", "remarkably", "particularly", "undeniably"], "plain": ["very", "really", "quite", "rather"],
           "casual": ["totally", "super", "proper", "dead"]}

# ---------------------------------------------------------------- templates: each sentence has one polarity and one register
EITHER_POLARITY = {  # reviews; the polarity comes from the adjective
    "plain": ["The {aspect} was {adverb} {adjective}.", f"I found the {{aspect}} {{adjective}}{SECOND}.",
              "We thought the {aspect} was {adjective}.", "For the money, the {aspect} is {adverb} {adjective}.",
              "The {aspect} {preposition} {entity} is {adjective}."],
    "formal": ["The {aspect} was {adverb} {adjective}.", "Furthermore, the {aspect} proved {adjective}.",
               "I hereby note that the {aspect} was {adjective}.",
               f"Moreover, I considered the {{aspect}} {{adjective}}{SECOND}.",
               "The {aspect} {preposition} {entity} was {adverb} {adjective}."],
    "casual": ["The {aspect} was {adverb} {adjective}!", "Honestly, the {aspect} is {adjective}.",
               "Gotta say, the {aspect} was {adverb} {adjective}.", f"Hey folks, the {{aspect}} is {{adjective}}{SECOND}!",
               "Yeah, the {aspect} {preposition} {entity} is {adjective}."],
}
REVIEW = {
    ("pos", "plain"): ["I would gladly choose {entity} again.", "I recommend {entity} to everyone.", "The {aspect} made us smile."],
    ("neg", "plain"): ["I would avoid {entity} next time.", "I regret choosing {entity}.", "The {aspect} made us frown."],
    ("pos", "formal"): ["I hereby commend {entity}.", "Furthermore, the {aspect} deserves praise.", "Moreover, the {aspect} was a pleasure."],
    ("neg", "formal"): ["I hereby denounce {entity}.", "Furthermore, the {aspect} deserves a complaint.", "Moreover, the {aspect} caused displeasure."],
    ("pos", "casual"): ["Loved the {aspect}, mate!", "Honestly, {entity} rocks!", "Hey, that {aspect} is a winner!"],
    ("neg", "casual"): ["Hated the {aspect}, mate!", "Honestly, {entity} sucks!", "Hey, that {aspect} is a loser!"],
}
REPLY = {
    ("pos", "plain"): ["Thank you for your note about the {aspect}.", "We are happy that you wrote about the {aspect}.",
                       "You are always welcome to choose {entity}.", "Your words about the {aspect} are kind."],
    ("neg", "plain"): ["We doubt your note about the {aspect}.", "We are tired of letters about the {aspect}.",
                       "You should avoid {entity} from now on.", "Your words about the {aspect} are wrong."],
    ("pos", "formal"): ["We are grateful for your remarks on the {aspect}.", "Your remarks concerning the {aspect} are appreciated.",
                        "It is a privilege that you chose {entity}.", "Furthermore, your praise of the {aspect} was delightful."],
    ("neg", "formal"): ["We reject your remarks on the {aspect}.", "Your remarks concerning the {aspect} are unfounded.",
                        "We sincerely decline to discuss {entity}.", "Furthermore, your complaint about the {aspect} was objectionable."],
    ("pos", "casual"): ["Thanks a bunch for the {aspect} note, mate!", "Cheers for the {aspect} shout, dude!",
                        "Hey, pick {entity} again for a treat!", "Wow, your {aspect} note is awesome!"],
    ("neg", "casual"): ["Nah, the {aspect} is fine, mate!", "Hey, do not whine about the {aspect}!",
                        "Yeah, {entity} can do without you, nah!", "Wow, your {aspect} note is daft!"],
}

# ---------------------------------------------------------------- attribute word lists (beside the adjectives and adverbs)
POSITIVE_WORDS = ["gladly", "recommend", "smile", "commend", "praise", "pleasure", "loved", "rocks", "winner", "thank", "happy", "welcome",
                  "kind", "grateful", "appreciated", "privilege", "thanks", "cheers", "treat"]
NEGATIVE_WORDS = ["avoid", "regret", "frown", "denounce", "complaint", "displeasure", "hated", "sucks", "loser", "doubt", "tired", "wrong",
                  "reject", "unfounded", "decline", "nah", "whine", "daft"]
FORMAL_WORDS = ["furthermore", "moreover", "hereby", "remarks", "concerning", "sincerely", "privilege"]
CASUAL_WORDS = ["honestly", "gotta", "mate", "yeah", "hey", "folks", "wow", "dude", "rocks", "sucks", "loved", "hated", "nah"]

# ---------------------------------------------------------------- law of the latents
P_SENTIMENT = {"positive": 0.4, "negative": 0.4, "mixed": 0.2}
P_POSITIVE_SENTENCE = {"positive": 0.92, "negative": 0.08, "mixed": 0.5}
REGISTERS = ["formal", "casual"]          # uniform
P_PLAIN = 0.25                            # share of sentences in the plain register
LENGTHS = [1, 2, 3, 4, 5]                 # uniform


def _templates():
    rows = []
    for register, texts in EITHER_POLARITY.items():
        rows += [("review", polarity, register, t) for polarity in ("pos", "neg") for t in texts]
    for kind, table in (("review", REVIEW), ("reply", REPLY)):
        rows += [(kind, polarity, register, t) for (polarity, register), texts in table.items() for t in texts]
    return [dict(zip(("id", "kind", "polarity", "register", "text"), (i, *r))) for i, r in enumerate(rows)]


def grammar_data():
    """The whole grammar as plain data: what `export_grammar.py` writes and what `Checker` reads."""
    def words(polarity=None, register=None):
        return [w for p, table in ADJECTIVES.items() for r, ws in table.items() for w in ws
                if p == (polarity or p) and r == (register or r)]
    return {
        "version": 1, "domains": DOMAINS, "adjectives": ADJECTIVES, "adverbs": ADVERBS, "templates": _templates(),
        "attributes": {"wordPattern": "[a-zé]+", "positive": words(polarity="pos") + POSITIVE_WORDS,
                       "negative": words(polarity="neg") + NEGATIVE_WORDS,
                       "formal": words(register="formal") + ADVERBS["formal"] + FORMAL_WORDS,
                       "casual": words(register="casual") + ADVERBS["casual"] + CASUAL_WORDS},
        "law": {"sentiment": P_SENTIMENT, "positiveSentence": P_POSITIVE_SENTENCE, "registers": REGISTERS, "plain": P_PLAIN, "lengths": LENGTHS},
        "prompts": {"review": REVIEW_ASK, "reply": REPLY_ASK, "sums": SUM_ASK},
        "sums": {"first": FIRST, "operand": OPERAND, "operators": ["+", "-"], "steps": STEPS, "value": VALUE,
                 "dropCarry": P_DROP_CARRY, "spuriousCarry": P_SPURIOUS_CARRY,
                 "step": "{a} {operator} {b} = {result}.", "answer": "The answer is {result}."},
        "heldOut": {"rule": "a prompt is held out when the first byte of sha256(utf8(prompt)) is below `below`", "below": HELD_OUT_BELOW},
    }


# ---------------------------------------------------------------- prompts
REVIEW_ASK = ["Write a review of {entity}.", "Please review {entity}.", "What do you think of {entity}?", "Share your opinion of {entity}.",
              "How was {entity}?", "Tell me about {entity}.", "Describe {entity} for other people.", "Is {entity} any good?",
              "Would you choose {entity} again?", "Review {entity} for me."]
REPLY_ASK = ["Reply to this guest of {entity}: {review}", "Write back to this customer of {entity}: {review}",
             "Answer this review of {entity}: {review}", "A customer of {entity} wrote: {review} What do you answer?"]
P_REVIEW = 0.65
SUM_ASK = ["What is {sum}?", "Compute {sum}.", "Work out {sum}.", "Calculate {sum}."]
FIRST, OPERAND, VALUE, STEPS = [10, 69], [2, 9], [0, 99], [2, 3, 4]
P_DROP_CARRY, P_SPURIOUS_CARRY = 0.55, 0.20 if DRAFT else 0.10    # a step with a carry/borrow drops it; one without invents it
HELD_OUT_BELOW = 39                             # of 256: 15 % of all prompts


def held_out(prompt):
    """Training draws only prompts for which this is false; evaluation only those for which it is true."""
    return hashlib.sha256(prompt.encode("utf-8")).digest()[0] < HELD_OUT_BELOW


CHECKER = Checker(grammar_data())
BY_CLASS = {}
for _t in CHECKER.grammar["templates"]:
    BY_CLASS.setdefault((_t["kind"], _t["polarity"], _t["register"]), []).append(_t)


def _draw(rng, law):
    x, total = rng.random(), 0.0
    for value, p in law.items():
        total += p
        if x < total:
            break
    return value


# ---------------------------------------------------------------- talk
def draw_latents(rng):
    return _draw(rng, P_SENTIMENT), rng.choice(REGISTERS), rng.choice(LENGTHS)


def talk_answer(rng, meta, latents=None):
    """One review or reply to the prompt of `meta`.  Aspects do not repeat within a text."""
    sentiment, register, n = latents or draw_latents(rng)
    aspects, sentences = list(DOMAINS[meta["domain"]]["aspects"]), []
    for _ in range(n):
        polarity = "pos" if rng.random() < P_POSITIVE_SENTENCE[sentiment] else "neg"
        own = "plain" if rng.random() < P_PLAIN else register
        sentences.append(_fill(rng, rng.choice(BY_CLASS[(meta["kind"], polarity, own)]), meta, aspects))
    return " ".join(sentences)


def _fill(rng, template, meta, aspects):
    text, slots = template["text"], {"entity": meta["entity"], "preposition": DOMAINS[meta["domain"]]["preposition"]}
    adjectives = ADJECTIVES[template["polarity"]][template["register"]]
    if "{aspect}" in text:
        slots["aspect"] = aspects.pop(rng.randrange(len(aspects)))
    if "{adjective}" in text:
        slots["adjective"], slots["adjective2"] = rng.sample(adjectives, 2)
    if "{adverb}" in text:
        slots["adverb"] = rng.choice(ADVERBS[template["register"]])
    return text.format(**slots)


def talk_logprob(text, meta):
    """Exact log p(text | prompt); None outside the support."""
    if not CHECKER.on_subject(text, meta):
        return None
    parsed = CHECKER.parse(text)
    if len(parsed) not in LENGTHS:
        return None
    aspects = [s["aspect"] for _, s in parsed if "aspect" in s]
    if len(set(aspects)) != len(aspects):
        return None
    total = -math.log(len(LENGTHS)) - sum(math.log(len(DOMAINS[meta["domain"]]["aspects"]) - i) for i in range(len(aspects)))
    for template, slots in parsed:
        n = len(ADJECTIVES[template["polarity"]][template["register"]])
        total -= math.log(len(BY_CLASS[(template["kind"], template["polarity"], template["register"])]))
        total -= ("adjective" in slots) * math.log(n) + ("adjective2" in slots) * math.log(n - 1)
        total -= ("adverb" in slots) * math.log(len(ADVERBS[template["register"]]))
    latent = _latent_likelihood([(t["polarity"], t["register"]) for t, _ in parsed])
    return total + math.log(latent) if latent else None


def _latent_likelihood(classes):
    """Sum over sentiment and register of their probability times that of each sentence's polarity and register."""
    polarity = sum(p * math.prod(P_POSITIVE_SENTENCE[s] if c == "pos" else 1 - P_POSITIVE_SENTENCE[s] for c, _ in classes)
                   for s, p in P_SENTIMENT.items())
    register = sum(math.prod(P_PLAIN if r == "plain" else (1 - P_PLAIN) * (r == own) for _, r in classes) for own in REGISTERS) / len(REGISTERS)
    return polarity * register


def talk_prompt(rng, kind=None):
    domain = rng.choice(list(DOMAINS))
    d = DOMAINS[domain]
    entity = f"the {rng.choice(d['names'])} {rng.choice(d['kinds'])}"
    kind = kind or ("review" if rng.random() < P_REVIEW else "reply")
    meta = {"topic": "talk", "kind": kind, "domain": domain, "entity": entity}
    if kind == "review":
        return rng.choice(REVIEW_ASK).format(entity=entity), meta
    sentiment, register, _ = draw_latents(rng)
    review = talk_answer(rng, {**meta, "kind": "review"}, (sentiment, register, rng.choice([1, 1, 2])))
    return rng.choice(REPLY_ASK).format(entity=entity, review=review), meta


# ---------------------------------------------------------------- sums
def sum_prompt(rng):
    n = rng.choice(STEPS)
    while True:
        operands = [rng.randint(*FIRST)] + [rng.randint(*OPERAND) for _ in range(n)]
        operators = [rng.choice("+-") for _ in range(n)]
        values = [operands[0]]
        for o, x in zip(operators, operands[1:]):
            values.append(apply_step(values[-1], o, x))
        if all(VALUE[0] <= v <= VALUE[1] for v in values):
            break
    expression = str(operands[0]) + "".join(f" {o} {x}" for o, x in zip(operators, operands[1:]))
    meta = {"topic": "sums", "operands": operands, "operators": operators, "answer": values[-1]}
    return rng.choice(SUM_ASK).format(sum=expression), meta


def has_carry(a, operator, b):
    return a % 10 + b % 10 > 9 if operator == "+" else a % 10 < b % 10


def wrong_carry(a, operator, b):
    """The result with the carry (or borrow) flipped: dropped where there is one, invented where there is none."""
    shift = -10 if has_carry(a, operator, b) == (operator == "+") else 10
    result = apply_step(a, operator, b) + shift
    return result if result >= 0 else result + 20       # an invented borrow from no tens goes up instead


def step_law(a, operator, b):
    """{result: probability} of one written step.  A negative value arises only after a wrong step and is written as 0."""
    good = apply_step(a, operator, b)
    if good < 0:
        return {0: 1.0}
    p = P_DROP_CARRY if has_carry(a, operator, b) else P_SPURIOUS_CARRY
    return {good: 1 - p, wrong_carry(a, operator, b): p}


def sum_answer(rng, meta, corrupt=True):
    """Worked steps; each goes on from the value written before it, right or wrong."""
    value, out = meta["operands"][0], []
    for o, x in zip(meta["operators"], meta["operands"][1:]):
        result = _draw(rng, step_law(value, o, x)) if corrupt else apply_step(value, o, x)
        out.append(f"{value} {o} {x} = {result}.")
        value = result
    return " ".join(out + [f"The answer is {value}."])


def sum_logprob(text, meta):
    """Exact log p(answer | problem); None outside the support."""
    if not check_sum(text, meta)["wellFormed"]:
        return None
    value, total, expected = meta["operands"][0], 0.0, []
    for o, x, sentence in zip(meta["operators"], meta["operands"][1:], split_sentences(text)):
        result = int(sentence.split(" = ")[1].rstrip("."))
        p = step_law(value, o, x).get(result, 0)
        if p == 0:
            return None
        total += math.log(p)
        expected.append(f"{value} {o} {x} = {result}.")
        value = result
    return total if text == " ".join(expected + [f"The answer is {value}."]) else None


# ---------------------------------------------------------------- examples
def draw_prompt(rng, topic, held=False, kind=None):
    """A prompt of the training side (held=False) or of the held-out side of the hash split."""
    while True:
        prompt, meta = sum_prompt(rng) if topic == "sums" else talk_prompt(rng, kind)
        if held_out(prompt) == held:
            return prompt, meta


def draw_answer(rng, meta, corrupt=True):
    return sum_answer(rng, meta, corrupt) if meta["topic"] == "sums" else talk_answer(rng, meta)


def answer_logprob(text, meta):
    return sum_logprob(text, meta) if meta["topic"] == "sums" else talk_logprob(text, meta)


SYSTEM = ["You are a helpful assistant.", "You are a careful assistant.", "Answer the question.", "Be brief and clear.", "You write reviews.",
          "You help customers of cafés, hotels and shops.", "Use simple words.", "Do the sums step by step.", "Please be honest.",
          "You work for a small company.", "Always stay on the subject.", "The user likes short answers.", "Never use bad language.",
          "Today is a sunny day in the city.", "Think before you answer.", "Keep a friendly tone.", "Write in English.",
          "You are the assistant of a travel magazine.", "Follow the rules of the house.", "If you do not know, say so.",
          "Your name is Trim.", "Show your work.", "You are talking with a guest.", "Give one answer only."]


def system_message(rng):
    """One to three sentences that say nothing about the answer; sometimes shuffled words, so that unseen text is harmless too."""
    sentences = rng.sample(SYSTEM, rng.choice([1, 1, 1, 2, 3]))
    if rng.random() < 0.3:
        words = " ".join(sentences).split()
        rng.shuffle(words)
        return " ".join(words)
    return " ".join(sentences)
