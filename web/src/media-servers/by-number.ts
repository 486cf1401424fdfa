/**
 * Videos and live rooms of Bilibili that a person names: its servers have no folders to walk through.
 * In: a typed number or a pasted address. Out: a folder with the parts of the video, or a live room. Pure.
 */

/** The typed video or live room. */
type Numbered =
  | { readonly kind: 'video'; readonly id: string }
  | { readonly kind: 'live'; readonly id: string; readonly room: string };

/** Reads a BV number, or the address of a video or a live room; undefined: it is neither. */
export function parseNumber(typed: string): Numbered | undefined {
  const room = /live\.bilibili\.com\/(?:\w+\/)?(\d{1,12})(?:\D|$)/.exec(typed)?.[1];
  if (room !== undefined) return { kind: 'live', id: `live/${room}`, room };
  const id = /BV[0-9A-Za-z]{10}/.exec(typed)?.[0];
  return id === undefined ? undefined : { kind: 'video', id };
}
