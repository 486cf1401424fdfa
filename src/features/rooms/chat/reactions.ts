/**
 * The users in a message: reactions, one of each user and emoji, and mentions.
 * In: a message and a reaction, or a user who is gone. Out: the changed message. Pure.
 */
import type { RoomMessage } from '../../../api/room/messages.ts';
import { OxbowError } from '../../../lib/errors.ts';

/** Most different emoji of a message. */
const MAX_EMOJI = 20;
/** Most users of one emoji. */
const MAX_USERS = 100;

const EMOJI = /^\p{RGI_Emoji}$/v;

/**
 * Adds or takes back a reaction.
 *
 * @returns the same message if nothing changes
 * @throws OxbowError `bad-request` for text that is no emoji, `limit-reached`
 */
export function withReaction(message: RoomMessage, emoji: string, user: string, on: boolean): RoomMessage {
  if (!EMOJI.test(emoji)) throw new OxbowError('bad-request', 'A reaction is one emoji.');
  const reactions = message.reactions ?? {};
  const users = reactions[emoji] ?? [];
  if (users.includes(user) === on) return message;
  if (on && users.length === 0 && Object.keys(reactions).length >= MAX_EMOJI) {
    throw new OxbowError('limit-reached', `A message has at most ${MAX_EMOJI} different reactions.`);
  }
  if (on && users.length >= MAX_USERS) {
    throw new OxbowError('limit-reached', `A reaction has at most ${MAX_USERS} people.`);
  }
  const changed = { ...reactions, [emoji]: on ? [...users, user] : users.filter((id) => id !== user) };
  if (changed[emoji]!.length === 0) delete changed[emoji];
  const { reactions: _, ...rest } = message;
  return Object.keys(changed).length === 0 ? rest : { ...rest, reactions: changed };
}

/**
 * Puts another user in the place of one: as author, in reactions and in mentions.
 *
 * @param by undefined: no one; their messages stay without an author
 * @returns the same message if the user is not in it
 */
export function withUserReplaced(
  message: RoomMessage,
  user: string,
  by: { readonly id: string; readonly name: string } | undefined,
): RoomMessage {
  const { reactions = {}, mentions = [], ...rest } = message;
  const isIn = mentions.includes(user) || Object.values(reactions).some((users) => users.includes(user));
  if (!isIn && message.author !== user) return message;
  const replaced = (users: readonly string[]) => [
    ...new Set(users.flatMap((id) => (id === user ? (by ? [by.id] : []) : [id]))),
  ];
  const others = Object.entries(reactions).flatMap(([emoji, users]) => {
    const left = replaced(users);
    return left.length === 0 ? [] : [[emoji, left] as const];
  });
  const mentioned = replaced(mentions);
  return {
    ...rest,
    ...(message.author === user && { author: by?.id ?? '', name: by?.name ?? '' }),
    ...(mentioned.length > 0 && { mentions: mentioned }),
    ...(others.length > 0 && { reactions: Object.fromEntries(others) }),
  };
}
