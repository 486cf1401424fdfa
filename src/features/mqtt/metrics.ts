/**
 * The metrics of MQTT, a part of the table of all metrics.
 * In: nothing. Out: rows for observe/metric-table.ts.
 */
import type { MetricRow } from '../../observe/metric-row.ts';

/** The rows. */
export const mqttMetrics = {
  mqttConnected: {
    type: 'gauge',
    name: 'oxbow_mqtt_connected',
    labels: [],
    help: 'Whether this server is connected to the MQTT server of `mqtt.url`: 1 or 0; absent without one.',
  },
  mqttMessages: {
    type: 'counter',
    name: 'oxbow_mqtt_messages_total',
    labels: ['result'],
    help: 'Messages for the MQTT server: sent, or dropped (an event while it was away, or more than it takes).',
  },
} as const satisfies Record<string, MetricRow>;
