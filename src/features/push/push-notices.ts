/**
 * Turns events of this process into messages for the browsers whose people may see them.
 * In: events, subscriptions, the rights of people as they are now. Out: messages for the sender.
 */
import type { Access } from '../../accounts/access.ts';
import { may, type Resource } from '../../accounts/permissions.ts';
import { anonymous, type Principal, principalOfSession } from '../../accounts/principal.ts';
import { digestOf } from '../../accounts/random-secret.ts';
import type { EventData, EventType } from '../../api/events.ts';
import { limitsTimes, startOf } from '../../api/past/past-rules.ts';
import type { PushKind, PushMessage } from '../../api/push/push-shapes.ts';
import type { StreamsApi } from '../../api/streams-api.ts';
import type { PublishedEvent } from '../../cluster/bus/event-bus.ts';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Handling } from './encrypted-request.ts';
import { LiveNotices } from './live-notices.ts';
import type { PushSender } from './push-sender.ts';
import type { Follows, StoredSubscription, SubscriptionTable } from './subscription-table.ts';

/** Events that wait until their browsers are found; beyond it they are dropped. */
const MAX_WAITING = 1_000;
const MAX_TITLE = 120;
const HOUR_S = 3_600;
/** A stream that starts for viewers later than this is announced by its start mark only, ms. */
const LONGEST_WAIT_MS = 24 * HOUR_S * 1000;

/** How push services treat each kind: "live now" is of no use an hour later. */
const handlings: Readonly<Record<PushKind, Pick<Handling, 'ttlS' | 'urgency'>>> = {
  live: { ttlS: HOUR_S, urgency: 'normal' },
  clips: { ttlS: 24 * HOUR_S, urgency: 'normal' },
  alarms: { ttlS: 24 * HOUR_S, urgency: 'high' },
};

/** Dependencies. */
export interface PushNoticesOptions {
  readonly table: Pick<SubscriptionTable, 'wanting'>;
  readonly sender: Pick<PushSender, 'add'>;
  readonly access: Pick<Access, 'sessions' | 'users' | 'settings'>;
  readonly streams: Pick<StreamsApi, 'get' | 'visibilityOf' | 'pastRulesOf'>;
  /** Internal id of a stream of this process. */
  readonly idOf: (name: string) => string | undefined;
  readonly isOn: () => boolean;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly signal: AbortSignal;
  /** Called with the number of events that were dropped, or with an error. */
  readonly lost: (count: number, error?: unknown) => void;
}

/** A message, and who may get it. */
interface Notice {
  readonly kind: PushKind;
  readonly message: PushMessage;
  readonly clip?: Pick<EventData<'clip.created'>, 'visibility' | 'owner'>;
}

export class PushNotices {
  readonly #options: PushNoticesOptions;
  readonly #live: LiveNotices;
  readonly #delayed = new Set<Promise<void>>();
  /** Streams that are live, and have not started for viewers. */
  readonly #unstarted = new Set<string>();
  /** ms since 1970. */
  readonly #startedMs: number;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(options: PushNoticesOptions) {
    this.#options = options;
    this.#startedMs = options.clock.nowMs();
    this.#live = new LiveNotices(() => options.clock.monotonicMs());
  }

  /** Takes an event. Never waits, never throws. */
  event({ event, isForeign }: Pick<PublishedEvent, 'event'> & Partial<Pick<PublishedEvent, 'isForeign'>>): void {
    const { type, stream, data } = event;
    if (stream === null) return;
    if (isForeign) this.#elsewhere(type, stream, data);
    else if (type === 'stream.live') this.#queue(() => this.#wentLive(stream, data as EventData<'stream.live'>));
    else if (type === 'stream.offline' || isAway(type, data)) this.#queue(async () => this.#live.away(stream));
    else if (type === 'stream.removed') this.#forget(stream);
    else if (type === 'stream.changed' && this.#unstarted.delete(stream))
      this.#queue(() => this.#whenSeen(stream, true));
    else if (type === 'clip.created') this.#queue(() => this.#madeClip(stream, data as EventData<'clip.created'>));
    else if (type === 'alarm.raised') this.#queue(() => this.#raised(stream, data as EventData<'alarm.raised'>));
  }

  /** An event of another node, which sends its messages: if it ends, this one may take the stream over. */
  #elsewhere(type: EventType, stream: string, data: unknown): void {
    if (type === 'stream.live') this.#live.liveElsewhere(stream);
    else if (type === 'stream.offline' || isAway(type, data)) this.#live.away(stream);
    else if (type === 'stream.removed') this.#live.forget(stream);
  }

  /** Resolves when the events taken so far became messages. */
  async flush(): Promise<void> {
    await this.#turn;
    await Promise.all(this.#delayed);
  }

  #queue(work: () => Promise<void>): void {
    const { isOn, lost, signal } = this.#options;
    if (!isOn() || signal.aborted) return;
    if (this.#waiting >= MAX_WAITING) {
      lost(1);
      return;
    }
    this.#waiting++;
    this.#turn = this.#turn
      .then(() => (signal.aborted ? undefined : work()))
      .catch((error: unknown) => {
        if (!signal.aborted) lost(1, error);
      })
      .then(() => {
        this.#waiting--;
      });
  }

  async #wentLive(stream: string, { from }: EventData<'stream.live'>): Promise<void> {
    const { streams, clock } = this.#options;
    const nowMs = clock.nowMs();
    const view = await streams.get(stream);
    if (!view) return;
    const recordedMs = view.recorded.to === null ? undefined : Date.parse(view.recorded.to);
    // Media of the new run may be recorded already.
    const isBefore = recordedMs !== undefined && recordedMs < Date.parse(from);
    const recordedAgoMs = isBefore ? nowMs - recordedMs : undefined;
    const isNew = Date.parse(view.createdAt) >= this.#startedMs;
    if (!this.#live.live(stream, { recordedAgoMs, isNew })) return;
    await this.#whenSeen(stream, false);
  }

  /** Announces a live stream when viewers see it: at once, or as late as the rules for its past say. */
  async #whenSeen(stream: string, isLater: boolean): Promise<void> {
    const { streams, clock, lost } = this.#options;
    const rules = streams.pastRulesOf(stream) ?? {};
    const startMs = startOf(rules) ?? Number.POSITIVE_INFINITY;
    const waitMs = Math.max(0, startMs - clock.nowMs()) + (rules.delayMs ?? 0);
    if (waitMs === 0) return await this.#announce(stream, isLater);
    if (this.#delayed.size + this.#unstarted.size >= MAX_WAITING) return lost(1);
    if (waitMs > LONGEST_WAIT_MS) {
      this.#unstarted.add(stream); // until its start mark is set
      return;
    }
    const later = sleep(waitMs, this.#options).then(
      () => this.#queue(() => this.#announce(stream, true)),
      () => undefined, // the program ends
    );
    this.#delayed.add(later);
    void later.finally(() => this.#delayed.delete(later));
  }

  /** @param isLater it may have ended meanwhile */
  async #announce(stream: string, isLater: boolean): Promise<void> {
    const view = await this.#options.streams.get(stream);
    if (!view || (isLater && view.state !== 'live')) return;
    const words = { title: view.title, url: `/watch/${stream}` };
    await this.#send({ kind: 'live', message: this.#message('live', stream, words) });
  }

  /** The stream was deleted: one with its name is another one. */
  #forget(stream: string): void {
    this.#live.forget(stream);
    this.#unstarted.delete(stream);
  }

  #madeClip(stream: string, clip: EventData<'clip.created'>): Promise<void> {
    const { id, title, visibility, owner } = clip;
    const message = this.#message('clips', stream, { title, url: `/c/${id}`, tag: `clip-${id}` });
    return this.#send({ kind: 'clips', message, clip: { visibility, owner } });
  }

  #raised(stream: string, { alarm, from }: EventData<'alarm.raised'>): Promise<void> {
    const url = `/admin/history/${stream}?t=${Math.floor(Date.parse(from) / 1000)}`;
    const message = this.#message('alarms', stream, { alarm, url, tag: `alarm-${alarm}-${stream}` });
    return this.#send({ kind: 'alarms', message });
  }

  #message(
    kind: PushKind,
    stream: string,
    {
      title = '',
      alarm = '',
      url,
      tag = `${kind}-${stream}`,
    }: { readonly title?: string; readonly alarm?: string; readonly url: string; readonly tag?: string },
  ): PushMessage {
    const cut = [...title].slice(0, MAX_TITLE).join('');
    return { kind, stream, title: cut, alarm, url, tag, atMs: this.#options.clock.nowMs() };
  }

  async #send(notice: Notice): Promise<void> {
    const { table, sender, idOf, signal } = this.#options;
    const { kind, message } = notice;
    const streamId = idOf(message.stream);
    if (streamId === undefined) return; // deleted meanwhile
    // 32 characters of base64url. RFC 8030 5.4.
    const topic = digestOf(message.tag).slice(0, 32);
    const { ttlS, urgency } = handlings[kind];
    for await (const page of table.wanting(kind, streamId)) {
      signal.throwIfAborted();
      for (const to of page) {
        const mayGet = () => this.#mayGet(to, notice);
        if (mayGet()) sender.add({ to, message, handling: { ttlS, urgency, topic }, mayGet });
      }
    }
  }

  /** Whether a browser gets a message now. */
  #mayGet(to: StoredSubscription & Follows, notice: Notice): boolean {
    const { isOn, streams } = this.#options;
    const principal = isOn() ? this.#principalOf(to) : undefined;
    if (!principal) return false;
    const { stream } = notice.message;
    const isLimited = limitsTimes(streams.pastRulesOf(stream) ?? {});
    return isFor(principal, notice, { visibility: streams.visibilityOf(stream), isLimited, follows: to.follows });
  }

  /** The person of a browser with the rights that they have now; undefined if the session has ended. */
  #principalOf({ sessionId, userId }: StoredSubscription): Principal | undefined {
    const { sessions, users, settings } = this.#options.access;
    const session = sessions.get(sessionId);
    if (!session || session.isTelevision || (session.userId ?? 'admin') !== userId) return undefined;
    const user = session.userId === undefined ? undefined : users.find(session.userId);
    const principal = principalOfSession(session, user, settings());
    return principal === anonymous ? undefined : principal;
  }
}

/** Whether a person gets a message: as they would find the stream, the clip or the alarm. */
function isFor(
  principal: Principal,
  { kind, clip }: Notice,
  {
    visibility,
    isLimited,
    follows,
  }: { readonly visibility: Resource['visibility']; readonly isLimited: boolean; readonly follows: boolean },
): boolean {
  if (visibility === undefined) return false; // deleted meanwhile
  if (kind === 'alarms') return principal.isAdmin;
  if (!may(principal, follows ? 'watch' : 'list', { visibility })) return false;
  // As the event of a clip: it says something of a past that viewers may not see.
  if (clip && isLimited && !principal.seesAll) return false;
  // People know of the clips that they made themselves; those of cameras belong to the administrator.
  return !clip || (may(principal, 'listClip', clip) && (clip.owner === 'admin' || clip.owner !== principal.owner));
}

/** A gap has begun. */
function isAway(type: EventType, data: unknown): boolean {
  return type === 'stream.gap' && (data as EventData<'stream.gap'>).to === null;
}
