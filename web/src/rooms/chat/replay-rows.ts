/**
 * The rows of the chat: messages as they were written, and from where the room has rewound to, those of the
 * past in step with the media.
 * In: messages of the room, of the past, the position. Out: rows in order. Pure.
 */
import type { RoomMessage } from '../../../../src/api/room/chat-shapes.ts';

/** A stretch that the room plays without a jump. */
export interface Run {
  readonly item: string;
  /** Server time of its beginning, unix ms, and the position then. */
  readonly serverMs: number;
  readonly positionMs: number;
}

export type ChatRow =
  | { readonly kind: 'message'; readonly key: string; readonly message: RoomMessage; readonly isReplay: boolean }
  /** From here on the past replays; `atMs` is the position from which. */
  | { readonly kind: 'replay'; readonly key: string; readonly atMs: number };

/** Messages that were sent this short before a run began are above it anyway, ms. */
const MARGIN_MS = 20_000;
/** Most rows of the past. */
const MAX_REPLAYED = 200;

const rowOf = (message: RoomMessage, isReplay: boolean): ChatRow => ({
  kind: 'message',
  key: `${isReplay ? 'r' : 'm'}${message.author} ${message.id}`,
  message,
  isReplay,
});

/** The messages of the past that are due at a position: those that were written before the run. */
export function dueMessages(past: readonly RoomMessage[], run: Run, positionMs: number): readonly RoomMessage[] {
  return past
    .filter(
      ({ kind, atMs, sentMs, deleted }) =>
        kind === 'chat' &&
        !deleted &&
        atMs !== undefined &&
        atMs >= run.positionMs &&
        atMs <= positionMs &&
        sentMs < run.serverMs - MARGIN_MS,
    )
    .slice(-MAX_REPLAYED);
}

/**
 * The rows. Below the divider, messages of now and of the past are in the order in which the run shows them.
 *
 * @param messages of the room, oldest first
 * @param due as `dueMessages` returns them
 */
export function chatRows(
  messages: readonly RoomMessage[],
  due: readonly RoomMessage[],
  run: Run | null,
): readonly ChatRow[] {
  const chatMessages = messages.filter(({ kind }) => kind !== 'danmaku');
  if (!run || due.length === 0) return chatMessages.map((message) => rowOf(message, false));
  const before = chatMessages.filter(({ sentMs }) => sentMs < run.serverMs);
  const now = chatMessages.filter(({ sentMs }) => sentMs >= run.serverMs);
  const placeOf = (message: RoomMessage): number => message.atMs ?? run.positionMs + message.sentMs - run.serverMs;
  const below = [
    ...due.map((message) => ({ at: message.atMs!, row: rowOf(message, true) })),
    ...now.map((message) => ({ at: placeOf(message), row: rowOf(message, false) })),
  ].sort((a, b) => a.at - b.at);
  return [
    ...before.map((message) => rowOf(message, false)),
    { kind: 'replay', key: `replay ${run.serverMs}`, atMs: run.positionMs },
    ...below.map(({ row }) => row),
  ];
}

/** The run after a look at the room: the same one, unless the position has jumped or another entry plays. */
export function nextRun(
  run: Run | null,
  item: string | null,
  serverMs: number,
  positionMs: number,
  expectedMs: number | null,
): Run | null {
  if (item === null) return null;
  const isSame = run?.item === item && expectedMs !== null && Math.abs(positionMs - expectedMs) < JUMP_MS;
  return isSame ? run : { item, serverMs, positionMs };
}

/** A larger change of the position than playback explains is a jump, ms. */
const JUMP_MS = 3000;
