#!/usr/bin/env node
/**
 * The same as bin/oxbow for npm, whose commands must start on Windows too. Elsewhere it becomes bin/oxbow (Node 22.15 or newer), or
 * runs it as a child. Plain JavaScript: it must start on a Node that is too old for oxbow.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endWith, newestNode } from './node-24.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const args = process.argv.slice(2);

if (process.platform === 'win32') {
  const source = join(root, 'src', 'main.ts');
  const main = existsSync(source) ? source : join(root, 'dist', 'src', 'main.js');
  const flags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=8'];
  const cache = join(root, 'node_modules', '.cache', 'oxbow');
  run(newestNode(), [...flags, main, ...args], { UV_THREADPOOL_SIZE: '16', NODE_COMPILE_CACHE: cache, ...process.env });
} else if (process.execve) {
  process.execve('/bin/sh', ['sh', join(root, 'bin', 'oxbow'), ...args], process.env);
} else {
  run('/bin/sh', [join(root, 'bin', 'oxbow'), ...args], process.env);
}

/** The channel closes when this process ends for any reason, which notifies the child. */
function run(program, programArgs, env) {
  endWith(spawn(program, programArgs, { env, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] }));
}
