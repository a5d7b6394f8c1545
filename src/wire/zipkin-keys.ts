// What the key of a Zipkin tag means: a plain attribute, something of the process, or a column.
//
// Source: opentelemetry-collector-contrib v0.140–v0.165 pkg/translator/zipkin/zipkinv2 (what it calls
// nonSpanAttributes is PROCESS here); semantic conventions 1.15 of OpenTelemetry for the list.
// Not here: what is done with it (zipkin-rows.ts).

import type { Dictionary } from "../model/dictionary.ts";
import {
  KIND_CLIENT,
  KIND_CONSUMER,
  KIND_INTERNAL,
  KIND_PRODUCER,
  KIND_SERVER,
} from "../model/span-batch.ts";

/** Meanings of a key. Those from STATUS_CODE on are columns of the span. */
export const PLAIN = 1;
export const PROCESS = 2;
export const LINK = 3;
export const STATUS_CODE = 4;
export const STATUS_TEXT = 5;
export const ERROR = 6;
export const TRACE_STATE = 7;
export const SCOPE_NAME = 8;
export const SCOPE_VERSION = 9;
export const LIBRARY_NAME = 10;
export const LIBRARY_VERSION = 11;
export const KIND = 12;
/** One more than the highest of them. */
export const MEANINGS = 13;

/** Links of OTLP: `otlp.link.0` and on. */
export const LINK_PREFIX = "otlp.link.";

/** Zipkin's kinds; others are none of ours. */
export const ZIPKIN_KINDS: ReadonlyMap<string, number> = new Map([
  ["CLIENT", KIND_CLIENT],
  ["SERVER", KIND_SERVER],
  ["PRODUCER", KIND_PRODUCER],
  ["CONSUMER", KIND_CONSUMER],
]);

/** Values of a tag `span.kind`, which speaks where the span has no kind. */
export const TAG_KINDS: ReadonlyMap<string, number> = new Map([
  ["internal", KIND_INTERNAL],
  ["client", KIND_CLIENT],
  ["server", KIND_SERVER],
  ["producer", KIND_PRODUCER],
  ["consumer", KIND_CONSUMER],
]);

const COLUMNS = {
  "otel.status_code": STATUS_CODE,
  "otel.status_description": STATUS_TEXT,
  error: ERROR,
  "w3c.tracestate": TRACE_STATE,
  "otel.scope.name": SCOPE_NAME,
  "otel.scope.version": SCOPE_VERSION,
  "otel.library.name": LIBRARY_NAME,
  "otel.library.version": LIBRARY_VERSION,
  "span.kind": KIND,
} as const;

/** Namespace, then the names in it that describe a process. */
const PROCESS_KEYS = {
  "aws.ecs.": "container.arn cluster.arn launchtype task.arn task.family task.revision",
  "aws.eks.": "cluster.arn",
  "aws.log.": "group.names group.arns stream.names stream.arns",
  "cloud.": "provider account.id region availability_zone platform resource_id",
  "container.": "name id runtime image.name image.tag",
  "deployment.": "environment",
  "device.": "id model.identifier model.name manufacturer",
  "faas.": "name id version instance max_memory",
  "host.": "id name type arch image.name image.id image.version",
  "k8s.":
    "cluster.name node.name node.uid namespace.name pod.uid pod.name container.name " +
    "container.restart_count replicaset.uid replicaset.name deployment.uid deployment.name " +
    "statefulset.uid statefulset.name daemonset.uid daemonset.name job.uid job.name " +
    "cronjob.uid cronjob.name",
  "os.": "type description name version",
  "process.":
    "pid executable.name executable.path command command_line command_args owner runtime.name " +
    "runtime.version runtime.description",
  "service.": "name namespace instance.id version",
  "telemetry.": "sdk.name sdk.language sdk.version auto.version",
  "webengine.": "name version description",
  "opencensus.": "starttime exporterversion resourcetype",
  "otlp.": "service.name.source",
} as const;

const ROLES: ReadonlyMap<string, number> = new Map<string, number>([
  ...Object.entries(COLUMNS),
  ...Object.entries(PROCESS_KEYS).flatMap(([namespace, names]) =>
    names.split(" ").map((name) => [namespace + name, PROCESS] as const),
  ),
]);
const LONGEST_ROLE = Math.max(...[...ROLES.keys()].map((key) => key.length));

/** What the key `entry` means. Cost: one string; ask once per key and payload. */
export function roleOf(dictionary: Dictionary, entry: number): number {
  if (dictionary.length(entry) > LONGEST_ROLE) return PLAIN;
  const key = dictionary.text(entry);
  const role = ROLES.get(key);
  if (role !== undefined) return role;
  return key.startsWith(LINK_PREFIX) ? LINK : PLAIN;
}
