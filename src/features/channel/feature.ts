/**
 * Channels: streams that play a schedule of assets, clips, recordings and live streams.
 * In: streams of source type `channel`, stored and live media. Out: the feature. docs/3-publish/channel.md,
 * docs/decisions/0122.
 */
import { channelEvents } from '../../api/channel/channel-events.ts';
import { publishKeyRoutes } from '../../http/routes/streams/publish-keys.ts';
import type { AppContext } from '../core.ts';
import { type CoreParts, defineFeature, type OpenFeature } from '../feature.ts';
import { ChannelTable } from './channel-table.ts';
import { RunningChannels } from './channels.ts';
import { ChannelsApi } from './channels-api.ts';
import { ItemStates } from './item-states.ts';
import { LiveElsewhere } from './media/live-elsewhere.ts';
import { channelRefusals } from './refusals.ts';
import { channelRoutes } from './routes.ts';

async function openChannels(
  { clock, settings, failed }: AppContext,
  { store, changes, bus, nodes, recordings, catalog, library, hooks }: CoreParts,
): Promise<OpenFeature<ChannelsApi>> {
  const table = await ChannelTable.open(store.db, changes);
  const clips = () => hooks.clips;
  const elsewhere = new LiveElsewhere({ store, remote: nodes?.live, failed: failed('a stream of another node') });
  const media = {
    store,
    catalog,
    recordings,
    reader: recordings.reader,
    assets: library.media,
    clips,
    insight: () => hooks.insight,
    elsewhere,
    clock,
    failed: failed('the media of a channel'),
  };
  const rooms = () => hooks.rooms;
  const { shown } = hooks;
  const follower = {
    store,
    catalog,
    assets: library.media,
    watchRules: () => settings.now.watchRules,
    shown,
    rooms,
    clock,
    failed: failed('following a room'),
  };
  const roomGone = async (streamId: string, room: string) => {
    // A stream that was deleted meanwhile gets no new row.
    if (table.of(streamId).room !== room || !catalog.definitionOf(streamId)) return;
    await table.change(streamId, (now) => (now.room === room ? { room: null } : {}));
    const definition = catalog.definitionOf(streamId);
    if (definition) bus.publish('channel.changed', {}, definition);
  };
  const running = new RunningChannels({ table, media, follower, elsewhere, clock, roomGone });
  hooks.channels = running;
  shown.add((streamId) => running.shownLive(streamId));
  const keepMs = () => settings.now.record.keep;
  const states = new ItemStates({ store, catalog, elsewhere, recordings, clips, keepMs });
  const { watchRules } = follower;
  const parts = { table, running, states, catalog, clips, rooms, watchRules, store, events: bus, clock, shown };
  return { own: new ChannelsApi(parts) };
}

/** The feature. */
export const channel = defineFeature<ChannelsApi>({
  name: 'channel',
  routes: channelRoutes,
  after: publishKeyRoutes,
  adds: { refusals: channelRefusals, events: channelEvents },
  open: openChannels,
});
