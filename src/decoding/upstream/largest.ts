/** The `count` largest values (all, if there are fewer), largest first, without sorting the others. */
export function largest(values: Float64Array, count: number): Float64Array {
  if (values.length <= 2 * count) return descending(values.slice()).slice(0, count)
  const room = new Float64Array(2 * count)
  let held = 0
  let least = Number.NEGATIVE_INFINITY
  for (const value of values) {
    if (held >= count && value <= least) continue
    room[held++] = value
    if (held < room.length) continue
    descending(room)
    held = count
    least = room[count - 1]!
  }
  return descending(room.slice(0, held)).slice(0, count)
}

const descending = (values: Float64Array): Float64Array => values.sort().reverse()
