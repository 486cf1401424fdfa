/**
 * Messages to one connection as frames. A playlist that several connections get is printed once: it may have
 * 2,000 entries.
 * In: messages. Out: bytes.
 */
import type { RoomItem } from '../../../api/room/item-shapes.ts';
import type { ServerMessage } from '../../../api/room/messages.ts';
import { printFrame } from './frame.ts';

/** JSON of playlists, for as long as the room keeps the value. */
const printed = new WeakMap<readonly RoomItem[], string>();

/** Prints a message. @param message its playlist is not changed after the call */
export function printMessage(message: ServerMessage): Uint8Array {
  if (message.t !== 'welcome') return printFrame(JSON.stringify(message));
  const { items, ...others } = message;
  const text = printed.get(items) ?? JSON.stringify(items);
  printed.set(items, text);
  return printFrame(`${JSON.stringify(others).slice(0, -1)},"items":${text}}`);
}
