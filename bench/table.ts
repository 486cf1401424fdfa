/**
 * What reports have in common: quantiles, and a table as Markdown that can also be read as it is.
 * In: numbers, cells. Out: numbers, text. Pure.
 */

/** The quantile `part` (0 to 1) of sorted numbers; NaN where there are none. */
export function share(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** The median. */
export function median(values: readonly number[]): number {
  return share(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

/** The first column and words are aligned left, all else right. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, 3, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
