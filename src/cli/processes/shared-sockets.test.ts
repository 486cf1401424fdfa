import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { isLinux } from '../../lib/platform.ts';
import { openSharedSockets } from './shared-sockets.ts';

/** A process that says what its socket receives, from which port. */
const program = `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (text, { port }) => process.send([Number(process.argv[1]), port, String(text)]));
  socket.bind({ fd: 4, exclusive: true }, () => process.send('ready'));
`;

suite('sockets of one UDP port', { skip: isLinux ? false : 'needs shared ports' }, () => {
  test('each belongs to a process, and a caller stays at one while another starts again', async () => {
    using sockets = await openSharedSockets({ address: '127.0.0.1', port: 0 }, 2);
    const received = new Map<number, number>();
    const texts = new Set<string>();
    let all = Promise.withResolvers<void>();
    const open = async (number: number) => {
      const child = spawn(process.execPath, ['-e', program, String(number)], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc', sockets.fds[number]!],
      });
      await once(child, 'message');
      child.on('message', ([from, port, text]: [number, number, string]) => {
        received.set(port, from);
        texts.add(text);
        if (texts.size === callers.length) all.resolve();
      });
      return child;
    };
    const children = [await open(0), await open(1)];
    const callers = await Promise.all(
      Array.from({ length: 32 }, async () => {
        const caller = createSocket('udp4');
        caller.connect(sockets.port, '127.0.0.1');
        await once(caller, 'connect');
        return caller;
      }),
    );
    const sendAll = async (text: string) => {
      texts.clear();
      received.clear();
      all = Promise.withResolvers();
      for (const [at, caller] of callers.entries()) caller.send(`${text} ${at}`);
      await all.promise;
      return new Map(received);
    };
    const first = await sendAll('first');
    assert.deepEqual(new Set(first.values()), new Set([0, 1]), 'both have callers');
    children[0]!.kill('SIGKILL');
    await once(children[0]!, 'exit');
    children[0] = await open(0);
    assert.deepEqual(await sendAll('second'), first);
    for (const caller of callers) caller.close();
    for (const child of children) child.kill('SIGKILL');
  });

  test('are refused where another program has the port', async () => {
    const other = createSocket('udp4').bind(0, '127.0.0.1');
    await once(other, 'listening');
    await assert.rejects(openSharedSockets({ address: '127.0.0.1', port: other.address().port }, 2), {
      code: 'EADDRINUSE',
    });
    other.close();
  });
});
