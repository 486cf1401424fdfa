/**
 * A separate network for a browser, at the end of a link that delays and loses packets: a namespace and two
 * TUN devices of Linux. It needs root and a C compiler.
 * In: delay, loss, seed. Out: the address of this computer at the link, a program that starts Chromium there.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathOf } from '../../test/fixtures/need.ts';
import { openFolder } from '../../test/fixtures/server.ts';
import { compileTool } from '../load-generator.ts';

/** A network for tests, RFC 2544. */
const HERE = '198.18.77.1';
const THERE = '198.18.77.2';
const BITS = 30;

/** What the link does to each packet, in both directions. */
export interface LinkOptions {
  /** Of a direction, ms. */
  readonly delayMs: number;
  /** Share of packets, 0 to 1. */
  readonly loss: number;
  readonly seed: number;
}

/** Disposing ends it. */
export interface LossyLink extends AsyncDisposable {
  /** Address of this computer, as the other end sees it. */
  readonly address: string;
  /** A script: runs Chromium with its arguments at the other end. */
  readonly chromium: string;
}

/** Whether this process may make one. */
export const canOpenLink = (): boolean =>
  process.getuid?.() === 0 && existsSync('/dev/net/tun') && pathOf('ip') !== undefined;

/** Opens a link. @throws Error where the system refuses it */
export async function openLossyLink({ delayMs, loss, seed }: LinkOptions): Promise<LossyLink> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await openFolder('link'));
  const name = `oxbow-${process.pid}`;
  const devices = [`ob${process.pid}a`, `ob${process.pid}b`] as const;
  const ip = (line: string) => execFileSync('ip', line.split(' '), { stdio: ['ignore', 'ignore', 'inherit'] });
  ip(`netns add ${name}`);
  opened.defer(() => void ip(`netns del ${name}`));
  const program = compileTool('browser/lossy-link.c');
  const child = spawn(program, [...devices, String(delayMs), String(Math.round(loss * 10_000)), String(seed)]);
  const ended = once(child, 'exit');
  child.stderr.pipe(process.stderr);
  opened.defer(async () => {
    child.stdin.end();
    await ended;
  });
  await Promise.race([once(child.stdout, 'data'), ended.then(() => Promise.reject(new Error('the link ended')))]);
  void text(child.stdout);
  ip(`link set ${devices[1]} netns ${name}`);
  ip(`addr add ${HERE}/${BITS} dev ${devices[0]}`);
  ip(`link set ${devices[0]} up`);
  ip(`-n ${name} addr add ${THERE}/${BITS} dev ${devices[1]}`);
  ip(`-n ${name} link set ${devices[1]} up`);
  ip(`-n ${name} link set lo up`);
  const chromium = join(folder.path, 'chromium');
  await writeFile(chromium, `#!/bin/sh\nexec ip netns exec ${name} /usr/bin/chromium "$@"\n`);
  await chmod(chromium, 0o755);
  const owned = opened.move();
  return { address: HERE, chromium, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
