/**
 * The JSON of alarms, of muted streams, and of what happened to a stream around an instant.
 * In: features/alarms. Out: `GET /alarms`, `…/streams/{name}/history`, events, the interface.
 */
import type { Static } from 'typebox';
import { StatsHistory } from '../measure/stats-shapes.ts';
import { Type } from '../type.ts';
import { type AlarmCode, alarmCodes } from './alarm-rules.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });
const orNull = <T extends ReturnType<typeof Type.String>>(type: T, description: string) =>
  Type.Union([type, Type.Null()], { description });

/** The name of a rule. */
export const AlarmCodeView = Type.Unsafe<AlarmCode>(Type.String({ enum: [...alarmCodes] }));

const Severity = Type.Union([Type.Literal('critical'), Type.Literal('warning')]);
const value = Type.Union([Type.Number(), Type.Null()], {
  description:
    'the value that was furthest beyond the threshold: bit/s, frames a second, seconds, percent, dB or a number, as the rule has it; null for rules without a value',
});

export const AlarmView = Type.Object(
  {
    id: Type.String(),
    stream: Type.String({ description: 'name of the stream when it was raised' }),
    alarm: AlarmCodeView,
    severity: Severity,
    from: Type.String({ ...Time, description: 'since when the value was beyond the threshold' }),
    raisedAt: Time,
    clearedAt: orNull(Time, 'null: it is active'),
    value,
    threshold: Type.Union([Type.Number(), Type.Null()]),
    acknowledgedAt: orNull(Time, 'null: no one has acknowledged it'),
    acknowledgedBy: Type.String({ description: 'as in the audit log; empty if no one has' }),
  },
  { $id: 'AlarmView' },
);
export type AlarmView = Static<typeof AlarmView>;

/** The data of `alarm.raised` and `alarm.cleared`. */
export const AlarmData = Type.Object({
  id: Type.String(),
  alarm: AlarmCodeView,
  severity: Severity,
  from: AlarmView.properties.from,
  to: orNull(Time, 'when it was cleared; null: it is active'),
  value,
  threshold: AlarmView.properties.threshold,
  detail: Type.String({ description: 'what it means, in a sentence' }),
});
export type AlarmData = Static<typeof AlarmData>;

/** Until when a stream raises no alarm. */
export const AlarmMute = Type.Object(
  {
    stream: Type.String(),
    until: Time,
    by: Type.String({ description: 'who has muted it, as in the audit log' }),
    reason: Type.String(),
  },
  { $id: 'AlarmMute' },
);
export type AlarmMute = Static<typeof AlarmMute>;

/** Body of PUT /streams/{name}/alarms/mute. */
export const AlarmMuteSettings = Type.Object(
  {
    for: Type.String({ maxLength: 20, description: 'how long, e.g. `2h`; at most 31 days' }),
    reason: Type.Optional(Type.String({ maxLength: 200, description: 'e.g. `maintenance`' })),
  },
  { $id: 'AlarmMuteSettings', additionalProperties: false },
);
export type AlarmMuteSettings = Static<typeof AlarmMuteSettings>;

/** The rule of a stream as it is in force. */
export const AlarmRuleView = Type.Object(
  {
    alarm: AlarmCodeView,
    severity: Severity,
    on: Type.Boolean(),
    meaning: Type.String(),
    unit: Type.String({
      description: '`state` (no threshold), `bitrate`, `rate`, `seconds`, `percent`, `decibel`, `level`, `count`',
    }),
    side: Type.Union([Type.Literal('above'), Type.Literal('below')]),
    raise: Type.Object({ at: Type.Number(), relative: Type.Boolean(), for: Type.Number({ description: 'seconds' }) }),
    clear: Type.Object({ at: Type.Number(), relative: Type.Boolean(), for: Type.Number({ description: 'seconds' }) }),
    active: Type.Boolean(),
  },
  { $id: 'AlarmRuleView' },
);
export type AlarmRuleView = Static<typeof AlarmRuleView>;

/** The rules of a stream. */
export const StreamAlarms = Type.Object(
  {
    muted: Type.Union([AlarmMute, Type.Null()]),
    contentAbsent: Type.String({
      description: 'why black, frozen and silent media is not found now; empty if it is',
    }),
    rules: Type.Array(AlarmRuleView),
  },
  { $id: 'StreamAlarms' },
);
export type StreamAlarms = Static<typeof StreamAlarms>;

/** Something that happened to a stream. */
export const HappenedItem = Type.Object(
  {
    at: Time,
    to: orNull(Time, 'null: an instant, or it lasts'),
    kind: Type.Union([
      Type.Literal('gap', { description: 'media is missing; `code` is the cause' }),
      Type.Literal('offline', { description: 'no media was expected' }),
      Type.Literal('alarm', { description: '`code` is the rule' }),
      Type.Literal('event', { description: '`code` is the type of the event, e.g. `publish.ended`' }),
      Type.Literal('change', { description: 'a request that changed the stream; `code` is the operation' }),
    ]),
    code: Type.String(),
    detail: Type.String({ description: 'for a person; may be empty' }),
    by: Type.String({ description: 'the publisher, or who made the request; empty if no one did' }),
  },
  { $id: 'HappenedItem' },
);
export type HappenedItem = Static<typeof HappenedItem>;

/** What happened to a stream around an instant. */
export const StreamHappened = Type.Object(
  {
    at: Time,
    from: Time,
    to: Time,
    recorded: Type.Boolean({ description: 'media of this instant is recorded' }),
    still: orNull(Type.String(), 'path of the picture at this instant; null if nothing is recorded there'),
    figures: Type.Object(
      Object.fromEntries(
        Object.keys(StatsHistory.properties.series.properties).map((name) => [
          name,
          Type.Union([Type.Number(), Type.Null()]),
        ]),
      ) as Record<keyof StatsHistory['series'], ReturnType<typeof numberOrNull>>,
      { description: 'of the minute of this instant, as in StatsHistory' },
    ),
    items: Type.Array(HappenedItem, { description: 'oldest first, at most 500' }),
  },
  { $id: 'StreamHappened' },
);
export type StreamHappened = Static<typeof StreamHappened>;

function numberOrNull() {
  return Type.Union([Type.Number(), Type.Null()]);
}
