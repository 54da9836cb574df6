// An LDAP directory, read: its users, its groups, and whether a password is right. Nothing is ever written to it. Its
// address comes from administrators only, so private networks are fine here.

import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import type { Client, Entry } from 'ldapts';
import { Problem } from '#/platform/problem/problem.ts';
import type { DirectoryConfig } from '#/services/identity/ldap/directory-config.ts';
import { ldapTexts as t } from '#/services/identity/ldap/texts.ts';

export interface DirectoryUser {
  localId: string;
  dn: string;
  name: string;
  enabled: boolean;
  /** Description, mail, and what the configuration maps besides. */
  extra: Record<string, string>;
}

export interface DirectoryGroup {
  localId: string;
  name: string;
  description: string;
  /** DNs, or ids of users where the configuration says so. */
  members: string[];
}

/** At most so many entries are read. */
const mostEntries = 100_000;

/** Works with a connection that is bound as the configuration says. @throws Problem unavailable */
export async function withDirectory<T>(config: DirectoryConfig, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(config);
  try {
    const user = config.text('user');
    if (user !== null) await client.bind(user, config.text('password') ?? '');
    return await work(client);
  } catch (cause) {
    throw new Problem('unavailable', t.away, { domain: config.domainId }, { cause });
  } finally {
    await client.unbind().catch(() => undefined);
  }
}

async function connect(config: DirectoryConfig): Promise<Client> {
  const { Client } = await import('ldapts');
  const [url = ''] = (config.text('url') ?? '').split(',');
  const seconds = config.number('connection_timeout');
  const timeout = seconds > 0 ? seconds * 1000 : 10_000;
  const secure = url.startsWith('ldaps://');
  const caFile = config.text('tls_cacertfile');
  try {
    const tlsOptions: ConnectionOptions = {
      rejectUnauthorized: config.text('tls_req_cert') !== 'never',
      ...(caFile === null ? {} : { ca: await readFile(caFile) }),
    };
    const client = new Client({ url, timeout, connectTimeout: timeout, ...(secure ? { tlsOptions } : {}) });
    if (config.flag('use_tls') && !secure) await client.startTLS({ ...tlsOptions, servername: new URL(url).hostname });
    return client;
  } catch (cause) {
    throw new Problem('unavailable', t.away, { domain: config.domainId }, { cause });
  }
}

/** Whether the entry's password is this one. An empty password would be an anonymous bind, which always succeeds. */
export async function passwordFits(config: DirectoryConfig, dn: string, password: string): Promise<boolean> {
  if (password === '') return false;
  const { InvalidCredentialsError } = await import('ldapts');
  const client = await connect(config);
  try {
    await client.bind(dn, password);
    return true;
  } catch (cause) {
    if (cause instanceof InvalidCredentialsError) return false;
    throw new Problem('unavailable', t.away, { domain: config.domainId }, { cause });
  } finally {
    await client.unbind().catch(() => undefined);
  }
}

/** Users; with `by`, those with that value, or one of these, of the name or id attribute. */
export async function readUsers(
  client: Client,
  config: DirectoryConfig,
  by?: { attribute: 'user_name_attribute' | 'user_id_attribute'; value: string | string[] },
): Promise<DirectoryUser[]> {
  const attribute = (name: string): string => config.text(name) ?? name;
  const mapped = config
    .list('user_additional_attribute_mapping')
    .map(pair => pair.split(':').map(part => part.trim()))
    .filter(([from, to]) => from && to) as [string, string][];
  const extras: [string, string][] = [
    [attribute('user_description_attribute'), 'description'],
    [attribute('user_mail_attribute'), 'email'],
    ...mapped,
  ];
  const [id, name, enabled] = ['user_id_attribute', 'user_name_attribute', 'user_enabled_attribute'].map(attribute);
  const entries = await search(client, config, 'user', by, [id!, name!, enabled!, ...extras.map(([from]) => from)]);
  const allowed = config.flag('user_enabled_emulation') ? await enabledMembers(client, config) : null;
  return entries.flatMap(entry => {
    const [localId] = valuesOf(entry, id!);
    const [userName] = valuesOf(entry, name!);
    if (!localId || !userName) return [];
    const kept = extras.flatMap(([from, to]) => {
      const [value] = valuesOf(entry, from);
      return value === undefined ? [] : [[to, value] as const];
    });
    return [
      {
        localId,
        dn: entry.dn,
        name: userName,
        enabled: allowed ? allowed.has(sameDn(entry.dn)) : isEnabled(config, valuesOf(entry, enabled!)[0]),
        extra: Object.fromEntries(kept),
      },
    ];
  });
}

/** Groups; with `member`, those that have it. */
export async function readGroups(client: Client, config: DirectoryConfig, member?: string): Promise<DirectoryGroup[]> {
  const [id, name, description, members] = ['id', 'name', 'desc', 'member'].map(
    part => config.text(`group_${part}_attribute`)!,
  );
  const by = member === undefined ? undefined : { attribute: 'group_member_attribute', value: member };
  const entries = await search(client, config, 'group', by, [id!, name!, description!, members!]);
  return entries.flatMap(entry => {
    const [localId] = valuesOf(entry, id!);
    const [groupName = localId] = valuesOf(entry, name!);
    if (!localId || !groupName) return [];
    const [said = ''] = valuesOf(entry, description!);
    return [{ localId, name: groupName, description: said, members: valuesOf(entry, members!) }];
  });
}

async function search(
  client: Client,
  config: DirectoryConfig,
  kind: 'user' | 'group',
  by: { attribute: string; value: string | string[] } | undefined,
  attributes: string[],
): Promise<Entry[]> {
  const { AndFilter, EqualityFilter, FilterParser, OrFilter } = await import('ldapts');
  const equal = (name: string, value: string) => new EqualityFilter({ attribute: config.text(name)!, value });
  const own = config.text(`${kind}_filter`);
  const filters = [
    new EqualityFilter({ attribute: 'objectClass', value: config.text(`${kind}_objectclass`)! }),
    ...(by ? [new OrFilter({ filters: [by.value].flat().map(value => equal(by.attribute, value)) })] : []),
    ...(own === null ? [] : [FilterParser.parseString(own.startsWith('(') ? own : `(${own})`)]),
  ];
  const base =
    config.text(`${kind}_tree_dn`) ?? `ou=${kind === 'user' ? 'Users' : 'UserGroups'},${config.text('suffix')}`;
  const pageSize = config.number('page_size');
  const { searchEntries } = await client.search(base, {
    scope: config.text('query_scope') === 'sub' ? 'sub' : 'one',
    derefAliases: aliases[config.text('alias_dereferencing') ?? ''] ?? 'never',
    filter: new AndFilter({ filters }),
    attributes: [...new Set(attributes)],
    paged: { pageSize: pageSize > 0 ? Math.min(pageSize, 1_000) : 500 },
  });
  if (searchEntries.length > mostEntries) throw new Error(`the directory has more than ${mostEntries} entries`);
  return searchEntries;
}

const aliases: Record<string, 'always' | 'find' | 'never' | 'search'> = {
  always: 'always',
  finding: 'find',
  searching: 'search',
};

function valuesOf(entry: Entry, attribute: string): string[] {
  if (attribute === 'dn') return [entry.dn];
  const name = Object.keys(entry).find(key => key.toLowerCase() === attribute.toLowerCase());
  const value = name === undefined ? [] : entry[name]!;
  return (Array.isArray(value) ? value : [value]).map(String).filter(item => item !== '');
}

/** An attribute that says so, a bit of one (Active Directory: mask 2), or the opposite of one. */
function isEnabled(config: DirectoryConfig, value: string | undefined): boolean {
  const mask = config.number('user_enabled_mask');
  const byDefault = config.text('user_enabled_default') ?? 'True';
  if (mask) return ((Number(value ?? byDefault) || 0) & mask) !== mask;
  const said = (value ?? byDefault).toLowerCase() === 'true';
  return config.flag('user_enabled_invert') && value !== undefined ? !said : said;
}

/** Where being enabled is being a member of a group. */
async function enabledMembers(client: Client, config: DirectoryConfig): Promise<Set<string>> {
  const tree = config.text('user_tree_dn') ?? `ou=Users,${config.text('suffix')}`;
  const base = config.text('user_enabled_emulation_dn') ?? `cn=enabled_users,${tree}`;
  const byGroups = config.flag('user_enabled_emulation_use_group_config');
  const attribute = byGroups ? config.text('group_member_attribute')! : 'member';
  const { searchEntries } = await client.search(base, { scope: 'base', attributes: [attribute] });
  return new Set(searchEntries.flatMap(entry => valuesOf(entry, attribute)).map(sameDn));
}

/** DNs are the same in any case, and with or without a space after a comma. */
export function sameDn(dn: string): string {
  return dn.toLowerCase().replaceAll(/\s*([,=+])\s*/g, '$1');
}
