import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterSection } from './cluster-section.ts';

test('the address of a node has no path, which its requests would not have, and no password', () => {
  const { url } = clusterSection.children;
  assert.equal(url.parse(''), undefined);
  assert.equal(url.parse('http://10.0.0.5:8080/'), 'http://10.0.0.5:8080');
  assert.equal(url.parse('https://[fd00::5]'), 'https://[fd00::5]');
  for (const given of ['http://lb.example/a', 'http://u:p@10.0.0.5', 'http://10.0.0.5/?a', 'http://10.0.0.5/#a']) {
    assert.throws(() => url.parse(given), { name: 'FormatError' }, given);
  }
});

test('a node has no name of a process of a server', () => {
  const { node } = clusterSection.children;
  for (const name of ['node', 'process', 'process-a', 'a-process-1']) assert.equal(node.parse(name), name);
  for (const name of ['process-1', 'process-16']) assert.throws(() => node.parse(name), { name: 'FormatError' }, name);
});
