import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findMessages, findRows } from '../../scripts/check-errors.ts';

/** What is wrong with a message; `%` is written for a backtick, `§` for a dollar sign. */
const faultsOf = (text: string): readonly string[] =>
  findMessages('a.ts', text.replaceAll('%', '`').replaceAll('§', '$')).map((problem) =>
    problem.replace(/^a\.ts:\d+: the message /, ''),
  );

test('a message that is a sentence has no fault, whatever it is made of', () => {
  for (const message of [
    "'The file is empty.'",
    "'oxbow is stopping.'",
    "'--title is for one file.'",
    '%storage.targets has no "§{name}".%',
    '%\\%from\\% (§{text}) is in the past.%',
    '%§{name} is taken.%',
    "full ? 'The disk is full.' : 'The disk failed.'",
    '%§{path}: §{sentenceOf(error)}%',
    'detail',
  ]) {
    assert.deepEqual(faultsOf(`new OxbowError('gone', ${message})`), [], message);
  }
});

test('a message without a capital letter or a full stop is refused, and its line is named', () => {
  assert.deepEqual(faultsOf("new OxbowError('gone', 'the file is empty.')"), [
    'does not begin with a capital letter: «the file is empty.»',
  ]);
  assert.deepEqual(faultsOf("new OxbowError('gone', %There is no §{name}%)"), [
    'does not end with a full stop: «There is no …»',
  ]);
  assert.match(findMessages('a.ts', "\n\nnew OxbowError('gone', 'The end')")[0]!, /^a\.ts:3: /);
});

test('a message with several lines, an exclamation mark or a please is refused', () => {
  const [lines, mark, please] = ["'One.\\nTwo.'", "'Stop! It is over.'", "'Please try again.'"].map(
    (message) => faultsOf(`new OxbowError('gone', ${message})`)[0]!,
  );
  assert.match(lines!, /^has several lines/);
  assert.match(mark!, /^has an exclamation mark/);
  assert.match(please!, /^says please/);
});

test('the message of another error is refused, unless it is made a sentence or is that of a refusal', () => {
  for (const message of ['error.message', 'messageOf(error)'])
    assert.equal(faultsOf(`new OxbowError('gone', ${message})`).length, 1, message);
  for (const refusal of ["new OxbowError('gone', sentenceOf(error))", 'new OxbowError(error.code, error.message)'])
    assert.deepEqual(faultsOf(refusal), [], refusal);
});

test('a message is found in a constant, in a subclass, and at the calls of a function that passes it on', () => {
  const constant = "const GONE = 'it is gone.';\nnew OxbowError('gone', GONE)";
  const subclass = "class Gone extends OxbowError { constructor() { super('gone', 'it is gone.'); } }";
  const call = "function refuse(detail) { throw new OxbowError('gone', detail); }\nrefuse('it is gone.')";
  for (const text of [constant, subclass, call]) assert.match(faultsOf(text)[0] ?? '', /^does not begin/, text);
});

test('a title has no full stop, a hint has one', () => {
  const good = { title: 'Unknown job', hint: 'GET /api/v1/jobs lists them.' };
  assert.deepEqual(findRows({ good }), []);
  assert.deepEqual(findRows({ a: { ...good, title: 'Unknown job.' } }).length, 1);
  assert.deepEqual(findRows({ a: { ...good, title: 'unknown job' } }).length, 1);
  assert.deepEqual(findRows({ a: { ...good, hint: 'Try again' } }), [
    'a: the hint does not end with a full stop: «Try again»',
  ]);
});
