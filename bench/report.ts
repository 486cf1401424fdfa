/**
 * Shared by all benchmarks: progress, quantiles, units, and Markdown tables that are also readable as plain
 * text.
 * In: numbers and cells. Out: text.
 */

/** Reports progress on standard error. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The quantile `part` (0 to 1) of sorted numbers; NaN if there are none. */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** The median of unsorted numbers. */
export function median(values: readonly number[]): number {
  return quantile(sorted(values), 0.5);
}

/** The numbers in ascending order. */
export function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

/** Bytes as MiB with one decimal. */
export function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

/** Prints a Markdown table with padded cells. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, 3, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
