/**
 * A chat that keeps its messages in memory and acknowledges them at once, for tests of rooms.
 * In: what members send. Out: messages to all.
 */
import type { RoomMessage } from '../../api/room/messages.ts';
import type { OpenChat } from './room-chat.ts';

/**
 * A chat in memory alone, for tests and rooms without one: every chat message is sent and acknowledged at
 * once.
 */
export const openMemoryChat: OpenChat = async (room) => {
  const messages: RoomMessage[] = [];
  return {
    history: (since = 0) => ({
      messages: messages.slice(since).slice(-100),
      polls: [],
      gap: messages.length - since > 100,
      lastSeq: messages.length,
    }),
    receive(message, sender) {
      if (message.t !== 'chat' && message.t !== 'danmaku') return;
      if (!sender.may(message.t)) {
        sender.send({ t: 'refused', id: message.id, code: 'room-forbidden', detail: 'You may not write here.' });
        return;
      }
      const { id, text } = message;
      const seq = messages.length + 1;
      const author = { author: sender.user.id, name: sender.user.name };
      messages.push({ seq, id, kind: message.t, ...author, text, sentMs: 0 });
      room.broadcast({ t: 'message', message: messages.at(-1)! });
      sender.send({ t: 'ack', id, seq });
    },
    close: async () => {},
  };
};
