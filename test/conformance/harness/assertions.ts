/**
 * Assertions about all responses of a harness: rules about playlists, reloads, bytes, and the past.
 * In: a harness whose playback has ended. Out: an assertion error with all violated rules.
 */
import assert from 'node:assert/strict';
import { sameBytes } from '@oxbow/media/bytes';
import { readBoxes } from '@oxbow/media/isobmff/box';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { printFindings } from '../checker.ts';
import { type Player, type ReceivedPlaylist, resolve } from './recording-player.ts';
import type { StreamHarness } from './stream-harness.ts';

/** The last playlist of a player that is not a delta update. */
export function lastList(player: Player): ReceivedPlaylist {
  const last = player.received.findLast(({ how }) => how !== 'delta');
  assert.ok(last, `${player.path} was never answered`);
  return last;
}

/** The player of the newest playlist of a rendition. */
export function playerOf(harness: StreamHarness, rendition: string): Player {
  const own = [...harness.players].filter(([path]) => path.includes(`/${rendition}/`));
  assert.ok(own.length > 0, `no player follows ${rendition}`);
  return own.at(-1)![1];
}

/** Asserts all rules of live playlists. @param except rules that this media cannot satisfy */
export async function assertLive(harness: StreamHarness, except: readonly string[] = []): Promise<void> {
  const found = await harness.checker.finish();
  const findings = found.filter(({ rule, severity }) => severity === 'must' && !except.includes(rule));
  assert.equal(printFindings(findings), '');
  for (const player of harness.players.values()) {
    if (player.received.length === 0) continue;
    assertHints(player);
    const { list, path } = lastList(player);
    // Of older generations only the segments are still available.
    const { status } = await harness.fetch(path);
    await assertBytes(harness, path, status === 200 ? list : withoutParts(list));
  }
}

function withoutParts(list: MediaPlaylist): MediaPlaylist {
  const whole = list.segments.filter(({ uri }) => uri !== '');
  return { ...list, segments: whole.map((segment) => ({ ...segment, parts: [] })) };
}

/** A hinted part was returned under its name, or 404 if it never will be (RFC 8216bis 6.2.6). */
function assertHints({ path, hints, received }: Player): void {
  const lists = [...new Set(received.map(({ list }) => list))];
  const listed = new Set(
    lists.flatMap((list) => list.segments.flatMap(({ parts }) => parts.map(({ uri }) => resolve(path, uri)))),
  );
  // After a restart the playlist has no parts of older segments: the last one may be missing in `received`.
  const bare = new Set(received.at(-1)?.list.segments.flatMap(({ uri, parts }) => (parts.length === 0 ? [uri] : [])));
  for (const [hint, answer] of hints) {
    if (!answer || (answer.status === 200 && bare.has(hint.replace(/^.*\/(\d+)\.\d+/, '$1')))) continue;
    assert.equal(answer.status, listed.has(hint) ? 200 : 404, `${hint} was hinted in ${path}`);
  }
}

/** The parts of a segment are its bytes, and each equals the response to its hint. */
async function assertBytes(harness: StreamHarness, path: string, { segments }: MediaPlaylist): Promise<void> {
  const player = harness.players.get(path);
  const get = async (uri: string): Promise<Uint8Array> => {
    const at = resolve(path, uri);
    const { status, code, body } = await harness.fetch(at);
    assert.equal(status, 200, `${at}: ${code}`);
    const hinted = player?.hints.get(at);
    if (hinted?.status === 200) assert.ok(sameBytes(hinted.body, body), `${at} equals the response to its hint`);
    return body;
  };
  for (const { uri, gap, parts, map } of segments) {
    if (map) assert.equal((await harness.fetch(resolve(path, map.uri))).status, 200);
    const joined = await Promise.all(parts.map((part) => get(part.uri)));
    if (uri === '') continue;
    if (gap) {
      assert.equal((await harness.fetch(resolve(path, uri))).status, 404, `${uri} is a gap`);
      continue;
    }
    const whole = await get(uri);
    if (parts.length > 0)
      assert.deepEqual(joined.flatMap(fragments).sort(), fragments(whole).sort(), `the parts of ${uri}`);
  }
}

/** Movie fragments with their data as strings: muxed parts have them in another order than the segment. */
function fragments(bytes: Uint8Array): string[] {
  return readBoxes(bytes)
    .filter(({ type }) => type === 'moof')
    .map((moof, i, all) => Buffer.from(bytes.subarray(moof.start, all[i + 1]?.start)).toString('base64'));
}
