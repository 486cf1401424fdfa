/**
 * A QR code as one SVG path, so that it is sharp at any size and needs no style attribute.
 * In: text. Out: the path and the size of its grid. ISO/IEC 18004 by the package uqr.
 */
import { encode } from 'uqr';

/** Light modules around the code, as the standard requires. */
const QUIET_ZONE = 4;

/** The dark modules of the code of a text; `size` is the width of the grid in modules, quiet zone included. */
export function qrPath(text: string): { readonly path: string; readonly size: number } {
  const { data, size } = encode(text, { ecc: 'M', border: QUIET_ZONE });
  let path = '';
  for (const [y, row] of data.entries()) {
    for (let x = 0; x < size; x++) {
      if (!row[x]) continue;
      const from = x;
      while (row[x + 1]) x++;
      path += `M${from} ${y}h${x - from + 1}v1h-${x - from + 1}z`;
    }
  }
  return { path, size };
}
