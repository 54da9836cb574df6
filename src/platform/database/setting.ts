// What the operator decides, carried to every transaction: a service declares it, `assembleCloud` puts it in place.

import { contextOf, type Tx } from '#/platform/database/tx.ts';

export type SettingEntry = readonly [slot: symbol, value: unknown];

export interface Setting<T> {
  /** The value, wherever there is a transaction of a cloud. */
  of(tx: Tx): T;
  /** For `Service.settings`. */
  being(value: T): SettingEntry;
}

export function setting<T>(name: string): Setting<T> {
  const slot = Symbol(name);
  return {
    of: tx => contextOf(tx).slots.get(slot) as T,
    being: value => [slot, value],
  };
}
