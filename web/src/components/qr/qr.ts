/**
 * A QR code as one SVG path, so that it is sharp at any size and needs no style attribute.
 * In: the modules of a code. Out: the path. Pure.
 */

/** The dark modules as a path in a grid of one unit per module, one rectangle for each run of a row. */
export function qrPath(rows: readonly (readonly boolean[])[]): string {
  let path = '';
  for (const [y, row] of rows.entries()) {
    for (let x = 0; x < row.length; x++) {
      if (!row[x]) continue;
      const from = x;
      while (row[x + 1]) x++;
      path += `M${from} ${y}h${x - from + 1}v1h-${x - from + 1}z`;
    }
  }
  return path;
}
