/**
 * The API of alarms: implements AlarmsApi on the center and the table.
 * In: names and times that HTTP has checked. Out: the JSON of api/alarms.
 */

import { FormatError } from '@oxbow/media/errors';
import { alarmCodes, alarmTable } from '../../api/alarms/alarm-rules.ts';
import type { AlarmMute, AlarmRuleView, AlarmView } from '../../api/alarms/alarm-shapes.ts';
import type { AlarmsApi } from '../../api/alarms/alarms-api.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { parseDuration } from '../../lib/duration.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { AlarmCenter } from './alarm-center.ts';
import type { AlarmTable, StoredAlarm, StoredMute } from './alarm-table.ts';
import { type HappenedParts, whatHappened } from './happened.ts';

/** Longest time for which a stream is muted, ms. */
const MAX_MUTE_MS = 31 * 86_400_000;

/** Dependencies of the API. */
interface AlarmsApiParts extends HappenedParts {
  readonly center: AlarmCenter;
  readonly table: AlarmTable;
  readonly catalog: Pick<Catalog, 'get'>;
  readonly clock: { nowMs(): number };
}

export function createAlarmsApi({ center, table, journal, catalog, streams, audit, clock }: AlarmsApiParts): AlarmsApi {
  return {
    async list(query) {
      const rows = await table.page({ ...query, limit: query.limit + 1 });
      const items = rows.slice(0, query.limit);
      return { items: items.map(viewOf), nextCursor: rows.length > items.length ? items.at(-1)!.id : null };
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
            alarm: code,
            severity,
            on: isOn,
            meaning: sentence,
            unit,
            side,
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
    async happened(name, range) {
      const { id } = catalog.get(name).definition;
      await center.flush();
      return whatHappened({ table, journal, streams, audit }, { name, id }, range);
    },
  };
}

function viewOf(alarm: StoredAlarm): AlarmView {
  const time = (ms: number | undefined) => (ms === undefined ? null : printRfc3339(ms));
  return {
    id: alarm.id,
    stream: alarm.stream,
    alarm: alarm.code,
    severity: alarmTable[alarm.code]?.severity ?? 'warning',
    from: printRfc3339(alarm.fromMs),
    raisedAt: printRfc3339(alarm.raisedMs),
    clearedAt: time(alarm.clearedMs),
    value: alarm.worst ?? null,
    threshold: alarm.threshold ?? null,
    acknowledgedAt: time(alarm.acknowledgedMs),
    acknowledgedBy: alarm.acknowledgedBy,
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
