/**
 * MQTT: the states of streams and their events for Home Assistant and others, and a switch for recordings.
 * Without `mqtt.url` nothing is loaded.
 * In: streams, events, commands. Out: the feature. docs/9-run/mqtt.md.
 */
import { hostname } from 'node:os';
import { withoutForeign } from '../../cluster/bus/shadow.ts';
import { reasonOf } from '../../lib/errors.ts';
import { OncePer } from '../../lib/once-per.ts';
import type { AppContext } from '../core.ts';
import { type CoreParts, defineFeature, type OpenFeature } from '../feature.ts';
import { Broker } from './broker.ts';
import { Commands } from './commands.ts';
import { mqttMetrics } from './metrics.ts';
import { StreamReporter } from './reporter.ts';
import { mqttSection } from './settings.ts';
import { commandedStream, commandFilter, statusTopic, type TopicNames } from './stream-topics.ts';

/** A server that is away is logged at most this often, ms. */
const REPORT_EVERY_MS = 60_000;
/** Motion is what changed within this, ms: the last comparison of small pictures. */
const MOTION_MS = 25_000;

/** Nothing runs before the streams are open. */
function openMqtt(app: AppContext, parts: CoreParts): OpenFeature<undefined> {
  const { url } = app.settings.now.mqtt;
  return { own: undefined, ...(url !== undefined && { start: () => connect(url, app, parts) }) };
}

async function connect(url: string, app: AppContext, parts: CoreParts): Promise<void> {
  const { settings, clock, log, metrics, opened, shutdown, failed } = app;
  const { catalog, streamsApi, placement, bus } = parts;
  const { prefix, discovery, commands: hasCommands, motion } = settings.now.mqtt;
  const { publicUrl } = settings.now;
  const names: TopicNames = {
    prefix,
    discovery,
    node: placement.node,
    commands: hasCommands,
    motion: motion > 0,
    publicUrl,
  };
  const reported = new OncePer(REPORT_EVERY_MS, () => clock.monotonicMs());
  const { host } = new URL(url);
  metrics.mqttConnected.set({}, 0);
  const broker = await Broker.open({
    url,
    clientId: `${prefix}-${placement.node === '' ? hostname() : placement.node}`,
    statusTopic: statusTopic(names),
    filter: hasCommands ? commandFilter(prefix) : undefined,
    connected() {
      metrics.mqttConnected.set({}, 1);
      log.info({ host }, 'connected to the MQTT server');
      reporter.connected();
    },
    failed(reason) {
      metrics.mqttConnected.set({}, 0);
      if (shutdown.signal.aborted) return;
      reported.call((more) => log.warn({ host, reason, more }, 'the MQTT server is away; it is tried again'));
    },
    refused: (reason) =>
      reported.call((more) => log.warn({ host, reason, more }, 'the MQTT server permits no commands')),
    message: (topic, payload) => void command(topic, payload).catch(failed('a command over MQTT')),
  });
  const reporter = new StreamReporter({
    names,
    sender: broker,
    streams: () => catalog.all.map(({ name }) => name),
    view: (name) => streamsApi.get(name),
    change: (name) => changeOf(parts, name, clock.nowMs()),
    motionFrom: motion,
    metrics,
    signal: shutdown.signal,
    failed: (error) => reported.call((more) => log.warn({ error, more }, 'a message for the MQTT server failed')),
  });
  const commands = new Commands((name, isRecorded) => record(app, parts, { name, host, record: isRecorded }));
  const refused = new OncePer(REPORT_EVERY_MS, () => clock.monotonicMs());
  const command = async (topic: string, payload: string) => {
    const name = commandedStream(topic, prefix);
    if (name === undefined || !catalog.find(name)) return; // another node has it
    if (payload === 'ON' || payload === 'OFF') await commands.take(name, payload === 'ON');
    else {
      const fields = { stream: name, payload: payload.slice(0, 40) };
      refused.call((more) => log.warn(Object.assign(fields, { more }), 'a command over MQTT is neither ON nor OFF'));
    }
    reporter.changed(name);
  };
  const subscription = await withoutForeign(bus).subscribe({
    event: ({ event }) => reporter.event(event),
  });
  opened.use(broker);
  opened.defer(() => subscription.close());
  opened.defer(placement.moved.subscribe(({ kind, key }) => kind === 'stream' && reporter.changed(key)));
  opened.use(shutdown.owns(reporter.run()));
  if (broker.isConnected) reporter.connected();
}

/** Switches the recording of a stream. */
async function record(
  { log }: AppContext,
  { streamsApi, accounts }: CoreParts,
  { name, host, record: isRecorded }: { readonly name: string; readonly host: string; readonly record: boolean },
): Promise<void> {
  accounts.access.audit.record({
    userId: '',
    name: 'mqtt',
    address: host,
    action: 'updateStream',
    request: `record ${isRecorded ? 'on' : 'off'} of stream ${name}`,
    status: null,
    traceId: '',
  });
  try {
    await streamsApi.update(name, { record: isRecorded });
  } catch (error) {
    log.warn({ stream: name, reason: reasonOf(error) }, 'the recording was not switched over MQTT');
  }
}

/** The largest change of the picture within the last seconds, 0 to 255. */
async function changeOf({ streamsApi }: CoreParts, name: string, nowMs: number): Promise<number | undefined> {
  const { changes } = await streamsApi.activity(name, nowMs - MOTION_MS, nowMs, 5);
  const known = changes.filter((change) => change !== null);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** The feature. */
export const mqtt = defineFeature({
  name: 'mqtt',
  adds: { settings: { mqtt: mqttSection }, metrics: mqttMetrics },
  open: openMqtt,
});
