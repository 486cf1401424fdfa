import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { FormatError } from '../errors.ts';
import { putInVariables } from './put-in-variables.ts';

suite('variables of a playlist (RFC 8216bis 4.3)', () => {
  test('are put into addresses and tags, and their definitions are gone', () => {
    const text = [
      '#EXTM3U',
      '#EXT-X-DEFINE:NAME="key",VALUE="s3cret"',
      '#EXT-X-DEFINE:QUERYPARAM="q"',
      '#EXT-X-DEFINE:IMPORT="host"',
      '#EXT-X-DEFINE:NAME="base",VALUE="https://{$host}/v"',
      '# {$key} in a comment',
      '#EXT-X-MAP:URI="{$base}/init.mp4?k={$key}"',
      '#EXTINF:4,{$title}',
      '{$base}/1.ts?{$q}',
      '',
    ].join('\r\n');
    const filled = putInVariables(text, {
      query: new Map([['q', 'x=1']]),
      imports: new Map([['host', 'h.example']]),
    });
    assert.deepEqual(filled.text.split('\r\n'), [
      '#EXTM3U',
      '# {$key} in a comment',
      '#EXT-X-MAP:URI="https://h.example/v/init.mp4?k=s3cret"',
      '#EXTINF:4,{$title}',
      'https://h.example/v/1.ts?x=1',
      '',
    ]);
    assert.deepEqual([...filled.variables.keys()], ['key', 'q', 'host', 'base']);
  });

  test('a playlist without them stays as it is', () => {
    const text = '#EXTM3U\n#EXTINF:4,\n{$a}.ts\n';
    assert.equal(putInVariables(text, {}).text, text);
  });

  test('a value cannot end its attribute or its line', () => {
    for (const value of ['a"b', 'a\nb']) {
      const text = '#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM="q"\n#EXT-X-MAP:URI="{$q}"\n';
      assert.throws(() => putInVariables(text, { query: new Map([['q', value]]) }), FormatError);
    }
  });

  test('one that nothing gives is malformed', () => {
    for (const tag of ['IMPORT="x"', 'QUERYPARAM="x"', 'NAME="x"', 'VALUE="x"'])
      assert.throws(() => putInVariables(`#EXTM3U\n#EXT-X-DEFINE:${tag}\n`, {}), FormatError, tag);
  });
});
