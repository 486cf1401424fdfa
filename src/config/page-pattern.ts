/**
 * The setting `pages.patterns`: regular expressions that select the handler of an address without a request
 * to it.
 * In: `page ^https://tv\.example/`, or a list of entries in files and JSON. Out: patterns, highest priority
 * first.
 */

import { FormatError } from '@oxbow/media/errors';
import { parseDuration, printDuration } from '../lib/duration.ts';
import { createOption, type Kind, type Option, type OptionExtras } from './option.ts';

/** The handler of a source: the HLS puller, the MP4 puller, or yt-dlp for pages. */
export type SourceHandler = 'hls' | 'mp4' | 'page';

/** One entry. */
export interface PagePattern {
  /** Searched in the whole address, case-insensitive. */
  readonly match: RegExp;
  readonly handler: SourceHandler;
  /**
   * Higher ones are tried first. The default is 0, as for the built-in patterns, which come after the
   * configured ones.
   */
  readonly priority: number;
  /** Time limit of the handler for finding the media, ms; undefined: `pages.timeout`. */
  readonly timeoutMs: number | undefined;
}

const handlers: readonly SourceHandler[] = ['hls', 'mp4', 'page'];
const keys = ['match', 'handler', 'priority', 'timeout'];
const MAX_ENTRIES = 200;
const MAX_LENGTH = 500;

/** Patterns in order of priority; in text one entry as `HANDLER REGEX`, or a JSON list. */
export function pagePatterns(sentence: string, extras?: OptionExtras): Option<readonly PagePattern[]> {
  const entry = {
    type: 'object',
    required: ['match', 'handler'],
    properties: {
      match: { type: 'string' },
      handler: { enum: handlers },
      priority: { type: 'integer' },
      timeout: { type: ['string', 'number'] },
    },
    additionalProperties: false,
  };
  const kind: Kind<readonly PagePattern[]> = {
    placeholder: 'HANDLER REGEX',
    json: { type: ['array', 'string'], items: entry },
    read,
    print: (patterns) => (patterns.length === 0 ? '' : JSON.stringify(patterns.map(entryOf))),
  };
  return createOption(kind, '', sentence, extras);
}

function entryOf({ match, handler, priority, timeoutMs }: PagePattern): object {
  return {
    match: match.source,
    handler,
    ...(priority !== 0 && { priority }),
    ...(timeoutMs !== undefined && { timeout: printDuration(timeoutMs) }),
  };
}

function read(value: unknown): readonly PagePattern[] {
  const entries = typeof value === 'string' ? fromText(value.trim()) : value;
  if (!Array.isArray(entries)) throw new FormatError('expected a list of patterns', 0);
  if (entries.length > MAX_ENTRIES) throw new FormatError(`more than ${MAX_ENTRIES} patterns`, 0);
  return entries.map(readEntry).sort((a, b) => b.priority - a.priority);
}

function fromText(text: string): unknown {
  if (text === '') return [];
  if (text.startsWith('[')) {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new FormatError(`the text is not a JSON list (${(error as Error).message})`, 0);
    }
  }
  const [handler = '', match = ''] = text.split(/\s+(.*)/s);
  return [{ handler, match }];
}

function readEntry(value: unknown): PagePattern {
  if (typeof value !== 'object' || value === null) throw new FormatError('a pattern has `match` and `handler`', 0);
  const entry = value as Record<string, unknown>;
  const foreign = Object.keys(entry).find((key) => !keys.includes(key));
  if (foreign !== undefined)
    throw new FormatError(`unknown key "${foreign.slice(0, 40)}" in a pattern; use ${keys.join(', ')}`, 0);
  const handler = handlers.find((each) => each === entry.handler);
  if (!handler)
    throw new FormatError(`a pattern's handler is one of ${handlers.join(', ')}; write "page ^https://…"`, 0);
  const { match, priority = 0, timeout } = entry;
  if (typeof match !== 'string' || match === '' || match.length > MAX_LENGTH) {
    throw new FormatError(`a pattern's match is a regular expression of at most ${MAX_LENGTH} characters`, 0);
  }
  if (typeof priority !== 'number' || !Number.isInteger(priority)) {
    throw new FormatError("a pattern's priority is a whole number", 0);
  }
  const timeoutMs = timeout === undefined ? undefined : parseDuration(String(timeout));
  return { match: toRegExp(match), handler, priority, timeoutMs };
}

function toRegExp(source: string): RegExp {
  try {
    return new RegExp(source, 'i');
  } catch (error) {
    throw new FormatError((error as Error).message, 0);
  }
}
