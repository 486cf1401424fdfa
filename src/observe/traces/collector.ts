/**
 * The common parts of spans and log records on their way to a collector: its address, the bounds of their
 * queues, and the count of losses.
 * In: exporters of OpenTelemetry. Out: the same, counted.
 */

/** Bounds of a queue and its requests; options of the batch processors of OpenTelemetry. */
export const bounds = { maxQueueSize: 2048, maxExportBatchSize: 256, exportTimeoutMillis: 3000 } as const;

interface Exporter<T> {
  export(items: T[], done: (result: { code: number; error?: Error }) => void): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** Counts records that wait for an exporter, and losses. A loss is not logged: the line would be sent too. */
export function countLosses<T>(exporter: Exporter<T>, onLost: (count: number) => void) {
  let waiting = 0;
  const counted: Exporter<T> = {
    export: (items, done) =>
      exporter.export(items, (result) => {
        waiting -= items.length;
        if (result.error) onLost(items.length);
        done(result);
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
  return {
    exporter: counted,
    /** Counts one more that waits; false if too many do, then it is lost. */
    admit() {
      const hasRoom = waiting < bounds.maxQueueSize;
      if (hasRoom) waiting += 1;
      else onLost(1);
      return hasRoom;
    },
  };
}

/** Sends waiting records, until a deadline: an unavailable collector must not delay the end of oxbow. */
export async function shutDown(provider: { shutdown(): Promise<void> }, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs);
  });
  await Promise.race([provider.shutdown().catch(() => undefined), late]);
  clearTimeout(timer);
}

/** Options of an exporter; an endpoint may end with the path of a signal. */
export function exporterOptions(endpoint: string, signal: 'traces' | 'logs', deadlineMs: number) {
  const base = endpoint.replace(/\/+$/, '').replace(/\/v1\/(traces|logs)$/, '');
  // The name of the compression is a member of an enum that the library does not export.
  return { url: `${base}/v1/${signal}`, timeoutMillis: deadlineMs, compression: 'gzip' as never };
}
