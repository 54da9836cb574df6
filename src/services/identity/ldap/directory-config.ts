// The configuration of a domain whose users are in an LDAP directory: what is stored for it over the defaults.

import type { Tx } from '#/platform/database/tx.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import { domainOptions, type OptionValue } from '#/services/identity/projects/domain-config.options.ts';
import { tables } from '#/services/identity/tables.ts';

/** Options as Keystone names them. */
export class DirectoryConfig {
  readonly domainId: string;
  readonly #values: Record<string, OptionValue>;

  constructor(domainId: string, values: Record<string, OptionValue>) {
    this.domainId = domainId;
    this.#values = { ...domainOptions['ldap'], ...values };
  }
  /** A text; null where it is not set. */
  text(name: string): string | null {
    const value = this.#values[name];
    return value === null || value === undefined || value === '' || Array.isArray(value) ? null : String(value);
  }
  number(name: string): number {
    const value = Number(this.#values[name]);
    return Number.isFinite(value) ? value : 0;
  }
  flag(name: string): boolean {
    return String(this.#values[name]).toLowerCase() === 'true';
  }
  /** Lists are lists, or texts with commas. */
  list(name: string): string[] {
    const value = this.#values[name];
    if (Array.isArray(value)) return value;
    return typeof value === 'string' ? value.split(',').map(item => item.trim()) : [];
  }
}

/** Null for a domain whose users are here. */
export async function directoryOf(tx: Tx, vault: Vault, domainId: string): Promise<DirectoryConfig | null> {
  const rows = await tables(tx)
    .selectFrom('domainConfigs')
    .select(['groupName', 'optionName', 'value'])
    .where('domainId', '=', domainId)
    .execute();
  const read = (value: string): OptionValue => JSON.parse(vault.open(tx, value)) as OptionValue;
  const driver = rows.find(({ groupName, optionName }) => groupName === 'identity' && optionName === 'driver');
  if (!driver || read(driver.value) !== 'ldap') return null;
  const own = rows.filter(({ groupName }) => groupName === 'ldap');
  return new DirectoryConfig(
    domainId,
    Object.fromEntries(own.map(({ optionName, value }) => [optionName, read(value)])),
  );
}

/** The domains that have a directory. */
export async function directoryDomains(tx: Tx, vault: Vault): Promise<Set<string>> {
  const rows = await tables(tx)
    .selectFrom('domainConfigs')
    .select(['domainId', 'value'])
    .where('groupName', '=', 'identity')
    .where('optionName', '=', 'driver')
    .execute();
  const ldap = rows.filter(({ value }) => (JSON.parse(vault.open(tx, value)) as OptionValue) === 'ldap');
  return new Set(ldap.map(({ domainId }) => domainId));
}

/** Their configurations. */
export async function allDirectories(tx: Tx, vault: Vault): Promise<DirectoryConfig[]> {
  const found: DirectoryConfig[] = [];
  for (const domainId of await directoryDomains(tx, vault)) {
    const config = await directoryOf(tx, vault, domainId);
    if (config) found.push(config);
  }
  return found;
}
