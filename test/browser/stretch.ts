/**
 * Waits for media without a hole: on a busy machine the test picture itself drops frames.
 * In: a server that records the test picture. Out: a stretch of media.
 */
import { type Server, smallPicture, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';

/** Starts oxbow with a small test picture, in a data folder that may already have recordings. */
export function startSample(data: string, http?: string): Promise<Server> {
  return startServer({ args: smallPicture, data, ...(http === undefined ? {} : { http }) });
}

/** A stretch of media, ms since 1970. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The newest stretch of the sample stream, or of another one, once it is `seconds` long. */
export function newestStretch(server: Server, seconds: number, name = 'demo'): Promise<Stretch> {
  const look = async () => {
    const span = (await server.timeline(name)).spans.at(-1);
    if (!span) return undefined;
    const stretch = { fromMs: Date.parse(span.from), toMs: Date.parse(span.to) };
    return stretch.toMs - stretch.fromMs >= seconds * 1000 && stretch;
  };
  return until(`${seconds} s are recorded without a hole`, look, { everyMs: 200 });
}
