/** Ordinary prose, instructions, arithmetic and code: what weight formats are compared on for models of real text. */
export const mixedText: readonly string[] = [
  `The ferry left the harbour a little after six, when the fog was still so thick that the lamps on the pier looked like
small moons. Anna stood at the rail with her coat buttoned to the chin and counted the strokes of the bell. She had made
this crossing every spring since she was a child, first with her grandfather, who knew the name of every rock, and later
alone. This year the island would be different: the school had closed, the last shop was for sale, and only eleven people
still lived there through the winter. She wondered whether the old house would smell of apples as it used to, and whether
anybody had remembered to take in the boat before the storms of November came.`,
  `User: How do I keep basil alive indoors?
Assistant: Basil needs light, warmth and steady moisture. Put the pot on a bright window sill that faces south or west, and
turn it every few days so that it does not lean. Water when the top centimetre of soil feels dry; pour slowly until water
runs out below, then empty the saucer. Pinch off the tips above a pair of leaves once a week, even if you do not need them,
because the plant then branches instead of flowering. Feed it every three weeks with a weak fertiliser. If the leaves turn
yellow from below, you are watering too often. If they wilt in the afternoon but recover at night, the pot is too small.
User: And in winter?
Assistant: In winter the light is the problem. Move the plant closer to the glass, or hang a small lamp above it.`,
  `def merge_intervals(intervals):
    """Return the union of closed intervals as a sorted list of disjoint ones."""
    merged = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged


class Counter:
    def __init__(self):
        self.counts = {}

    def add(self, key, amount=1):
        self.counts[key] = self.counts.get(key, 0) + amount

    def most_common(self, n):
        return sorted(self.counts.items(), key=lambda item: -item[1])[:n]


assert merge_intervals([(1, 3), (2, 6), (8, 10)]) == [[1, 6], [8, 10]]`,
  `Question: A train travels 180 kilometres in 2 hours and 15 minutes. What is its average speed?
Answer: 2 hours and 15 minutes are 2.25 hours. 180 / 2.25 = 80. The average speed is 80 kilometres per hour.
Question: A shop sells pencils at 3 for 0.90 euros. How much do 14 pencils cost?
Answer: One pencil costs 0.90 / 3 = 0.30 euros. 14 pencils cost 14 * 0.30 = 4.20 euros.
Question: What is 17 * 23?
Answer: 17 * 20 = 340 and 17 * 3 = 51, so 17 * 23 = 391.
Question: A rectangle is 4 centimetres longer than it is wide, and its perimeter is 32 centimetres. What is its area?
Answer: Let the width be w. Then 2 * (w + w + 4) = 32, so 4 * w + 8 = 32 and w = 6. The length is 10. The area is 60 square
centimetres.`,
  `Photosynthesis is the process by which plants, algae and some bacteria turn light into chemical energy. In the leaves of a
plant, chlorophyll absorbs mostly red and blue light. The energy splits water molecules, releases oxygen and charges small
carrier molecules, which then drive a cycle of reactions that builds sugar from carbon dioxide. The rate depends on light,
temperature and the supply of carbon dioxide: when one of them is scarce, adding more of the others does not help. Some
plants of hot and dry places open their pores only at night, store the carbon dioxide as an acid, and use it the next day
behind closed pores. In this way they lose far less water than other plants do.`,
  `{
  "name": "tide-table",
  "version": "2.4.1",
  "description": "Prints the times of high and low water.",
  "scripts": { "build": "tsc", "test": "node --test", "start": "node dist/main.js --port 8080" },
  "dependencies": { "suncalc": "1.9.0", "yaml": "2.5.0" },
  "stations": [
    { "id": "CUX", "latitude": 53.8677, "longitude": 8.7175, "offsetMinutes": 0 },
    { "id": "HEL", "latitude": 54.1789, "longitude": 7.89, "offsetMinutes": -63 }
  ]
}
SELECT station, MAX(height) AS highest FROM readings WHERE day >= '2024-01-01' GROUP BY station ORDER BY highest DESC;
for (const { id, offsetMinutes } of stations) console.log(id, new Date(start + offsetMinutes * 60000).toISOString())`,
  `We stayed for three nights at the small hotel behind the station. The room was clean, the bed was comfortable and the staff
could not have been kinder: when our train was late they kept a supper warm for us. Breakfast is simple, with good bread,
two kinds of cheese and excellent coffee. The only thing to complain about is the street, which is loud until midnight, so
ask for a room at the back. The price was fair for the season, and the museum, the market and the river are all within ten
minutes on foot. We would come again, and we have already told our friends about the place.`,
  `Dear Mr. Alvarez,

thank you for your letter of 12 March. We are sorry that the second shipment reached you a week late and that two of the
boxes were damaged. The carrier has confirmed that the fault was theirs. We have sent replacements today by express; they
should arrive on Thursday. You need not return the damaged parts. As a small apology we have taken 8 percent off the
invoice, which you will find enclosed. If anything else is missing or broken, please call me directly: you will find my
number below. We value your trust and hope to keep working with you for many years.

With kind regards,
Margarete Lind`,
]
