/**
 * The list of sessions as CSV, for spreadsheets.
 * In: sessions. Out: text with a line of names. Pure. RFC 4180.
 */
import { ViewingSession } from '../../api/insight/insight-shapes.ts';

/** In this order. */
const columns = Object.keys(ViewingSession.properties) as (keyof ViewingSession)[];

/** Prints sessions, with CRLF after each line. */
export function printSessions(sessions: readonly ViewingSession[]): string {
  const lines = [columns.join(), ...sessions.map((session) => columns.map((name) => cell(session[name])).join())];
  return `${lines.join('\r\n')}\r\n`;
}

/** A spreadsheet takes a text that begins with one of `=+-@` as a formula: the apostrophe makes it a text. */
function cell(value: string | number | boolean | null): string {
  if (value === null) return '';
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
