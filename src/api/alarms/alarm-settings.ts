/**
 * The setting of a stream that changes the rules of its alarms, in the JSON of the API.
 * In: nothing. Out: shapes.ts.
 */
import { Type } from '../type.ts';
import { MAX_ALARM_RULES } from './alarm-rules.ts';

/** Part of StreamSettings and StreamPatch. */
export const alarmSettings = {
  alarms: Type.Optional(
    Type.Union([
      Type.String({
        maxLength: MAX_ALARM_RULES,
        description: 'changes of the rules of alarms, e.g. `freeze off, low-bitrate 1M for 20s`; empty: none',
      }),
      Type.Null(),
    ]),
  ),
};
