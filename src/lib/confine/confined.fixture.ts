/**
 * A program that tries what a confined process must not do; started by the tests with the launcher of the
 * media engine.
 * In: an address that listens, and what to try. Out: JSON on stdout.
 */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';

const [port, what] = process.argv.slice(2);

const codeOf = (error: unknown) => String((error as NodeJS.ErrnoException).code);

function tryTcp(): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.once('error', (error) => resolve(codeOf(error)));
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
  });
}

function tryUdp(): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.send('x', Number(port), '127.0.0.1', (error) => {
      socket.close();
      resolve(error ? codeOf(error) : 'sent');
    });
  });
}

function tryFile(bytes: number): string {
  try {
    writeFileSync('file', new Uint8Array(bytes));
    return 'written';
  } catch (error) {
    return codeOf(error);
  }
}

function tryProcesses(count: number): number {
  // Each shell starts the next one and waits for it.
  const script = 'if [ "$1" -gt 0 ]; then sh -c "$0" "$0" $(($1 - 1)) || exit 1; fi';
  const { status } = spawnSync('sh', ['-c', script, script, String(count)], { stdio: 'ignore', env: process.env });
  return status ?? -1;
}

if (what === 'hang') {
  process.stdout.write('hangs\n', () => {
    for (;;);
  });
} else {
  // The system ends a process at this signal unless it is handled.
  process.on('SIGXFSZ', () => {});
  const report = {
    pid: process.pid,
    folder: process.cwd(),
    variables: Object.keys(process.env).sort(),
    tcp: await tryTcp(),
    udp: await tryUdp(),
    file: tryFile(200_000),
    processes: tryProcesses(Number(what)),
  };
  process.stdout.write(JSON.stringify(report));
}
