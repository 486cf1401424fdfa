/**
 * ID3 tags written by hand.
 * In: frames. Out: an ID3v2.4 tag. Used by tests only.
 */
import { concatBytes } from '../bytes.ts';

const synchsafe = (size: number) => [21, 14, 7, 0].map((shift) => (size >>> shift) & 0x7f);

/** A tag of text frames, e.g. `TIT2`. */
export function printId3(frames: readonly (readonly [id: string, text: string])[]): Uint8Array {
  const encoder = new TextEncoder();
  const bodies = frames.map(([id, text]) => {
    const body = concatBytes([Uint8Array.of(3), encoder.encode(text)]);
    return concatBytes([encoder.encode(id), Uint8Array.from([...synchsafe(body.length), 0, 0]), body]);
  });
  const all = concatBytes(bodies);
  return concatBytes([encoder.encode('ID3'), Uint8Array.from([4, 0, 0, ...synchsafe(all.length)]), all]);
}
