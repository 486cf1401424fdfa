/**
 * What must be true of everything that a harness gave out: our own rules over lists, reloads, bytes, and over the past.
 * In: a harness whose play is over. Out: an assertion that names every rule that was not kept.
 */
import assert from 'node:assert/strict';
import { sameBytes } from '../../../src/lib/bytes.ts';
import { readBoxes } from '../../../src/media/isobmff/box.ts';
import type { MediaPlaylist } from '../../../src/media/m3u8/playlist.ts';
import { printFindings } from '../checker.ts';
import { type Player, type ReceivedPlaylist, resolve } from './recording-player.ts';
import type { StreamHarness } from './stream-harness.ts';

/** The last list of a player that was not a delta. */
export function lastList(player: Player): ReceivedPlaylist {
  const last = player.received.findLast(({ how }) => how !== 'delta');
  assert.ok(last, `${player.path} was never answered`);
  return last;
}

/** The player of a rendition's newest list. */
export function playerOf(harness: StreamHarness, rendition: string): Player {
  const own = [...harness.players].filter(([path]) => path.includes(`/${rendition}/`));
  assert.ok(own.length > 0, `nobody follows ${rendition}`);
  return own.at(-1)![1];
}

/** Asserts all that must be true of the live lists; `except` are advices that this media cannot follow. */
export async function assertLive(harness: StreamHarness, except: readonly string[] = []): Promise<void> {
  const found = await harness.checker.finish();
  const findings = found.filter(({ rule, severity }) => severity === 'must' && !except.includes(rule));
  assert.equal(printFindings(findings), '');
  for (const player of harness.players.values()) {
    if (player.received.length === 0) continue;
    assertHints(player);
    const { list, path } = lastList(player);
    // Of older generations nothing is promised any more but their segments.
    const { status } = await harness.fetch(path);
    await assertBytes(harness, path, status === 200 ? list : withoutParts(list));
  }
}

function withoutParts(list: MediaPlaylist): MediaPlaylist {
  const whole = list.segments.filter(({ uri }) => uri !== '');
  return { ...list, segments: whole.map((segment) => ({ ...segment, parts: [] })) };
}

/** A hinted part came under that name, or 404 said that it will not (RFC 8216bis 6.2.6); every part that came was hinted before. */
function assertHints({ path, hints, received }: Player): void {
  const listed = new Set(
    received.flatMap(({ list }) => list.segments.flatMap(({ parts }) => parts.map(({ uri }) => resolve(path, uri)))),
  );
  // A list that another process took over has its parts no more: the last may have come unseen.
  const bare = new Set(received.at(-1)?.list.segments.flatMap(({ uri, parts }) => (parts.length === 0 ? [uri] : [])));
  for (const [hint, answer] of hints) {
    if (!answer || (answer.status === 200 && bare.has(hint.replace(/^.*\/(\d+)\.\d+/, '$1')))) continue;
    assert.equal(answer.status, listed.has(hint) ? 200 : 404, `${hint} was hinted`);
  }
}

/** The parts of a segment are its bytes, and each is what its hint gave. */
async function assertBytes(harness: StreamHarness, path: string, { segments }: MediaPlaylist): Promise<void> {
  const player = harness.players.get(path);
  const get = async (uri: string): Promise<Uint8Array> => {
    const at = resolve(path, uri);
    const { status, code, body } = await harness.fetch(at);
    assert.equal(status, 200, `${at}: ${code}`);
    const hinted = player?.hints.get(at);
    if (hinted?.status === 200) assert.ok(sameBytes(hinted.body, body), `${at} is what was held for it`);
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

/** Movie fragments, each with its data, as one string: muxed parts have them in another order than the segment. */
function fragments(bytes: Uint8Array): string[] {
  return readBoxes(bytes)
    .filter(({ type }) => type === 'moof')
    .map((moof, i, all) => Buffer.from(bytes.subarray(moof.start, all[i + 1]?.start)).toString('base64'));
}
