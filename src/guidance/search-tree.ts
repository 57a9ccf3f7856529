/** A node of ReST-MCTS* (arXiv 2406.03816): V, n and children; what it stands for is the caller's. */
export class SearchNode<State> {
  readonly parent: SearchNode<State> | undefined
  readonly state: State
  /** V: its own at first, then with its rollout's, then the visit-weighted mean of its children's. */
  value: number
  /** n */
  visits = 0
  children: readonly SearchNode<State>[] = []

  constructor(parent: SearchNode<State> | undefined, state: State, value: number) {
    this.parent = parent
    this.state = state
    this.value = value
  }
}

/** What an unvisited child's value is raised by. */
const unvisited = 1

/** V + c sqrt(2 ln(n_parent) / n); V + 1 for a child that was not visited. */
export function uct(value: number, visits: number, parentVisits: number, exploration: number): number {
  if (visits === 0) return value + unvisited
  return value + exploration * Math.sqrt((2 * Math.log(parentVisits)) / visits)
}

/** The child of the highest UCT; the first one on ties, where the paper's code draws lots. */
export function mostPromising<State>(node: SearchNode<State>, exploration: number): SearchNode<State> {
  const urge = (child: SearchNode<State>) => uct(child.value, child.visits, node.visits, exploration)
  return node.children.reduce((best, child) => (urge(child) > urge(best) ? child : best))
}

/** SELECT: from the root down to a node without children. */
export function selectLeaf<State>(root: SearchNode<State>, exploration: number): SearchNode<State> {
  let node = root
  while (node.children.length > 0) node = mostPromising(node, exploration)
  return node
}

/** SIMULATE: (1 - alpha) V + alpha * best, and one visit. */
export function simulate<State>(node: SearchNode<State>, best: number, alpha: number): void {
  // either may be -Infinity, which 0 times makes NaN of
  if (alpha === 1) node.value = best
  else if (alpha > 0) node.value = (1 - alpha) * node.value + alpha * best
  node.visits++
}

/** BACKPROP from a node up to the root: one visit each, and the visit-weighted mean of the children's values. */
export function backpropagate<State>(node: SearchNode<State>): void {
  for (let at: SearchNode<State> | undefined = node; at !== undefined; at = at.parent) {
    at.visits++
    const visited = at.children.filter(({ visits }) => visits > 0)
    if (visited.length === 0) continue
    const visits = visited.reduce((sum, child) => sum + child.visits, 0)
    at.value = visited.reduce((sum, child) => sum + child.visits * child.value, 0) / visits
  }
}
