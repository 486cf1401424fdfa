/**
 * The span that the running code belongs to, so that its database queries, jobs and events are below it
 * without being passed one.
 * In: the work of a request or a job. Out: its `traceparent`. Set only while tracing is on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

interface Scope {
  readonly traceparent: string;
  /** The work may start others that outlive it, e.g. the source of a new stream: they have no span. */
  isOver: boolean;
}

const scopes = new AsyncLocalStorage<Scope>();

/** The work of a span. */
export interface SpanScope {
  /** Runs work within the span. */
  run<T>(work: () => T): T;
  /** The span has ended: unfinished work belongs to none. */
  end(): void;
}

/** Opens the scope of a span; the caller ends it. */
export function openSpanScope({ traceparent }: { readonly traceparent: string }): SpanScope {
  const scope: Scope = { traceparent, isOver: false };
  return {
    run: (work) => scopes.run(scope, work),
    end() {
      scope.isOver = true;
    },
  };
}

/**
 * Runs work within a span, until it returns or its promise settles.
 *
 * @param span undefined: tracing is off
 */
export function withinSpan<T>(span: { readonly traceparent: string } | undefined, work: () => T): T {
  if (!span) return work();
  const scope = openSpanScope(span);
  let result: T | undefined;
  try {
    result = scope.run(work);
    return result;
  } finally {
    if (result instanceof Promise)
      result.then(scope.end, scope.end); // the caller handles its error
    else scope.end();
  }
}

/** The `traceparent` of the current span; undefined outside of one, and after its end. */
export function currentTraceparent(): string | undefined {
  const scope = scopes.getStore();
  return scope?.isOver === false ? scope.traceparent : undefined;
}

/**
 * Work that belongs to the current span also if it runs after the end of that: a step that a request has
 * caused.
 */
export function keepSpan<T>(work: () => T): () => T {
  const traceparent = currentTraceparent();
  return traceparent === undefined ? work : () => withinSpan({ traceparent }, work);
}
