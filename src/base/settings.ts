// Settings as data: one table is flags, environment, file keys, limits, help, docs and the type.
//
//   table = { "collector.grpc-server.host-port": setting("host-port", ":14250", { help, … }), … }
//            │ name: flag --name, environment NAME_WITH_UNDERSCORES, file key (nested or dotted)
//            └▶ ConfigOf<typeof table> = { "collector.grpc-server.host-port": HostPort | undefined }
//
// Names are Jaeger's where Jaeger has one. A default is written as a person would write it, and goes
// through the same parser (setting-values.ts) and the same limits as a given value.
//
// Not here: where values come from and which one wins (parse-settings.ts), groups of settings that
// several doors share (settings-groups.ts), printing (cli/print-settings.ts).

import { assert } from "./assert.ts";
import type { HostPort } from "./host-port.ts";
import { parseText } from "./setting-values.ts";

/** What a role finds in its config for each kind of setting. */
export interface SettingValues {
  readonly string: string;
  /** undefined: the door stays shut. */
  readonly "host-port": HostPort | undefined;
  readonly bool: boolean;
  /** A whole number. */
  readonly count: number;
  readonly bytes: number;
  readonly float: number;
  /** Milliseconds; may have a fraction. */
  readonly duration: number;
  readonly list: readonly string[];
  readonly tags: ReadonlyMap<string, string>;
  /** In the order given; a name may come twice. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly choice: string;
}

export type SettingKind = keyof SettingValues;

/** How a default is written: numbers and booleans as such, all else as text. */
type DefaultOf<K extends SettingKind> = K extends "bool"
  ? boolean
  : K extends "count" | "float"
    ? number
    : string;

/** An older name of a setting. */
export interface Alias {
  readonly name: string;
  /**
   * How its value is written: `same` as the setting; `port` is a bare port number where 0 means
   * "not set"; `mib` is a number of MiB where 0 means "not set".
   */
  readonly as: "same" | "port" | "mib";
  /** Using it is worth a warning: it has gone from today's Jaeger. */
  readonly deprecated: boolean;
}

export interface SettingOptions<V> {
  /** One or two sentences for `--help` and the docs. */
  readonly help: string;
  /** Inclusive limits of count, bytes, float, and (in ms) duration. 0 when not given. */
  readonly min?: number;
  readonly max?: number;
  readonly aliases?: readonly Alias[];
  /** Name of a bool setting; when that is false this host-port is off. */
  readonly onlyIf?: string;
  /** @returns what is allowed instead, or undefined when the value is fine. */
  check?(value: V): string | undefined;
}

export interface Setting<V> extends SettingOptions<V> {
  readonly kind: SettingKind;
  /** The default as written in the table, for help and docs. */
  readonly defaultText: string;
  readonly default: V;
  readonly choices?: readonly string[];
}

/** A name of Jaeger's that is understood and has no effect here; using it is worth a warning. */
export interface IgnoredSetting {
  readonly kind: "ignored";
  /** False for a boolean flag, which takes no separate argument. */
  readonly takesValue: boolean;
  readonly because: string;
}

export type Settings = Readonly<Record<string, Setting<unknown> | IgnoredSetting>>;

/** The values of a table, by name. Ignored settings have none. */
export type ConfigOf<T extends Settings> = {
  readonly [K in keyof T as T[K] extends IgnoredSetting ? never : K]: T[K] extends Setting<infer V>
    ? V
    : never;
};

interface ChoiceOptions<C extends string> extends SettingOptions<C> {
  readonly choices: readonly C[];
}

/**
 * One row of a settings table.
 *
 * The default of list, tags, headers, host-port, duration and bytes is text in the form that a flag
 * takes (`"2s"`, `"64MiB"`, `":4317"`).
 */
export function setting<const C extends string>(
  kind: "choice",
  defaultValue: NoInfer<C>,
  options: ChoiceOptions<C>,
): Setting<C>;
export function setting<K extends Exclude<SettingKind, "choice">>(
  kind: K,
  defaultValue: DefaultOf<K>,
  options: SettingOptions<SettingValues[K]>,
): Setting<SettingValues[K]>;
export function setting(
  kind: SettingKind,
  defaultValue: string | number | boolean,
  options: SettingOptions<unknown> & { readonly choices?: readonly string[] },
): Setting<unknown> {
  const defaultText = String(defaultValue);
  const row = { ...options, kind, defaultText, default: undefined };
  const value = parseText(row, defaultText, () => undefined);
  const wrong = options.check?.(value);
  assert(wrong === undefined, `default ${defaultText} is not allowed: ${wrong}`);
  return { ...row, default: value };
}

/** A row for a name that is accepted, warned about, and has no effect. */
export function ignored(takes: "value" | "no value", because: string): IgnoredSetting {
  return { kind: "ignored", takesValue: takes === "value", because };
}

/** An older name that today's Jaeger no longer has. */
export function deprecatedAlias(name: string, as: Alias["as"] = "same"): Alias {
  return { name, as, deprecated: true };
}

/** `collector.queue-size` → `COLLECTOR_QUEUE_SIZE`. */
export function envNameOf(name: string): string {
  return name.toUpperCase().replaceAll(/[.-]/g, "_");
}
