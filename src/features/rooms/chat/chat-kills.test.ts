/**
 * The promise of chat under kills of the server at random moments: acknowledged is stored, nothing is shown
 * twice, numbers only rise.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import type { RoomMessage, ServerMessage } from '../../../api/room/messages.ts';
import { createManualClock } from '../../../lib/clock.ts';
import { createSilentLog } from '../../../observe/log.ts';
import { openStore } from '../../../store/db.ts';
import { openTemporaryStore } from '../../../store/store.fixture.ts';
import type { RoomChat } from '../room-chat.ts';
import { insertRoom, testRoom, testSender } from './chat.fixture.ts';
import { MessageTable } from './message-table.ts';
import { MessageWriter } from './message-writer.ts';
import { RoomMessages } from './room-messages.ts';

interface Server {
  readonly messages: Pick<RoomChat, 'receive'> & Pick<RoomMessages, 'resume' | 'lastSeq'>;
  readonly writer: MessageWriter;
  /** From then on nothing reaches the database, and no one hears anything: the process is gone. */
  kill(): void;
}

/** A client that resends what is not acknowledged, and shows each message once, as the interface does. */
class Client {
  readonly name: string;
  readonly unacked = new Map<string, string>();
  readonly acked = new Map<string, number>();
  readonly shown: RoomMessage[] = [];
  sent = 0;
  answered = (): void => undefined;

  constructor(name: string) {
    this.name = name;
  }

  get(message: ServerMessage): void {
    if (message.t === 'ack') {
      assert.ok(message.seq !== undefined);
      const before = this.acked.get(message.id);
      assert.ok(before === undefined || before === message.seq, 'the same acknowledgement each time');
      this.acked.set(message.id, message.seq);
      this.unacked.delete(message.id);
    }
    this.answered();
  }

  show(message: ServerMessage): void {
    if (message.t !== 'message') return;
    const { author, id, seq } = message.message;
    const at = this.shown.findIndex((one) => one.author === author && one.id === id);
    if (at >= 0) this.shown.splice(at, 1); // it was lost by the server and comes again
    assert.ok((this.shown.at(-1)?.seq ?? 0) < seq, 'numbers only rise');
    this.shown.push(message.message);
  }
}

for (const seed of [1, 2, 3, 4]) {
  test(`kills at random moments lose nothing that was acknowledged and show nothing twice (seed ${seed})`, async () => {
    const random = seeded(seed);
    await using store = await openTemporaryStore();
    await insertRoom(store.db);
    const clock = createManualClock();
    const clients = ['ann', 'ben', 'cid'].map((name) => new Client(name));
    const used = new Set<number>();

    const start = async (): Promise<Server> => {
      let isAlive = true;
      const table = new MessageTable(store.db);
      const stop = () => {
        if (!isAlive) throw new Error('killed');
      };
      const writer = new MessageWriter({
        table: {
          async write(batch) {
            stop();
            if (random(6) === 0) throw new Error('the disk is full'); // refused and withdrawn; the client sends it again
            const result = await table.write(batch);
            if (!isAlive) return new Promise(() => undefined); // committed, and no one hears of it
            return result;
          },
        },
        failed: () => undefined,
        waitMs: 1,
        retryMs: 1,
      });
      const room = testRoom();
      room.broadcast = (message) => {
        if (!isAlive) return;
        if (message.t === 'message') {
          assert.ok(!used.has(message.message.seq), `number ${message.message.seq} was used before`);
          used.add(message.message.seq);
        }
        for (const client of clients) client.show(message);
      };
      const messages = await RoomMessages.open({ table, writer, clock, streamId: () => undefined }, room);
      return {
        messages: messages as Server['messages'],
        writer,
        kill: () => {
          isAlive = false;
          void writer[Symbol.asyncDispose]();
        },
      };
    };

    const send = ({ messages }: Server, client: Client, id: string, again: boolean) => {
      const text = client.unacked.get(id)!;
      const sender = { ...testSender(client.name), send: (message: ServerMessage) => client.get(message) };
      messages.receive({ t: 'chat', id, text, ...(again && { again: true }) }, sender);
    };

    for (let life = 0; life < 8; life++) {
      const server = await start();
      for (const client of clients) for (const id of client.unacked.keys()) send(server, client, id, true);
      for (let step = 0; step < 12; step++) {
        const client = clients[random(clients.length)]!;
        const id = `message-${client.name}-${client.sent++}`;
        client.unacked.set(id, `${client.name} ${client.sent}`);
        send(server, client, id, false);
        clock.advance(1000);
        if (random(3) === 0) await server.writer.idle();
      }
      if (random(2) === 0) await server.writer.idle();
      server.kill();
    }

    // The last life: everything is sent again until it is acknowledged.
    const last = await start();
    for (const client of clients) {
      for (const id of [...client.unacked.keys()]) {
        while (client.unacked.has(id)) {
          clock.advance(1000);
          const answered = new Promise<void>((resolve) => {
            client.answered = resolve;
          });
          send(last, client, id, true);
          await answered;
        }
      }
    }
    await last.writer[Symbol.asyncDispose]();
    const stored = await new MessageTable(store.db).before('cinema', Number.MAX_SAFE_INTEGER, 10_000, 'chat');
    const ids = stored.map(({ author, id }) => `${author} ${id}`);
    assert.equal(new Set(ids).size, ids.length, 'each message is stored once');
    for (const { name, acked, sent } of clients) {
      assert.equal(acked.size, sent);
      for (const [id, seq] of acked) {
        assert.equal(
          stored.find((one) => one.id === id)?.seq,
          seq,
          `${name} ${id} is stored under its acknowledged number`,
        );
      }
    }
  });
}

for (const seed of [5, 6]) {
  test(`a process that is killed while it writes has stored what it acknowledged (seed ${seed})`, async () => {
    const random = seeded(seed);
    const folder = await mkdtemp(join(tmpdir(), 'oxbow-kills-'));
    try {
      const file = join(folder, 'oxbow.db');
      const acknowledged: number[] = [];
      for (let life = 0, first = 1; life < 3; life++) {
        const script = new URL('./killed-writer.fixture.ts', import.meta.url).pathname;
        const child = spawn(process.execPath, [script, file, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
        const exited = once(child, 'exit');
        let left = 1 + random(3000);
        for await (const line of createInterface(child.stdout)) {
          acknowledged.push(Number(line)); // also what it wrote before it was killed
          if (--left === 0) child.kill('SIGKILL');
        }
        await exited;
        assert.ok(left <= 0, 'it was killed, and did not end before');
        await using store = await openStore({ file, log: createSilentLog(), leaseTtlMs: 1 });
        const stored = (await new MessageTable(store.db).before('cinema', 1e9, 1e9, 'chat')).map(({ seq }) => seq);
        assert.equal(new Set(stored).size, stored.length);
        assert.deepEqual(new Set(acknowledged).difference(new Set(stored)), new Set());
        first = stored.at(-1)! + 1;
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
