/**
 * What happened to a stream around an instant: gaps, alarms, events, and changes of administrators, in one
 * list.
 * In: the timeline, the tables of alarms and of the journal, the audit log. Out: StreamHappened.
 */
import type { AuditTrail } from '../../accounts/audit/audit-trail.ts';
import { alarmTable } from '../../api/alarms/alarm-rules.ts';
import type { HappenedItem, StreamHappened } from '../../api/alarms/alarm-shapes.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { StreamsApi } from '../../api/streams-api.ts';
import type { AlarmTable, StoredAlarm } from './alarm-table.ts';
import type { Journal, JournalEntry } from './journal.ts';

/** Most items of an answer; the oldest are left out. */
const MOST_ITEMS = 500;

/** The sources of the list. */
export interface HappenedParts {
  readonly table: Pick<AlarmTable, 'between'>;
  readonly journal: Pick<Journal, 'between'>;
  readonly streams: Pick<StreamsApi, 'timeline' | 'statsHistory'>;
  readonly audit: Pick<AuditTrail, 'page'>;
}

/**
 * What happened to a stream in a range.
 *
 * @param stream its name, and its id
 * @param range [fromMs, toMs), ms since 1970, and the instant `atMs` in it that the picture and the figures
 *   are of
 */
export async function whatHappened(
  { table, journal, streams, audit }: HappenedParts,
  { name, id }: { readonly name: string; readonly id: string },
  { fromMs, toMs, atMs }: { readonly fromMs: number; readonly toMs: number; readonly atMs: number },
): Promise<StreamHappened> {
  const [timeline, alarms, entries, changes, figures] = await Promise.all([
    streams.timeline(name, fromMs, toMs),
    table.between(id, fromMs, toMs),
    journal.between(id, fromMs, toMs),
    audit.page({ fromMs, toMs, target: `/streams/${name}`, limit: MOST_ITEMS }),
    figuresAt(streams, name, atMs),
  ]);
  const { gaps, offline, spans } = timeline;
  const isIn = ({ from, to }: { from: string; to: string }) => Date.parse(from) <= atMs && atMs < Date.parse(to);
  const recorded = spans.some(isIn);
  const items: HappenedItem[] = [
    ...gaps.map(({ from: at, to, cause, detail }) => ({ at, to, kind: 'gap' as const, code: cause, detail, by: '' })),
    ...offline.map(({ from: at, to }) => ({ at, to, kind: 'offline' as const, code: 'offline', detail: '', by: '' })),
    ...alarms.map(alarmItem),
    ...entries.map(eventItem),
    // Refused requests changed nothing.
    ...changes
      .filter(({ status }) => status !== null && status < 400)
      .map(({ atMs: doneMs, action, request, name: by }) => ({
        at: printRfc3339(doneMs),
        to: null,
        kind: 'change' as const,
        code: action,
        detail: request,
        by,
      })),
  ];
  const sorted = items.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return {
    at: printRfc3339(atMs),
    from: printRfc3339(fromMs),
    to: printRfc3339(toMs),
    recorded,
    still: recorded ? `/thumb/${name}/${Math.floor(atMs)}.jpg` : null,
    figures,
    items: sorted.slice(-MOST_ITEMS),
  };
}

/** The figures of the minute of an instant. */
async function figuresAt(
  streams: Pick<StreamsApi, 'statsHistory'>,
  name: string,
  atMs: number,
): Promise<StreamHappened['figures']> {
  const fromMs = Math.floor(atMs / 60_000) * 60_000;
  const { series } = await streams.statsHistory(name, fromMs, fromMs + 60_000, 60);
  const entries = Object.entries(series).map(([column, values]) => [column, values[0] ?? null]);
  return Object.fromEntries(entries) as StreamHappened['figures'];
}

function alarmItem({ code, fromMs, clearedMs }: StoredAlarm): HappenedItem {
  const to = clearedMs === undefined ? null : printRfc3339(clearedMs);
  return { at: printRfc3339(fromMs), to, kind: 'alarm', code, detail: alarmTable[code]?.sentence ?? '', by: '' };
}

/** The data of an event in words. */
function eventItem({ atMs, type, data }: JournalEntry): HappenedItem {
  const text = (key: string) => {
    const value = (data as Readonly<Record<string, unknown>>)[key];
    return typeof value === 'string' ? value : '';
  };
  const by = [text('protocol').toUpperCase(), text('remote')].filter(Boolean).join(' ');
  const recording = (data as { readonly recording?: boolean }).recording;
  const said = [
    text('role'),
    text('reason'),
    text('target'),
    text('service'),
    text('severity'),
    text('detail'),
    text('text'),
  ];
  const detail = recording === undefined ? said.filter(Boolean).join(': ') : recording ? 'on' : 'off';
  return { at: printRfc3339(atMs), to: null, kind: 'event', code: type, detail, by };
}
