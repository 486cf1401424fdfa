/**
 * The evil client of `npm run bench -- report-flood`: sends reports of one kind until its input ends.
 * In: host, port, kind and address as arguments. Out: one line of JSON, the numbers of its requests and
 * events and the answers by status.
 */
import { createConnection, type Socket } from 'node:net';

/** The address is what a proxy would report: programs of this computer are not limited. */
const [host = '', port = '', kind = '', address = ''] = process.argv.slice(2);
/** Events a second, of kinds that count events. */
const PER_SECOND = 10_000;
/** Turns in a second. */
const TURNS = 20;
/** Lines of a body. */
const LINES = 500;
/** Requests on one connection that are not answered yet, at most. */
const MAX_OPEN = 50;

const counts = { requests: 0, events: 0, closed: 0, statuses: {} as Record<string, number> };
let number = 0;

const head = (bytes: number) =>
  `POST /api/v1/cmcd HTTP/1.1\r\nhost: ${host}:${port}\r\nx-forwarded-for: ${address}\r\ncontent-type: application/cmcd\r\ncontent-length: ${bytes}\r\n\r\n`;
const requestOf = (body: string) => `${head(Buffer.byteLength(body))}${body}`;
const lines = (line: (at: number) => string, count = LINES) =>
  Array.from({ length: count }, (_, at) => line(at)).join('\n');

/** What each kind sends in a turn: texts of requests, and the events in each. */
const kinds: Readonly<Record<string, { readonly count: number; readonly events: number; text(): string }>> = {
  events: {
    count: PER_SECOND / LINES / TURNS,
    events: LINES,
    text: () => requestOf(lines(() => `cid="door",e=ps,sid="made-up-${number++}",sta=p,ts=${Date.now()},v=2`)),
  },
  names: {
    count: PER_SECOND / LINES / TURNS,
    events: LINES,
    text: () => requestOf(lines(() => `cid="made-up-${number++}",e=ps,sid="s",sta=p,ts=${Date.now()},v=2`)),
  },
  requests: {
    count: PER_SECOND / TURNS,
    events: 1,
    text: () => requestOf(`cid="door",e=ps,sid="made-up-${number++}",sta=p,ts=${Date.now()},v=2`),
  },
  positions: {
    count: PER_SECOND / LINES / TURNS,
    events: LINES,
    text: () =>
      requestOf(
        lines((at) => {
          const tsMs = Date.now() + ((number++ * 7_919_000) % 2e10) - 1e10;
          return `cid="door",e=t,ltc=${(number * 9_973_000) % 3e11},pr=16,sid="j-${at % 100}",st=v,sta=p,ts=${tsMs},v=2`;
        }),
      ),
  },
  malformed: {
    count: 1,
    events: 8,
    text: () =>
      requestOf(
        [
          '('.repeat(8000),
          `br=(${'('.repeat(4000)}`,
          `sid="${'\\'.repeat(8000)}`,
          `sid="x",br=${'9'.repeat(8000)}`,
          `sid="x",ts=-${'9'.repeat(15)},bsa=(${'999999999999999 '.repeat(99)}),sta=p,cid="door"`,
          `${'a;'.repeat(4000)}`,
          `${'k,'.repeat(4000)}`,
          `{"a":${'['.repeat(4000)}`,
        ].join('\n'),
      ),
  },
  large: { count: 2, events: 0, text: () => requestOf('x'.repeat(1_000_000)) },
  slow: { count: 0, events: 0, text: () => '' },
};

const { count, events, text } = kinds[kind]!;

/** A connection that is opened again when the server closes it. */
class Connection {
  open = 0;
  #socket: Socket | undefined;

  send(request: string): void {
    if (this.open >= MAX_OPEN || (this.#socket?.writableLength ?? 0) > 4_000_000) return;
    this.open++;
    counts.requests++;
    counts.events += events;
    this.#connect().write(request);
  }

  trickle(): void {
    const socket = this.#connect();
    if (this.open++ === 0) socket.write(head(60_000));
    socket.write('x');
  }

  #connect(): Socket {
    if (this.#socket) return this.#socket;
    const socket = createConnection({ host, port: Number(port) });
    const end = () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.open = 0;
      counts.closed++;
    };
    socket.on('close', end).on('error', () => socket.destroy());
    socket.on('data', (data) => {
      for (const [, status] of data.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3})/g)) {
        counts.statuses[status!] = (counts.statuses[status!] ?? 0) + 1;
        this.open--;
      }
    });
    this.#socket = socket;
    return socket;
  }
}

const connections = Array.from({ length: kind === 'slow' ? 500 : 64 }, () => new Connection());
let turn = 0;
const timer = setInterval(() => {
  if (kind === 'slow' && turn++ % TURNS === 0) for (const connection of connections) connection.trickle();
  for (let i = 0; i < count; i++) connections[number++ % connections.length]!.send(text());
}, 1000 / TURNS);
process.stdin.resume().on('end', () => {
  clearInterval(timer);
  process.stdout.write(`${JSON.stringify(counts)}\n`, () => process.exit());
});
