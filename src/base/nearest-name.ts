// "Did you mean": the known name with the fewest edits to an unknown one.
//
// Trust: the unknown name comes from people and is cut to NAME_CHARS_MAX, so a search costs at most
// names × NAME_CHARS_MAX² steps.

/** No setting has a longer name; what is cut off does not change which name is nearest. */
const NAME_CHARS_MAX = 80;

/** @returns the nearest of `names`, or undefined when none is near enough to be meant. */
export function findNearestName(unknown: string, names: Iterable<string>): string | undefined {
  const wanted = unknown.slice(0, NAME_CHARS_MAX).toLowerCase().replaceAll("_", "-");
  let best: string | undefined;
  let bestEdits = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const name of names) {
    const edits = countEdits(wanted, name.slice(0, NAME_CHARS_MAX).toLowerCase());
    if (edits >= bestEdits) continue;
    best = name;
    bestEdits = edits;
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
export function countEdits(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let edits = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) edits = Math.min(edits, (beforeLast[column - 2] ?? 0) + 1);
      current.push(edits);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
