// Writes Thrift values in either protocol, for tests: slow, plain, and free to write nonsense.
//
//   struct([1, i64(5n)], [2, list(STRUCT, [struct([1, text("a")])])])  ─▶  writeBinary, writeCompact
//
// Types are numbered as in the binary protocol (src/wire/thrift-reader.ts).
// Not here: envelopes.

import {
  BINARY,
  BOOL,
  BYTE,
  DOUBLE,
  I16,
  I32,
  I64,
  LIST,
  MAP,
  SET,
  STRUCT,
  UUID,
} from "../src/wire/thrift-reader.ts";

export type ThriftValue =
  | { readonly type: typeof BOOL; readonly value: boolean }
  | { readonly type: typeof BYTE | typeof I16 | typeof I32; readonly value: number }
  | { readonly type: typeof I64; readonly value: bigint }
  | { readonly type: typeof DOUBLE; readonly value: number }
  | { readonly type: typeof BINARY | typeof UUID; readonly value: Uint8Array }
  | { readonly type: typeof STRUCT; readonly fields: readonly ThriftField[] }
  | {
      readonly type: typeof LIST | typeof SET;
      readonly elementType: number;
      readonly values: readonly ThriftValue[];
    }
  | {
      readonly type: typeof MAP;
      readonly keyType: number;
      readonly elementType: number;
      readonly pairs: readonly (readonly [ThriftValue, ThriftValue])[];
    };

export type ThriftField = readonly [id: number, value: ThriftValue];

export const bool = (value: boolean): ThriftValue => ({ type: BOOL, value });
export const byte = (value: number): ThriftValue => ({ type: BYTE, value });
export const i16 = (value: number): ThriftValue => ({ type: I16, value });
export const i32 = (value: number): ThriftValue => ({ type: I32, value });
export const i64 = (value: bigint): ThriftValue => ({ type: I64, value });
export const double = (value: number): ThriftValue => ({ type: DOUBLE, value });
export const binary = (value: Uint8Array): ThriftValue => ({ type: BINARY, value });
export const text = (value: string): ThriftValue => binary(new TextEncoder().encode(value));
export const uuid = (value: Uint8Array): ThriftValue => ({ type: UUID, value });
export const struct = (...fields: readonly ThriftField[]): ThriftValue => ({
  type: STRUCT,
  fields,
});
export const list = (elementType: number, values: readonly ThriftValue[]): ThriftValue => ({
  type: LIST,
  elementType,
  values,
});
export const set = (elementType: number, values: readonly ThriftValue[]): ThriftValue => ({
  type: SET,
  elementType,
  values,
});
export const map = (
  keyType: number,
  elementType: number,
  pairs: readonly (readonly [ThriftValue, ThriftValue])[],
): ThriftValue => ({ type: MAP, keyType, elementType, pairs });

export function writeBinary(value: ThriftValue): Uint8Array {
  const out: number[] = [];
  addBinary(out, value);
  return Uint8Array.from(out);
}

export function writeCompact(value: ThriftValue): Uint8Array {
  const out: number[] = [];
  addCompact(out, value);
  return Uint8Array.from(out);
}

function addInteger(out: number[], value: bigint, bytes: number): void {
  for (let i = bytes - 1; i >= 0; i--) out.push(Number((value >> BigInt(8 * i)) & 0xffn));
}

function addBinary(out: number[], value: ThriftValue): void {
  switch (value.type) {
    case BOOL:
      out.push(value.value ? 1 : 0);
      return;
    case BYTE:
      addInteger(out, BigInt(value.value), 1);
      return;
    case I16:
      addInteger(out, BigInt(value.value), 2);
      return;
    case I32:
      addInteger(out, BigInt(value.value), 4);
      return;
    case I64:
      addInteger(out, value.value, 8);
      return;
    case DOUBLE:
      out.push(...doubleBytes(value.value, false));
      return;
    case BINARY:
      addInteger(out, BigInt(value.value.length), 4);
      for (const one of value.value) out.push(one);
      return;
    case UUID:
      out.push(...value.value);
      return;
    case STRUCT:
      for (const [id, field] of value.fields) {
        out.push(field.type);
        addInteger(out, BigInt(id), 2);
        addBinary(out, field);
      }
      out.push(0);
      return;
    case LIST:
    case SET:
      out.push(value.elementType);
      addInteger(out, BigInt(value.values.length), 4);
      for (const one of value.values) addBinary(out, one);
      return;
    case MAP:
      out.push(value.keyType, value.elementType);
      addInteger(out, BigInt(value.pairs.length), 4);
      for (const pair of value.pairs) for (const one of pair) addBinary(out, one);
  }
}

function doubleBytes(value: number, isLittleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, isLittleEndian);
  return bytes;
}

const COMPACT_TYPES: Readonly<Record<number, number>> = {
  [BOOL]: 1,
  [BYTE]: 3,
  [I16]: 4,
  [I32]: 5,
  [I64]: 6,
  [DOUBLE]: 7,
  [BINARY]: 8,
  [LIST]: 9,
  [SET]: 10,
  [MAP]: 11,
  [STRUCT]: 12,
  [UUID]: 13,
};

function compactType(type: number): number {
  return COMPACT_TYPES[type] ?? 15;
}

function addVarint(out: number[], value: bigint): void {
  let rest = BigInt.asUintN(64, value);
  for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
  out.push(Number(rest));
}

function addZigzag(out: number[], value: bigint): void {
  addVarint(out, (value << 1n) ^ (value >> 63n));
}

function addCompact(out: number[], value: ThriftValue): void {
  switch (value.type) {
    case BOOL:
      out.push(value.value ? 1 : 2);
      return;
    case BYTE:
      out.push(value.value & 0xff);
      return;
    case I16:
    case I32:
      addZigzag(out, BigInt(value.value));
      return;
    case I64:
      addZigzag(out, value.value);
      return;
    case DOUBLE:
      out.push(...doubleBytes(value.value, true));
      return;
    case BINARY:
      addVarint(out, BigInt(value.value.length));
      for (const one of value.value) out.push(one);
      return;
    case UUID:
      out.push(...value.value);
      return;
    case STRUCT:
      addCompactFields(out, value.fields);
      return;
    case LIST:
    case SET: {
      const count = value.values.length;
      const type = compactType(value.elementType);
      out.push((Math.min(count, 15) << 4) | type);
      if (count >= 15) addVarint(out, BigInt(count));
      for (const one of value.values) addCompact(out, one);
      return;
    }
    case MAP:
      addVarint(out, BigInt(value.pairs.length));
      if (value.pairs.length === 0) return;
      out.push((compactType(value.keyType) << 4) | compactType(value.elementType));
      for (const pair of value.pairs) for (const one of pair) addCompact(out, one);
  }
}

function addCompactFields(out: number[], fields: readonly ThriftField[]): void {
  let last = 0;
  for (const [id, field] of fields) {
    const isBool = field.type === BOOL;
    const type = isBool && !field.value ? 2 : compactType(field.type);
    const delta = id - last;
    if (delta > 0 && delta <= 15) out.push((delta << 4) | type);
    else {
      out.push(type);
      addZigzag(out, BigInt(id));
    }
    last = id;
    if (!isBool) addCompact(out, field);
  }
  out.push(0);
}
