/**
 * API calls for channels.
 * In: the browser's session. Out: the shapes of src/api. Each call throws ApiError and aborts with `signal`.
 */
import type {
  ChannelItemPatch,
  ChannelItemView,
  ChannelPatch,
  ChannelView,
  NewChannelItem,
} from '../../../src/api/channel/channel-shapes.ts';
import { askServer } from './client.ts';

export type { ChannelItemPatch, ChannelItemView, ChannelView, NewChannelItem };

/** A channel with its schedule. */
export function getChannel(name: string, signal: AbortSignal): Promise<ChannelView> {
  return askServer(signal, (client, options) => client.listStreamChannel({ name }, options), name);
}

/** Changes the settings of a channel. */
export function updateChannel(name: string, body: ChannelPatch, signal: AbortSignal): Promise<ChannelView> {
  return askServer(signal, (client, options) => client.updateStreamChannel({ name, body }, options), name);
}

/** Adds an item; it is on the air at once where its time has begun. */
export function addChannelItem(name: string, body: NewChannelItem, signal: AbortSignal): Promise<ChannelView> {
  return askServer(signal, (client, options) => client.createStreamChannelItem({ name, body }, options), name);
}

/** Moves or changes an item. */
export function changeChannelItem(
  name: string,
  id: string,
  body: ChannelItemPatch,
  signal: AbortSignal,
): Promise<ChannelView> {
  return askServer(signal, (client, options) => client.updateStreamChannelItem({ name, id, body }, options), name);
}

/** Removes an item; its time is filled. */
export function removeChannelItem(name: string, id: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteStreamChannelItem({ name, id }, options), name);
}

/** Shows a live stream now. */
export function showLive(name: string, stream: string, signal: AbortSignal): Promise<ChannelView> {
  return askServer(signal, (client, options) => client.replaceStreamChannelLive({ name, body: { stream } }, options));
}

/** Returns to the schedule. */
export function endLive(name: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteStreamChannelLive({ name }, options), name);
}
