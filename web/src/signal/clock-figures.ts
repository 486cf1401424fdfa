/**
 * The clocks of a stream as figures with a name.
 * In: `sync` of the API. Out: rows; names are text keys. Pure.
 */
import type { StreamSync } from '../api/publishing.ts';
import type { TextKey } from '../text/text.ts';

/** The known figures. Without a run there are none. */
export function clockFigures({
  run,
  drift,
  avOffset,
  audioOffset,
}: StreamSync): readonly { name: TextKey; value: string }[] {
  if (!run) return [];
  const rows: readonly (readonly [TextKey, number | null, string])[] = [
    ['signal.drift', drift, 'ppm'],
    ['signal.avOffset', avOffset, 'ms'],
    ['signal.audioOffset', audioOffset === 0 ? null : audioOffset, 'ms'],
  ];
  return rows.flatMap(([name, value, unit]) => (value === null ? [] : [{ name, value: `${signed(value)} ${unit}` }]));
}

/** A number without a fraction, with its sign; 0 has none. */
function signed(value: number): string {
  const rounded = Math.round(value);
  if (rounded === 0) return '0';
  return rounded > 0 ? `+${rounded}` : `−${-rounded}`;
}
