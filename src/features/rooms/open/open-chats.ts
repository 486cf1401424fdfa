/**
 * Opens the chat of rooms, and deletes messages written to media that is gone.
 * In: the context, store, streams, accounts; in a cluster, the owners of rooms. Out: Chats.
 */

import { sleep } from '../../../lib/abort.ts';
import type { AppContext } from '../../core.ts';
import type { CoreParts } from '../../feature.ts';
import { Chats } from '../chat/chats.ts';
import type { StreamsElsewhere } from '../cluster/streams-elsewhere.ts';

/** Assets that are gone are searched at the start and then this often. */
const EVERY_MS = 60_000;

/** Opens the chat. It closes after the rooms, and commits their last writes. */
export function openChats(
  { settings, clock, opened, failed, metrics }: AppContext,
  { store, changes, catalog, recordings, accounts, placement, hooks }: CoreParts,
  streamsElsewhere: StreamsElsewhere | undefined,
): Chats {
  const chats = opened.use(
    new Chats({
      db: store.db,
      node: placement.node,
      changes,
      clock,
      streamId: (name) => catalog.find(name)?.definition.id ?? streamsElsewhere?.idOf(name),
      messageRate: () => settings.now.rooms.messageRate,
      failed: failed('the chat of rooms'),
      committed(messages, seconds) {
        metrics.roomMessagesStored.inc(messages);
        metrics.roomCommitSeconds.observe(seconds);
      },
    }),
  );
  opened.defer(metrics.beforeScrape(() => metrics.roomMessagesWaiting.set(chats.waiting)));
  accounts.access.exporters.add('messages', (id) => Array.fromAsync(chats.messagesOf(id)));
  hooks.horizons.add(async (streamId, us) => {
    const fromUs = Math.max(us, await recordings.table.deletedBefore(streamId));
    await chats.removeBefore(streamId, fromUs, recordings.kept.ranges(streamId));
  });
  return chats;
}

/**
 * Deletes messages written to assets that are gone, until the shutdown. Retention deletes those written to
 * streams.
 */
export function startChatRetention({ opened, shutdown, failed }: AppContext, chats: Chats): void {
  const { signal } = shutdown;
  const report = failed('deleting the chat of assets that are gone');
  const run = async () => {
    while (!signal.aborted) {
      await chats.removeOfLostAssets().catch(report);
      await sleep(EVERY_MS, { signal }).catch(() => undefined); // only the signal rejects it, and ends the loop
    }
  };
  opened.use(shutdown.owns(run()));
}
