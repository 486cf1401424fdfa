/**
 * The body of a clip as a Matroska file. Its length follows from the sizes of the frames, which are read once
 * from the movie fragment headers; the frames themselves are read when they are sent.
 * In: the groups of a clip. Out: body parts. RFC 9559; docs/media.md 20.
 */
import assert from 'node:assert/strict';
import type { Track } from '@oxbow/media/frame';
import { clockOf, leadOf, planMatroska, trackNumberOf } from '@oxbow/media/matroska/clip';
import {
  type BlockSample,
  type BlockTrack,
  type GroupShape,
  printClusters,
  shapeClusters,
} from '@oxbow/media/matroska/cluster';
import { mapEach } from '../../lib/map-each.ts';
import type { BodyPart } from '../reply.ts';
import type { Memo } from '../segment-memo.ts';
import { ofPortion, type Portion, portionsOf, type RemuxRequest, readFrames, refuse } from './clip-portion.ts';
import { readSamples } from './clip-samples.ts';
import type { MkvEvidence } from './mkv-evidence.ts';

/**
 * The body of a Matroska file.
 *
 * @param memo shapes of portions, shared by all requests
 * @param options.evidence a tag at the end; undefined: none
 * @throws OxbowError `unsupported-media` for segments that cannot be parsed
 */
export async function mkvBody(
  request: RemuxRequest,
  memo: Memo<GroupShape>,
  { signal, evidence }: { readonly signal: AbortSignal; readonly evidence?: MkvEvidence | undefined },
): Promise<BodyPart[]> {
  const { tracks, groups, times, reader } = request;
  const portions = portionsOf(groups);
  const readShape = (portion: Portion) => memo.get(portion.key, () => shapeOf(portion, request));
  const shapes = await mapEach(portions, readShape, { signal });
  const shaped = groups.map((group, i) => {
    return { trackIds: group.tracks.map(({ trackId }) => trackId), shape: shapes[i]! };
  });
  const plan = (tags?: number) => planMatroska(tracks, times, shaped, groups[0]!.startUs / 1000, tags).header;
  // A header with the length of a tag is as long as with another.
  const tagsLength = evidence?.length(plan(1).length);
  const header = plan(tagsLength);
  const media = portions.map((portion, i): BodyPart => {
    const { trackIds, shape } = shaped[i]!;
    const read = async (): Promise<Uint8Array> => {
      const frames = await readFrames(portion, reader);
      const blocks = [...frames].map(([trackId, trackFrames]) => {
        return blockTrackOf(
          tracks,
          trackId,
          trackFrames.map((frame) => ({ ...frame, length: frame.data.length })),
        );
      });
      const bytes = printClusters(blocks, leadOf(tracks), clockOf(tracks, times, i, trackIds));
      assert.equal(bytes.length, shape.length, 'clusters have the computed length');
      return bytes;
    };
    return { length: shape.length, read };
  });
  if (!evidence) return [header, ...media];
  const read = async (): Promise<Uint8Array> => {
    const bytes = await evidence.print(header, { signal });
    assert.equal(bytes.length, tagsLength, 'the evidence has the computed length');
    return bytes;
  };
  return [header, ...media, { length: tagsLength!, read }];
}

async function shapeOf(
  portion: Portion,
  { tracks, reader }: Pick<RemuxRequest, 'tracks' | 'reader'>,
): Promise<GroupShape> {
  const blocks: BlockTrack[] = [];
  for (const segment of portion.segments) {
    const samples = (await readSamples(reader, segment.location ?? portion.group.location, segment)) ?? refuse(portion);
    blocks.push(blockTrackOf(tracks, segment.trackId, ofPortion(portion, segment.trackId, samples)));
  }
  return shapeClusters(blocks, leadOf(tracks));
}

function blockTrackOf<S extends BlockSample>(
  tracks: readonly Track[],
  trackId: number,
  samples: readonly S[],
): BlockTrack<S> {
  const number = trackNumberOf(tracks, trackId);
  return { number, timescale: tracks[number - 1]!.timescale, samples };
}
