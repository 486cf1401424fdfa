/**
 * Which things must move so that each of some nodes has as many of a kind as the others, or one more.
 * In: things with their nodes. Out: moves, as few as possible. Pure.
 */

/** A thing and the node that has it. */
interface PlacedThing {
  readonly kind: string;
  readonly key: string;
  readonly node: string;
}

/** A thing that gets another node. */
interface Move {
  readonly kind: string;
  readonly key: string;
  readonly to: string;
}

/** @param names of the nodes, at least one; what others have moves to them */
export function evenMoves(things: readonly PlacedThing[], names: readonly string[]): readonly Move[] {
  return Object.values(Object.groupBy(things, ({ kind }) => kind)).flatMap((group) => movesOf(group!, names));
}

function movesOf(things: readonly PlacedThing[], names: readonly string[]): readonly Move[] {
  const most = Math.ceil(things.length / names.length);
  const placed = new Map<string, number>(names.map((name) => [name, 0]));
  // Who may have one more than the others is who has it already.
  const counts = Object.entries(Object.groupBy(things, ({ node }) => node)).map(
    ([node, group]) => [node, group!.length] as const,
  );
  const full = counts.filter(([node, count]) => placed.has(node) && count >= most).map(([node]) => node);
  const withMost = things.length % names.length || names.length;
  const limits = new Map(names.map((name) => [name, most - 1]));
  for (const name of [...full, ...names.filter((each) => !full.includes(each))].slice(0, withMost))
    limits.set(name, most);
  const homeless: PlacedThing[] = [];
  for (const thing of things) {
    const count = placed.get(thing.node);
    if (count === undefined || count >= limits.get(thing.node)!) homeless.push(thing);
    else placed.set(thing.node, count + 1);
  }
  return homeless.map(({ kind, key }) => {
    const to = names.find((name) => placed.get(name)! < limits.get(name)!)!;
    placed.set(to, placed.get(to)! + 1);
    return { kind, key, to };
  });
}
