/**
 * Losses that the tests of each folder must notice, each as the change of one line that brings it back; those
 * of `test/simulation` are in its own table.
 * In: nothing. Out: a table for the tests.
 */
import type { Defect } from './defect.ts';

/** A defect that a test of the first tier finds. */
export interface Mutation extends Defect {
  /** Path of the test from the root. */
  readonly test: string;
  /** Name of the test in it that fails. */
  readonly foundBy: string;
  /** Tests of the same file that it continues. */
  readonly continues?: readonly string[];
}

/** One for each folder of `test/`. */
export const mutations: readonly Mutation[] = [
  {
    name: 'the page that required a sign-in is forgotten',
    file: 'web/src/routes.ts',
    find: "new URLSearchParams(search).get('to') ?? '/'",
    replace: "'/'",
    test: 'test/browser/accounts.test.ts',
    foundBy: 'a wrong password is refused in place, and an account works once an administrator approved it',
  },
  {
    name: 'a check of cycles that does not see imports of types',
    file: 'scripts/check-layers.ts',
    find: 'flatMap(({ specifier }) => targetOf(path, specifier) ?? [])',
    replace: 'flatMap(({ specifier, isType }) => (isType ? undefined : targetOf(path, specifier)) ?? [])',
    test: 'test/checks/checks.test.ts',
    foundBy: 'files that import each other are a cycle, by type imports too',
  },
  {
    name: 'a deleted range that other nodes keep in memory',
    file: 'src/cluster/requests/node-copies.ts',
    find: 'only === undefined || name === only',
    replace: 'name === only',
    test: 'test/cluster/observe.test.ts',
    foundBy: 'a range that is deleted at its owner is in the memory of no node, also of one that was away',
  },
  {
    name: 'a reload far ahead of the playlist that is held instead of refused',
    file: 'src/delivery/live/live.ts',
    find: 'if (msn <= last + MAX_AHEAD) return;',
    replace: 'if (msn <= last + 100 * MAX_AHEAD) return;',
    test: 'test/conformance/live.test.ts',
    foundBy: 'live playback with blocking reloads and hinted parts satisfies every rule',
  },
  {
    name: 'a verb that fails when its reader closes the pipe',
    file: 'src/cli/program.ts',
    find: "if (error.code !== 'EPIPE') throw error;",
    replace: 'throw error;',
    test: 'test/e2e/broken-pipe.test.ts',
    foundBy: 'doctor',
  },
  {
    name: 'a copy of a large database that the limit of statements ends',
    file: 'src/store/postgres/pool.ts',
    find: '...(!unlimited && {',
    replace: '...({',
    test: 'test/engines/postgresql-server.test.ts',
    foundBy: 'limits the time of statements, but not of a copy',
  },
  {
    name: 'a message that a full disk refused, and that its readers keep',
    file: 'src/features/rooms/chat/room-messages.ts',
    find: "this.#room.broadcast({ t: 'changed', message: deletedForm(message) });",
    replace: "this.#room.broadcast({ t: 'changed', message });",
    test: 'test/faults/room-disk.test.ts',
    foundBy: 'chat continues with a full disk; authors learn what is not stored, and it is stored later',
  },
  {
    name: 'SIGTERM that ends the server without closing anything',
    file: 'src/cli/stop-signals.ts',
    find: "const onTerm = () => stopFor('SIGTERM');",
    replace: 'const onTerm = () => process.exit(143);',
    test: 'test/launcher/launcher.test.ts',
    foundBy: 'SIGTERM closes the server and the launcher ends with 0',
  },
  {
    name: 'cookies of clients over TLS that are not secure behind a serving thread',
    file: 'src/serve/threads/preface.ts',
    find: "if (client.isSecure) Object.defineProperty(socket, 'encrypted', { value: true });",
    replace: '',
    test: 'test/threads/relay.test.ts',
    foundBy: 'a cookie that is set on HTTPS is secure; the host and the page of a request are checked',
  },
  {
    name: 'a metric of several processes that is the value of the first one',
    file: 'src/observe/merge-metrics.ts',
    find: 'metric.values.set(key, before === undefined ? value : merge(before, value));',
    replace: 'metric.values.set(key, before ?? value);',
    test: 'test/processes/processes.test.ts',
    foundBy: 'are one in metrics, system and log',
    continues: ['spread the streams of the settings and of the API, and each answers for all of them'],
  },
];
