import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@oxbow/media/random.fixture';
import { Check } from 'typebox/value';
import { clientMessages } from '../../../api/room/messages.ts';
import { type CheckedSchema, compileSchema } from './check-schema.ts';
import { parseMessage } from './parse-message.ts';

test('the path of the first value that breaks the schema is returned, cut where the client chose it', () => {
  const check = compileSchema(clientMessages.vote as CheckedSchema);
  assert.equal(check({ t: 'vote', poll: 'p', choices: [0, 19] }), undefined);
  assert.equal(check({ t: 'vote', poll: 'p', choices: [0, 20] }), 'choices/1');
  assert.equal(check({ t: 'vote', choices: [] }), 'poll');
  assert.equal(check({ t: 'vote', poll: 'p', choices: [], ['x'.repeat(1000)]: 1 }), 'x'.repeat(40));
  assert.equal(check([]), '');
});

test('texts are measured in code points', () => {
  const check = compileSchema({ type: 'string', minLength: 2, maxLength: 3 });
  for (const [text, found] of [
    ['🎉', ''],
    ['🎉🎉', undefined],
    ['🎉🎉🎉', undefined],
    ['abcd', ''],
    ['', ''],
  ] as const)
    assert.equal(check(text), found, text);
});

test('a keyword that is not known shows when the schema is compiled', () => {
  for (const schema of [{ type: 'string', format: 'date' }, { type: 'tuple' }, { type: 'object', properties: {} }])
    assert.throws(() => compileSchema(schema as CheckedSchema), TypeError);
});

/** Values that are near a message. */
const values = [
  ...[
    '',
    'x',
    'hello',
    'chat',
    '#00ff00',
    '#00FF00',
    'scroll',
    'play',
    'abcdefgh',
    'x'.repeat(2001),
    '\0',
    '🎉'.repeat(150),
  ],
  ...[0, -0, -1, 1, 1.5, 4, 4.1, 1e300, null, true, false, [], [1], [0, 1.5], [[]], {}, { t: 1 }],
];
const names = [
  ...new Set(Object.values(clientMessages).flatMap((one) => Object.keys(one.properties))),
  'other',
  '__proto__',
];

test('ten thousand random messages are judged as typebox judges them', () => {
  const random = seeded(15);
  const types = Object.keys(clientMessages) as (keyof typeof clientMessages)[];
  let good = 0;
  for (let i = 0; i < 10_000; i++) {
    const t = types[random(types.length)]!;
    const known = Object.keys(clientMessages[t].properties);
    const message: Record<string, unknown> = { t };
    for (const name of known) if (name !== 't' && random(4) > 0) message[name] = values[random(values.length)];
    if (random(5) === 0) message[names[random(names.length)]!] = values[random(values.length)];
    const text = JSON.stringify(message);
    const found = parseMessage(text);
    const isGood = !('problem' in found);
    if (isGood) good++;
    const schema = clientMessages[JSON.parse(text).t as typeof t];
    assert.equal(isGood, schema !== undefined && Check(schema, JSON.parse(text)), text);
  }
  assert.ok(good > 100, `${good} of them are messages`);
});

test('no text makes the parser throw', () => {
  const random = seeded(16);
  for (const text of [
    '',
    'null',
    '[]',
    '1',
    '"t"',
    '{}',
    '{"t":"__proto__"}',
    '{"t":"hello","__proto__":{}}',
    '{"t":["hello"]}',
  ])
    assert.ok(text.includes('t":"hello"') || 'problem' in parseMessage(text), text);
  for (let i = 0; i < 2000; i++) {
    const text = [...'{"t":"hello","since":12}']
      .map((one) => (random(10) ? one : String.fromCharCode(random(200))))
      .join('');
    parseMessage(text);
  }
});
