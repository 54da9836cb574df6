// Subnet pools: prefixes from which subnets are cut. API: Network v2.0, "Subnet pools".

import { bitsOf, overlap, parsePrefix, type Prefix, showPrefix } from '#/services/network/addressing/address.ts';
import { type Attributes, both, postOnly, readOnly, type Values } from '#/services/network/attributes/attribute.ts';
import { boolean, cidr, integer, list, orNull, text } from '#/services/network/attributes/checks.ts';
import type { Ask, ListScope, Resource } from '#/services/network/attributes/resource.ts';
import { newStandard, standardAttributes, standardView, touched } from '#/services/network/attributes/standard.ts';
import { checkQuota } from '#/services/network/quotas/quota.store.ts';
import { db, type SubnetPoolRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

const length = integer(0, 128);
const attributes: Attributes = {
  ...standardAttributes(),
  name: both(text(255, { min: 1 })),
  prefixes: both(list(cidr, { max: 100 })),
  default_prefixlen: both(length, { default: undefined }),
  min_prefixlen: both(length, { default: undefined }),
  max_prefixlen: both(length, { default: undefined }),
  default_quota: both(orNull(integer(0)), { default: undefined }),
  shared: postOnly(boolean, { default: false }),
  is_default: both(boolean, { default: false }),
  ip_version: readOnly(),
  address_scope_id: readOnly(),
};

const owner = '(role:admin) or (role:member and project_id:%(project_id)s)';

export const subnetPools: Resource<SubnetPoolRow> = {
  singular: 'subnetpool',
  plural: 'subnetpools',
  path: 'subnetpools',
  attributes,
  allow: {
    create: owner,
    get: '(role:admin) or (role:reader and project_id:%(project_id)s) or True:%(shared)s',
    update: owner,
    delete: owner,
  },
  missing: t.subnetPoolNotFound,
  columns: ['id', 'name'],
  list: listPools,
  view,
  visible: (row, caller) => row.projectId === caller.projectId || row.shared === 1,
  create,
  update,
  remove,
};

async function listPools(tx: Tx, scope: ListScope): Promise<SubnetPoolRow[]> {
  let query = db(tx).selectFrom('subnetPools').selectAll();
  if (!scope.all) query = query.where(eb => eb.or([eb('projectId', '=', scope.projectId), eb('shared', '=', 1)]));
  const { id, name } = scope.only;
  if (id) query = query.where('id', 'in', id);
  if (name) query = query.where('name', 'in', name);
  return query.execute();
}

function view(row: SubnetPoolRow): Values {
  return {
    ...standardView(row),
    prefixes: JSON.parse(row.prefixes) as string[],
    // As text: that is how Neutron has always shown them.
    default_prefixlen: String(row.defaultPrefix),
    min_prefixlen: String(row.minPrefix),
    max_prefixlen: String(row.maxPrefix),
    default_quota: row.defaultQuota,
    shared: row.shared === 1,
    is_default: row.isDefault === 1,
    ip_version: row.version,
    address_scope_id: null,
  };
}

async function create({ tx }: Ask, values: Values): Promise<SubnetPoolRow> {
  await checkQuota(tx, 'subnetpool', values['project_id'] as string);
  const prefixes = planPrefixes(values['prefixes'] as string[]);
  const { version } = prefixes[0]!;
  const row: SubnetPoolRow = {
    ...newStandard(tx, values),
    version,
    prefixes: JSON.stringify(prefixes.map(showPrefix)),
    ...planBounds(version, values),
    defaultQuota: (values['default_quota'] as number | null | undefined) ?? null,
    shared: values['shared'] ? 1 : 0,
    isDefault: values['is_default'] ? 1 : 0,
  };
  if (row.isDefault) await checkOnlyDefault(tx, row);
  await db(tx).insertInto('subnetPools').values(row).execute();
  return row;
}

/** Ordered, and neighbours that lie in one another made one. @throws Problem invalid for none, or of two families */
function planPrefixes(texts: string[]): Prefix[] {
  const prefixes = texts
    .map(one => parsePrefix(one)!)
    .toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : a.length - b.length));
  if (!prefixes.length)
    throw new Problem('invalid', t.badRequest, { resource: 'subnetpool', why: 'Empty subnet pool prefix list' });
  if (prefixes.some(prefix => prefix.version !== prefixes[0]!.version))
    throw new Problem('invalid', t.badRequest, {
      resource: 'subnetpool',
      why: 'Cannot mix IPv4 and IPv6 prefixes in a subnet pool',
    });
  return prefixes.filter((prefix, index) => !prefixes.slice(0, index).some(before => overlap(before, prefix)));
}

function planBounds(version: number, values: Values): Pick<SubnetPoolRow, 'minPrefix' | 'maxPrefix' | 'defaultPrefix'> {
  const minPrefix = (values['min_prefixlen'] as number | undefined) ?? (version === 4 ? 8 : 64);
  const maxPrefix = (values['max_prefixlen'] as number | undefined) ?? bitsOf(version);
  const defaultPrefix = (values['default_prefixlen'] as number | undefined) ?? minPrefix;
  const illegal = (why: string): Problem => new Problem('invalid', t.illegalSubnetPoolPrefixBounds, { why });
  if (maxPrefix > bitsOf(version)) throw illegal(`max_prefixlen=${maxPrefix} is longer than an address`);
  if (minPrefix > maxPrefix) throw illegal(`min_prefixlen=${minPrefix}, max_prefixlen=${maxPrefix}`);
  if (defaultPrefix < minPrefix || defaultPrefix > maxPrefix)
    throw illegal(`default_prefixlen=${defaultPrefix} is not between ${minPrefix} and ${maxPrefix}`);
  return { minPrefix, maxPrefix, defaultPrefix };
}

/** @throws Problem invalid when the family has a default pool already */
async function checkOnlyDefault(tx: Tx, row: SubnetPoolRow): Promise<void> {
  const other = await db(tx)
    .selectFrom('subnetPools')
    .select('id')
    .where('isDefault', '=', 1)
    .where('version', '=', row.version)
    .where('id', '!=', row.id)
    .executeTakeFirst();
  if (other)
    throw new Problem('invalid', t.invalidInput, {
      attribute: 'is_default',
      why: 'A default subnetpool for this IP family has already been set. Only one default may exist per IP family',
    });
}

async function update({ tx }: Ask, row: SubnetPoolRow, values: Values): Promise<SubnetPoolRow> {
  const prefixes = values['prefixes']
    ? planPrefixes(values['prefixes'] as string[])
    : (JSON.parse(row.prefixes) as string[]).map(one => parsePrefix(one)!);
  const covers = (outer: Prefix, inner: Prefix): boolean => overlap(outer, inner) && outer.length <= inner.length;
  if (!(JSON.parse(row.prefixes) as string[]).every(one => prefixes.some(prefix => covers(prefix, parsePrefix(one)!))))
    throw new Problem('invalid', t.illegalSubnetPoolUpdate, {
      why: 'Existing prefixes must be a subset of the new prefixes',
    });
  const changes = {
    ...touched(tx, row, values),
    prefixes: JSON.stringify(prefixes.map(showPrefix)),
    ...planBounds(row.version, {
      min_prefixlen: row.minPrefix,
      max_prefixlen: row.maxPrefix,
      default_prefixlen: row.defaultPrefix,
      ...values,
    }),
    defaultQuota: values['default_quota'] === undefined ? row.defaultQuota : (values['default_quota'] as number | null),
    isDefault: values['is_default'] === undefined ? row.isDefault : values['is_default'] ? 1 : 0,
  };
  if (changes.isDefault) await checkOnlyDefault(tx, row);
  await db(tx).updateTable('subnetPools').set(changes).where('id', '=', row.id).execute();
  return { ...row, ...changes };
}

async function remove({ tx }: Ask, row: SubnetPoolRow): Promise<void> {
  if (await db(tx).selectFrom('subnets').select('id').where('subnetPoolId', '=', row.id).executeTakeFirst())
    throw new Problem('conflict', t.subnetPoolDeleteError);
  await db(tx).deleteFrom('subnetPools').where('id', '=', row.id).execute();
}
