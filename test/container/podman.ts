/**
 * Runs podman on this machine, also where it has two hierarchies of cgroups and no systemd.
 * In: a folder for images and containers. Out: the output of its commands; a program for others that call
 * podman.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './base-image.ts';

/** Podman with a storage that ends with the test. */
export interface Podman extends AsyncDisposable {
  /** Options of podman and buildah for the storage. */
  readonly storage: readonly string[];
  /** Path of a script that is called as podman is. */
  readonly path: string;
  /** Runs a command to its end. Returns its stdout. @throws Error with its stderr if it fails */
  run(...args: readonly string[]): Promise<string>;
  /** Starts a command. */
  spawn(...args: readonly string[]): ChildProcessWithoutNullStreams;
}

/** The second hierarchy of cgroups, which crun refuses beside the first one. */
const SECOND = '/sys/fs/cgroup/unified';
/** Resources of a process that every machine permits. */
const SETTINGS = `[containers]
default_ulimits = ["nofile=8192:8192", "nproc=2048:2048"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

/**
 * Opens podman.
 *
 * @param folder keeps images for the next run
 * @param temporary for what ends with the test
 */
export async function openPodman(folder: string, temporary: string): Promise<Podman> {
  const storage = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run')];
  mkdirSync(join(folder, 'run'), { recursive: true });
  const settings = join(temporary, 'containers.conf');
  writeFileSync(settings, SETTINGS);
  // All commands are in one name space of mounts: a container that one has started is used by another one.
  const hide = existsSync(SECOND) ? `umount ${SECOND}; ` : '';
  const holder = spawn('unshare', ['-m', 'sh', '-c', `${hide}echo ready; exec cat`]);
  await once(holder.stdout, 'data');
  const path = join(temporary, 'podman');
  const command = ['nsenter', '-m', '-t', holder.pid, 'env', `CONTAINERS_CONF='${settings}'`, '/usr/bin/podman'];
  writeFileSync(path, `#!/bin/sh\nexec ${command.join(' ')} ${storage.map((word) => `'${word}'`).join(' ')} "$@"\n`);
  chmodSync(path, 0o755);
  return {
    storage,
    path,
    run: (...args) => run(path, ...args),
    spawn: (...args) => spawn(path, args),
    async [Symbol.asyncDispose]() {
      const force = ['--all', '--force', '--time', '1'];
      for (const command of [
        ['pod', 'rm', ...force],
        ['rm', ...force],
        ['volume', 'rm', '--all', '--force'],
        ['secret', 'rm', '--all'],
      ])
        await run(path, ...command).catch(() => undefined); // there may be none
      holder.stdin.end();
      await once(holder, 'close');
    },
  };
}
