/**
 * The API of alarms: implements AlarmsApi on the center, the table, the journal, the timeline and the audit log.
 * In: names and times that HTTP has checked. Out: the JSON of api/alarms.
 */
import type { AuditTrail } from '../../accounts/audit/audit-trail.ts';
import { alarmCodes, alarmTable } from '../../api/alarms/alarm-rules.ts';
import type {
  AlarmMute,
  AlarmRuleView,
  AlarmView,
  HappenedItem,
  StreamHappened,
} from '../../api/alarms/alarm-shapes.ts';
import type { AlarmsApi } from '../../api/alarms/alarms-api.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { StreamsApi } from '../../api/streams-api.ts';
import { parseDuration } from '../../lib/duration.ts';
import { FormatError, OxbowError } from '../../lib/errors.ts';
import type { Catalog } from '../catalog.ts';
import type { AlarmCenter } from './alarm-center.ts';
import type { AlarmTable, StoredAlarm, StoredMute } from './alarm-table.ts';
import type { Journal, JournalEntry } from './journal.ts';

/** Longest time for which a stream is muted, ms. */
const MAX_MUTE_MS = 31 * 86_400_000;
/** Most items of an answer; the oldest are left out. */
const MOST_ITEMS = 500;

/** What the API uses. */
export interface AlarmsApiParts {
  readonly center: AlarmCenter;
  readonly table: AlarmTable;
  readonly journal: Journal;
  readonly catalog: Pick<Catalog, 'get'>;
  readonly streams: Pick<StreamsApi, 'timeline' | 'statsHistory'>;
  readonly audit: Pick<AuditTrail, 'page'>;
  readonly clock: { nowMs(): number };
}

/** Creates the API. */
export function createAlarmsApi({ center, table, journal, catalog, streams, audit, clock }: AlarmsApiParts): AlarmsApi {
  return {
    async list(query) {
      const found = await table.page({ ...query, limit: query.limit + 1 });
      const items = found.slice(0, query.limit);
      return { items: items.map(viewOf), nextCursor: found.length > items.length ? items.at(-1)!.id : null };
    },
    async acknowledge(id, by) {
      const alarm = await table.acknowledge(id, clock.nowMs(), by);
      if (!alarm) throw new OxbowError('alarm-unknown', `There is no alarm ${id.slice(0, 40)}.`);
      return viewOf(alarm);
    },
    rules(name) {
      const { definition, measure } = catalog.get(name);
      const rules = center.rulesOf(definition);
      const active = center.activeOf(definition.id);
      const mute = center.muteOf(definition.id);
      return {
        muted: mute ? muteView(name, mute) : null,
        contentAbsent: measure.content.absent,
        rules: alarmCodes.map((code): AlarmRuleView => {
          const { severity, sentence, unit, side } = alarmTable[code];
          const { isOn, raise, clear } = rules[code];
          return {
            ...{ alarm: code, severity, on: isOn, meaning: sentence, unit, side },
            raise: { at: raise.at, relative: raise.isShare, for: raise.forMs / 1000 },
            clear: { at: clear.at, relative: clear.isShare, for: clear.forMs / 1000 },
            active: active.includes(code),
          };
        }),
      };
    },
    async mute(name, settings, by) {
      const { id: streamId } = catalog.get(name).definition;
      const mute = { streamId, untilMs: clock.nowMs() + muteMs(settings.for), by, reason: settings.reason ?? '' };
      await center.mute(mute);
      return muteView(name, mute);
    },
    async unmute(name) {
      await center.unmute(catalog.get(name).definition.id);
    },
    async happened(name, { fromMs, toMs, atMs }) {
      const { id } = catalog.get(name).definition;
      await center.flush();
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
        ...gaps.map(({ from, to, cause, detail }) => ({
          at: from,
          to,
          kind: 'gap' as const,
          code: cause,
          detail,
          by: '',
        })),
        ...offline.map(({ from, to }) => ({
          at: from,
          to,
          kind: 'offline' as const,
          code: 'offline',
          detail: '',
          by: '',
        })),
        ...alarms.map(alarmItem),
        ...entries.map(eventItem),
        // Refused requests changed nothing.
        ...changes
          .filter(({ status }) => status !== null && status < 400)
          .map(({ atMs: doneMs, action, request, name: by }) => ({
            ...{ at: printRfc3339(doneMs), to: null, kind: 'change' as const, code: action, detail: request, by },
          })),
      ];
      const sorted = items.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
      return {
        ...{ at: printRfc3339(atMs), from: printRfc3339(fromMs), to: printRfc3339(toMs), recorded },
        still: recorded ? `/thumb/${name}/${Math.floor(atMs)}.jpg` : null,
        figures,
        items: sorted.slice(-MOST_ITEMS),
      };
    },
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

/** What the data of an event says to a person. */
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

function viewOf(alarm: StoredAlarm): AlarmView {
  const time = (ms: number | undefined) => (ms === undefined ? null : printRfc3339(ms));
  return {
    ...{
      id: alarm.id,
      stream: alarm.stream,
      alarm: alarm.code,
      severity: alarmTable[alarm.code]?.severity ?? 'warning',
    },
    ...{ from: printRfc3339(alarm.fromMs), raisedAt: printRfc3339(alarm.raisedMs), clearedAt: time(alarm.clearedMs) },
    ...{ value: alarm.worst ?? null, threshold: alarm.threshold ?? null },
    ...{ acknowledgedAt: time(alarm.acknowledgedMs), acknowledgedBy: alarm.acknowledgedBy },
  };
}

function muteView(stream: string, { untilMs, by, reason }: StoredMute): AlarmMute {
  return { stream, until: printRfc3339(untilMs), by, reason };
}

function muteMs(text: string): number {
  try {
    const ms = parseDuration(text);
    if (ms > 0 && ms <= MAX_MUTE_MS) return ms;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  throw new OxbowError('bad-request', `A stream is muted for up to 31 days, not for "${text}"; write 2h.`);
}
