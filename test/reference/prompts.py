"""The text that prompts are cut from, and the prompts."""

import random

LENGTHS = [1, 2, 3, 5, 8, 13, 21, 34, 47, 63, 64, 65, 66, 90, 101, 127, 128, 129, 150, 200]

TEXT = """A trim tab is a small surface on the edge of a rudder. Turning it takes almost no strength, yet it builds a
low pressure that pulls the rudder around, and the rudder turns the ship. The captain asked the sailor: how far is it to
the harbour? Twelve miles, he said, and the wind is 3.5 knots from the north-west. 17 + 25 = 42, and 42 / 6 = 7.
def mean(values): return sum(values) / len(values)
for i in range(10): print(i, i * i)
I liked the little cafe on the corner: the soup was warm, the staff were kind, but the coffee was weak and cost 4,20 €.
Der Hafen liegt im Norden; l'été est arrivé; большое море; 船は小さい. The room was clean and quiet. The food was cold.
{"name": "anchor", "weight": 120, "tags": ["iron", "old"]} is one line of JSON. "Who goes there?" asked the guard.
Nobody answered. She opened the window, looked at the grey sea for a long while, and wrote three sentences in her book.
First, the tide turns twice a day. Second, no map shows every rock. Third, a good crew is worth more than a new sail.
What would you do with a slow boat, a torn sail, and a week of fair weather? I would mend the sail, of course, and wait.
"""


def token_prompts(tokenizer, every=1, seed=3):
    """Stretches of the text's tokens that start anywhere; their lengths cross the prefill's chunk boundaries.

    every=2 takes every second length only.
    """
    rng = random.Random(seed)
    ids = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    ids = ids * (1 + 200 // len(ids))
    prompts = []
    for length in LENGTHS[::every]:
        start = rng.randrange(len(ids) - length)
        prompts.append(ids[start : start + length])
    return prompts
