/**
 * Reads a message of a client of a room: JSON that matches the schema of its type.
 * In: text from a WebSocket. Out: a message, or why it is none. docs/7-together/messages.md.
 */
import { type ClientMessage, clientMessages } from '../../../api/room/messages.ts';
import { type Check, type CheckedSchema, compileSchema } from './check-schema.ts';

const checks: ReadonlyMap<unknown, Check> = new Map(
  Object.entries(clientMessages).map(([type, schema]) => [type, compileSchema(schema as CheckedSchema)]),
);

/** Why a text is no message. */
export interface NoMessage {
  readonly problem: string;
  /** The client's id of it, if it has one. */
  readonly id: string | undefined;
}

/** Parses a message. @param text at most MAX_CLIENT_MESSAGE bytes */
export function parseMessage(text: string): ClientMessage | NoMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: 'The message is no JSON.', id: undefined };
  }
  if (typeof value !== 'object' || value === null) return { problem: 'The message is no object.', id: undefined };
  const { t, id: rawId } = value as { t?: unknown; id?: unknown };
  const id = typeof rawId === 'string' ? rawId.slice(0, 64) : undefined;
  const check = checks.get(t);
  if (!check) return { problem: 'There is no message of this type.', id };
  const broken = check(value);
  if (broken === undefined) return value as ClientMessage;
  return { problem: `${t}: ${broken || 'the message'} is missing, unknown or invalid.`, id };
}
