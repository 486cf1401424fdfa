import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseMediaAddress } from '../../api/media-address.ts';
import { Viewers } from '../viewers.ts';
import { AnonymousPlayers } from './anonymous-players.ts';

const START = 869_624_096;

const addressOf = (path: string) => parseMediaAddress(path)!;
const segment = (msn: number) => addressOf(`/live/door/av0/${msn}.m4s`);

suite('players with the same address and User-Agent', () => {
  test('are counted apart: three that follow a live list, one of them seconds behind', () => {
    let ms = 0;
    const viewers = new Viewers({ nowMs: () => ms });
    // Segments of two seconds; the third player is three segments behind.
    for (let i = 0; i < 30; i++) {
      for (const behind of [0, 0, 3]) viewers.seen('door', 'a', segment(START + i - behind));
      ms += 2000;
    }
    assert.equal(viewers.of('door'), 3);
    // One leaves.
    for (let i = 30; i < 60; i++) {
      for (const behind of [0, 3]) viewers.seen('door', 'a', segment(START + i - behind));
      ms += 2000;
    }
    assert.equal(viewers.of('door'), 2);
  });

  test('one player stays one: with its own sound, in parts and rewinding', () => {
    let ms = 0;
    const viewers = new Viewers({ nowMs: () => ms });
    for (let i = 0; i < 20; i++) {
      for (const id of ['v0', 'a0']) {
        for (let part = 0; part < 10; part++)
          viewers.seen('door', 'a', addressOf(`/live/door/${id}/${START + i}.${part}.m4s`));
      }
      viewers.seen('door', 'a', addressOf(`/live/door/v0/${START - 500 + i}.m4s`));
      viewers.seen('door', 'a', addressOf('/live/door/v0/g7.m3u8'));
      ms += 2000;
    }
    assert.equal(viewers.of('door'), 1);
  });

  test('cost no more memory and no higher count than their bounds', () => {
    const anonymous = new AnonymousPlayers(() => 0);
    const names = new Set<string>();
    for (let i = 0; i < 1000; i++) names.add(anonymous.nameOf('door', 'a', segment(START)));
    assert.equal(names.size, 100);
    for (let i = 0; i < 10_000; i++) anonymous.nameOf('door', `p${i}`, segment(START));
    assert.equal(anonymous.nameOf('door', 'p9999', segment(START)), 'p9999', 'there was no room for it');
  });
});
