/**
 * Opens the processing of assets: jobs `import` and `encode`.
 * In: the context, store, recordings, jobs, library. Out: Processing.
 */
import type { AppContext, Parts } from '../features/core.ts';
import { sleep } from '../lib/abort.ts';
import { OxbowError } from '../lib/errors.ts';
import { Processing, type ProcessingOptions } from '../library/processing/processing.ts';
import { holdLease } from '../store/lease-table.ts';
import { ladderSettingsOf } from '../transcode/ladder/settings.ts';

/** In a cluster events of ends may be lost: unfinished work is checked this often, ms. */
const RECONCILE_EVERY_MS = 30_000;
const ENDS: ReadonlySet<string> = new Set(['job.done', 'job.failed', 'job.cancelled']);

/** Registers the kinds of jobs; before the queue works. */
export function openProcessing(
  { opened, failed, settings, metrics }: AppContext,
  {
    store,
    recordings,
    jobs,
    jobKinds,
    library,
    placement,
  }: Pick<Parts, 'store' | 'recordings' | 'jobs' | 'jobKinds' | 'library' | 'placement'>,
): Processing {
  const { segments } = recordings;
  const { assets, uploaded, processed, trash } = library;
  const report = failed('the processing of an asset');
  const owns = (id: string) => placement.find('asset', id) === 'own';
  // A node that was paused, and whose assets others have now, adds no second job.
  const guard: ProcessingOptions['guard'] = async (transaction) => {
    if (await holdLease(transaction, store.fence)) return;
    throw new OxbowError('data-in-use', 'Other nodes have what this one had.');
  };
  const ladder = () => ladderSettingsOf(settings.now.library.ladder);
  const processing = opened.use(
    new Processing({
      db: store.db,
      jobs,
      assets,
      uploaded,
      processed,
      trash,
      segments,
      ladder,
      owns,
      failed: report,
      lost: (what) => metrics.importLosses.inc({ what }),
      ...(placement.node !== '' && { guard }),
    }),
  );
  for (const kind of processing.kinds) jobKinds.add(kind);
  return processing;
}

/** Continues what the last process has left, until the shutdown. In a cluster jobs end at other nodes too. */
export async function startProcessing(
  { opened, shutdown, failed }: AppContext,
  { bus, placement }: Pick<Parts, 'bus' | 'placement'>,
  processing: Processing,
): Promise<void> {
  const report = failed('the processing of assets');
  if (placement.node === '') return void opened.use(shutdown.owns(processing.reconcile().catch(report)));
  const subscription = await bus.subscribe({
    event({ event, isForeign }) {
      if (!isForeign || !ENDS.has(event.type)) return;
      const { kind, subject } = event.data as { readonly kind: string; readonly subject: string | null };
      const isOwn = subject !== null && processing.kinds.some(({ name }) => name === kind);
      if (isOwn) processing.ended(subject).catch(report);
    },
  });
  opened.defer(() => subscription.close());
  let wake = new AbortController();
  opened.defer(
    placement.moved.subscribe(({ kind, owner }) => {
      if (kind === 'asset' && owner === 'own') wake.abort();
    }),
  );
  const run = async () => {
    while (!shutdown.signal.aborted) {
      wake = new AbortController();
      await processing.reconcile().catch(report);
      const signal = AbortSignal.any([shutdown.signal, wake.signal]);
      await sleep(RECONCILE_EVERY_MS, { signal }).catch(() => undefined); // assets have moved here, or the loop ends
    }
  };
  opened.use(shutdown.owns(run()));
}
