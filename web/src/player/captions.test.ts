import assert from 'node:assert/strict';
import { test } from 'node:test';
import type Hls from 'hls.js';
import { addCaptionsOfMuxed, captionsOf, followCaptions, showCaptions } from '../media/captions.ts';

type Listener = (event: string, data: unknown) => void;

/** An hls.js whose element has these text tracks, with subtitles of these names. */
function fake(tracks: { kind: string; label: string; language: string; mode: string }[], subtitles: string[] = []) {
  const listeners = new Map<string, Listener>();
  const added: (() => void)[] = [];
  const textTracks = Object.assign(tracks, {
    addEventListener: (_: string, listener: () => void) => added.push(listener),
  });
  const hls = {
    media: { textTracks },
    subtitleTracks: subtitles.map((name) => ({ name })),
    on: (event: string, listener: Listener) => listeners.set(event, listener),
  };
  let changes = 0;
  const Engine = { Events: { MANIFEST_LOADED: 'loaded', MEDIA_ATTACHED: 'attached', DESTROYING: 'destroying' } };
  followCaptions(Engine as unknown as typeof Hls, hls as unknown as Hls, () => changes++);
  listeners.get('attached')!('attached', { media: hls.media });
  return {
    hls: hls as unknown as Hls,
    load: (captions: readonly object[]) => listeners.get('loaded')!('loaded', { captions }),
    add(track: (typeof tracks)[number]) {
      textTracks.push(track);
      for (const listener of added) listener();
    },
    changes: () => changes,
  };
}
const track = (label: string, language = '') => ({ kind: 'captions', label, language, mode: 'hidden' });

test('announced captions are listed before hls.js finds them, with their names, and shown when they are chosen', () => {
  const { hls, load, add, changes } = fake([{ ...track('Deutsch', 'de'), kind: 'subtitles' }]);
  load([
    { instreamId: 'CC1', name: 'English', lang: 'en' },
    { instreamId: 'CC3', name: 'CC3' },
    { instreamId: 'SERVICE1', name: 'Captions 1' },
  ]);
  const english = { id: 'cc:en/English', language: 'en', label: 'English' };
  assert.deepEqual(captionsOf(hls), [english, { id: 'cc:/CC3', language: '', label: 'CC3' }]);
  // hls.js gives CC1 the name of SERVICE1.
  const found = track('Captions 1', 'en');
  add(found);
  assert.equal(changes(), 1);
  assert.equal(captionsOf(hls).length, 2);
  showCaptions(hls, english.id);
  assert.equal(found.mode, 'showing');
  showCaptions(hls, null);
  assert.equal(found.mode, 'hidden');
});

test('captions that no playlist announces are listed once hls.js finds them', () => {
  const { hls, load, add } = fake([]);
  load([]);
  assert.deepEqual(captionsOf(hls), []);
  add(track('CC1'));
  assert.deepEqual(captionsOf(hls), [{ id: 'cc:/CC1', language: '', label: 'CC1' }]);
});

test('captions that are text of the asset are not listed again; other captions with the name of a subtitle are', () => {
  const { hls, load, add } = fake([], ['CC1', 'English']);
  load([
    { instreamId: 'CC1', name: 'CC1' },
    { instreamId: 'CC2', name: 'CC2' },
    { instreamId: 'CC3', name: 'English', lang: 'en' },
  ]);
  add(track('CC1'));
  assert.deepEqual(
    captionsOf(hls).map(({ label }) => label),
    ['CC2', 'English'],
  );
});

test('hls.js adds the captions of a rendition with picture and sound as those of a picture', () => {
  const seen: object[] = [];
  class Decoder {
    onBufferAppended(_: string, { type, timeRanges }: { type: string; timeRanges: object }): void {
      seen.push({ type, ...timeRanges });
    }
  }
  const Engine = { DefaultConfig: { timelineController: Decoder } };
  addCaptionsOfMuxed(Engine as unknown as typeof Hls);
  addCaptionsOfMuxed(Engine as unknown as typeof Hls);
  const decoder = new Engine.DefaultConfig.timelineController();
  decoder.onBufferAppended('', { type: 'audiovideo', timeRanges: { audiovideo: 1 } });
  decoder.onBufferAppended('', { type: 'audio', timeRanges: { audio: 2 } });
  assert.deepEqual(seen, [
    { type: 'video', audiovideo: 1, video: 1 },
    { type: 'audio', audio: 2 },
  ]);
});
