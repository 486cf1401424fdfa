/**
 * A process that writes messages until it is killed, for chat-kills.test.ts.
 * In: the path of a database with the room `cinema`, and the first number, as arguments. Out: a line with the
 * number of each message that is acknowledged.
 */
import { createSilentLog } from '../../../observe/log.ts';
import { openStore } from '../../../store/db.ts';
import { rowOf } from './message-row.ts';
import { MessageTable } from './message-table.ts';
import { MessageWriter, type Written } from './message-writer.ts';

const [file = '', first = '1'] = process.argv.slice(2);
const store = await openStore({ file, log: createSilentLog(), leaseTtlMs: 1 });
const table = new MessageTable(store.db);
const writer = new MessageWriter({ table, failed: (error) => Promise.reject(error), waitMs: 1 });
let seq = Number(first);
const write = () => {
  const id = `message-${seq}`;
  const message = { seq, id, kind: 'chat', author: 'ann', name: 'Ann', text: id, sentMs: seq } as const;
  seq += 1;
  writer.add(rowOf('cinema', message, undefined), (written) => {
    process.stdout.write(`${(written as Written).seq}\n`);
    write();
  });
};
for (let i = 0; i < 300; i++) write();
