/**
 * Keyboard navigation of a menu. WAI-ARIA Authoring Practices, menu button.
 * In: a key, the items. Out: an index. Pure.
 */

/**
 * The item that a key moves to.
 *
 * @param key as `KeyboardEvent.key`
 * @param at index of the item with the focus; -1 for none
 * @param texts of the items, in order
 * @returns undefined for other keys
 */
export function menuMove(key: string, at: number, texts: readonly string[]): number | undefined {
  const count = texts.length;
  if (count === 0) return undefined;
  switch (key) {
    case 'ArrowDown':
      return (at + 1) % count;
    case 'ArrowUp':
      return at <= 0 ? count - 1 : at - 1;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
  }
  if ([...key].length !== 1 || key === ' ') return undefined;
  const wanted = key.toLocaleLowerCase();
  for (let step = 1; step <= count; step++) {
    const index = (Math.max(at, -1) + step + count) % count;
    if (texts[index]!.toLocaleLowerCase().startsWith(wanted)) return index;
  }
  return undefined;
}
