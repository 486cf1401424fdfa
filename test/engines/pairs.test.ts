/**
 * Optional engines together: what works with one of them has to work with any two.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { type Combination, titleOf, walk } from './pairs.fixture.ts';

const skip = needPostgres() || need('redis-server') || need('rabbitmq-server') || need('nats-server') || need('ffmpeg');

const combination = (
  store: Combination['store'],
  objects: Combination['objects'],
  bus: Combination['bus'],
  nodes: Combination['nodes'],
  jobs: Combination['jobs'],
): Combination => ({ store, objects, bus, nodes, jobs });

/** Every two engines are in one of these together. */
const combinations: readonly Combination[] = [
  combination('PostgreSQL', 'S3 move', 'Redis', 2, 'table'),
  combination('PostgreSQL', 'folder copy', 'none', 1, 'table'),
  combination('PostgreSQL', 'S3 copy', 'Redis', 2, 'RabbitMQ'),
  combination('PostgreSQL', 'folder move', 'Redis', 2, 'table'),
  combination('PostgreSQL', 'none', 'Redis', 2, 'RabbitMQ'),
  combination('PostgreSQL', 'folder copy', 'Redis', 2, 'RabbitMQ'),
  combination('PostgreSQL', 'S3 copy', 'none', 1, 'table'),
  combination('SQLite', 'folder move', 'none', 1, 'RabbitMQ'),
  combination('SQLite', 'S3 move', 'none', 1, 'RabbitMQ'),
  combination('SQLite', 'S3 copy', 'Redis', 1, 'RabbitMQ'),
  combination('SQLite', 'folder copy', 'Redis', 1, 'table'),
  combination('SQLite', 'none', 'none', 1, 'table'),
  combination('PostgreSQL', 'S3 copy', 'NATS', 2, 'NATS'),
];

/** Pairs that do not exist: nodes share a database and a bus. */
const impossible: ReadonlySet<string> = new Set(['SQLite+2', 'none+2']);

test('every pair of engines is in a combination', () => {
  const values: Readonly<Record<keyof Combination, readonly (string | number)[]>> = {
    store: ['SQLite', 'PostgreSQL'],
    objects: ['none', 'folder copy', 'folder move', 'S3 copy', 'S3 move'],
    bus: ['none', 'Redis'],
    nodes: [1, 2],
    jobs: ['table', 'RabbitMQ'],
  };
  const kinds = Object.keys(values) as (keyof Combination)[];
  const missing = kinds.flatMap((one, i) =>
    kinds.slice(i + 1).flatMap((other) =>
      values[one].flatMap((a) =>
        values[other]
          .filter((b) => !combinations.some((each) => each[one] === a && each[other] === b))
          .filter((b) => !(one === 'store' || one === 'bus') || !impossible.has(`${a}+${b}`))
          .map((b) => `${one} ${a} with ${other} ${b}`),
      ),
    ),
  );
  assert.deepEqual(missing, []);
});

suite('nothing is lost or stays away after a restart, a kill, a takeover, a return and a rebuild', { skip }, () => {
  for (const each of combinations) {
    test(titleOf(each), (t) => walk(each, (text) => t.diagnostic(text)));
  }
});
