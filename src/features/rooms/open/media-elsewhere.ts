/**
 * Opens media elsewhere, for rooms: the media servers of people, and the proxy through which members watch.
 * In: the context, store, net, access, rooms. Out: MediaServers, MediaProxy.
 */

import type { AppContext } from '../../core.ts';
import type { CoreParts } from '../../feature.ts';
import type { RoomParts } from '../parts.ts';
import { openTarget, sourceOf } from '../providers/item-sources.ts';
import { MediaServers } from '../providers/media-servers.ts';
import { MediaProxy } from '../proxy/media-proxy.ts';
import { AddressSeal } from '../proxy/sealed-address.ts';

/** Opens the media servers. They are forgotten with the account of their user. */
export function openMediaServers({ clock }: AppContext, { store, net, accounts: { access } }: CoreParts): MediaServers {
  const box = access.box('media servers');
  const servers = new MediaServers({ db: store.db, net, box, nowMs: () => clock.nowMs() });
  access.references.onDeleted((user) => servers.removeOf(user));
  return servers;
}

/** Opens the proxy of media from elsewhere. */
export function openMediaProxy(
  { clock, metrics }: AppContext,
  { net, accounts }: CoreParts,
  { rooms, mediaServers }: Pick<RoomParts, 'rooms' | 'mediaServers'>,
): Pick<RoomParts, 'mediaProxy' | 'itemSource'> {
  const mediaProxy = new MediaProxy({
    net,
    // Addresses that earlier versions issued opened folders.
    seal: new AddressSeal(accounts.access.box('media proxy of single addresses')),
    clock,
    async media(room, id) {
      const item = (await rooms.get(room)).state.playlist.find(id);
      return item && openTarget(item.target, mediaServers);
    },
    onEnd(result, bytes) {
      metrics.mediaProxyRequests.inc({ result });
      metrics.servedBytes.inc({ class: 'proxy' }, bytes);
    },
  });
  return {
    mediaProxy,
    async itemSource(room, { id, target }) {
      const opened = await openTarget(target, mediaServers);
      return opened && sourceOf(opened, room, id, mediaProxy);
    },
  };
}
