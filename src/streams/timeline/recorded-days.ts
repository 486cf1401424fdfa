/**
 * What a stream has recorded by day, for calendars.
 * In: the sums that the database keeps, groups that are in no finished file, what was found later. Out:
 * RecordedDays.
 */
import type { LocalDays } from '../../api/local-days.ts';
import type { RecordedDays } from '../../api/measure/recorded-days.ts';
import { countFilled, gapsOfFile } from '../../recording/healed/healed-days.ts';
import { readHealed } from '../../recording/healed/healed-pieces.ts';
import type { RecordedGroup, RecordingReader } from '../../recording/recording-reader.ts';
import type { DaySums } from '../../recording/sums/recorded-sums.ts';
import type { ManagedStream } from '../managed-stream.ts';
import { timeOf } from '../public-values.ts';
import type { StoredRecordings } from '../stream-deps.ts';

/** Days with found media whose files are read one by one; on further ones gaps that are filled count. */
const MAX_HEALED_DAYS = 62;

type Day = { -readonly [K in keyof DaySums]: DaySums[K] };

/** Reads the days of a stream. */
export async function readRecordedDays(
  { table, chunks }: Pick<StoredRecordings, 'table' | 'chunks'>,
  { definition: { id }, served: { recording } }: Pick<ManagedStream, 'definition' | 'served'>,
  { zone, names, startsMs }: LocalDays,
): Promise<RecordedDays> {
  const startsUs = startsMs.map((ms) => ms * 1000);
  const indexed = await recording.query(async () => ({
    days: await table.days(id, startsUs),
    lastMsn: (await chunks.last(id))?.last_msn ?? -1,
  }));
  const days = new Map(indexed.days.map((sums): [number, Day] => [sums.index, { ...sums }]));
  for (const group of recording.open) if (group.msn > indexed.lastMsn) addGroup(days, startsUs, group);
  if (recording.healed) await addFound(days, startsUs, { table, chunks, id, healed: recording.healed });
  for (const qualityId of await table.qualitiesOf(id))
    for (const { index, bytes } of await table.days(qualityId, startsUs)) {
      const day = days.get(index);
      if (day) day.bytes += bytes;
    }
  const sorted = [...days.values()].sort((a, b) => a.index - b.index);
  return { zone, from: names[0]!, to: names.at(-1)!, days: sorted.map((day) => viewOf(day, names[day.index]!)) };
}

/**
 * Adds what was found later: its time counts, and files whose gaps it fills are complete. Its bytes count
 * with those of qualities.
 */
async function addFound(
  days: Map<number, Day>,
  startsUs: readonly number[],
  {
    table,
    chunks,
    id,
    healed,
  }: Pick<StoredRecordings, 'table' | 'chunks'> & { readonly id: string; readonly healed: RecordingReader },
): Promise<void> {
  const found = await healed.query(() => table.days(healed.streamId, startsUs));
  for (const [count, sums] of found.entries()) {
    const { index, fromUs, toUs, durationUs } = sums;
    const day = days.get(index) ?? { ...sums, bytes: 0, durationUs: 0, incomplete: 0 };
    day.durationUs += durationUs;
    day.fromUs = Math.min(day.fromUs, fromUs);
    day.toUs = Math.max(day.toUs, toUs);
    days.set(index, day);
    if (count >= MAX_HEALED_DAYS) continue;
    // A gap before the first file of the day after is of that file.
    for (const at of [index, index + 1]) {
      const next = days.get(at);
      const [startUs, endUs] = [startsUs[at], startsUs[at + 1]];
      if (!next || next.incomplete === 0 || startUs === undefined || endUs === undefined) continue;
      if (at > index && found.some((other) => other.index === at)) continue;
      const files = (await chunks.spansBetween(id, startUs, endUs)).filter((file) => file.start_us >= startUs);
      const gaps = files.flatMap(gapsOfFile);
      if (gaps.length === 0) continue;
      const first = Math.min(...gaps.map((gap) => gap.fromUs));
      const { spans } = await readHealed(healed, chunks, first, endUs);
      next.incomplete -= countFilled(files, spans);
    }
  }
}

/** Adds media that is in no finished file to its day. */
function addGroup(days: Map<number, Day>, startsUs: readonly number[], group: RecordedGroup): void {
  const { startUs, durationUs, tracks } = group;
  const index = startsUs.findLastIndex((us) => us <= startUs);
  if (index < 0 || index === startsUs.length - 1) return;
  const nothing = { index, fromUs: startUs, toUs: startUs, files: 0, bytes: 0, durationUs: 0, incomplete: 0 };
  const day = days.get(index) ?? nothing;
  day.durationUs += durationUs;
  day.toUs = Math.max(day.toUs, startUs + durationUs);
  day.bytes += tracks.reduce((bytes, { length }) => bytes + length, 0);
  days.set(index, day);
}

function viewOf({ fromUs, toUs, durationUs, bytes, files, incomplete }: Day, day: string) {
  const seconds = Math.round(durationUs / 1000) / 1000;
  return { day, from: timeOf(fromUs), to: timeOf(toUs), seconds, bytes, files, incomplete };
}
