// Address groups: named lists of prefixes for security group rules. API: Network v2.0, "Address groups".

import { replanAll } from '#/services/network/affected.ts';
import { parsePrefix, showPrefix } from '#/services/network/addressing/address.ts';
import {
  type Attributes,
  Invalid,
  postOnly,
  readAttributes,
  readOnly,
  type Values,
} from '#/services/network/attributes/attribute.ts';
import { list, listOrNone, shown } from '#/services/network/attributes/checks.ts';
import type { Ask, ListScope, Resource } from '#/services/network/attributes/resource.ts';
import { newStandard, standardAttributes, standardView, touched } from '#/services/network/attributes/standard.ts';
import { checkQuota } from '#/services/network/quotas/quota.store.ts';
import { type AddressGroupRow, db } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { any, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';

const prefix = (value: unknown): string => {
  const parsed = parsePrefix(value);
  if (!parsed) throw new Invalid(`${shown(value)} is not a valid IP subnet`);
  return showPrefix(parsed);
};
const prefixes = listOrNone(list(prefix, { max: 1_000 }));

const { tags: _, ...standard } = standardAttributes();
const attributes: Attributes = {
  ...standard,
  addresses: postOnly(prefixes, { default: [] }),
  shared: { ...readOnly(), hidden: true },
};
const owner = '(role:admin) or (role:member and project_id:%(project_id)s)';

export const addressGroups: Resource<AddressGroupRow> = {
  singular: 'address_group',
  plural: 'address_groups',
  path: 'address-groups',
  attributes,
  allow: {
    create: owner,
    get: '(role:admin) or (role:reader and project_id:%(project_id)s) or True:%(shared)s',
    update: owner,
    delete: owner,
  },
  missing: t.addressGroupNotFound,
  columns: ['id', 'name'],
  list: listAddressGroups,
  view,
  create,
  update,
  remove,
};

async function listAddressGroups(tx: Tx, scope: ListScope): Promise<AddressGroupRow[]> {
  let query = db(tx).selectFrom('addressGroups').selectAll();
  if (!scope.all) query = query.where('projectId', '=', scope.projectId);
  const { id, name } = scope.only;
  if (id) query = query.where('id', 'in', id);
  if (name) query = query.where('name', 'in', name);
  return query.execute();
}

function view(row: AddressGroupRow): Values {
  return { ...standardView(row, { tags: false }), addresses: JSON.parse(row.addresses) as string[] };
}

async function create({ tx }: Ask, values: Values): Promise<AddressGroupRow> {
  await checkQuota(tx, 'address_group', values['project_id'] as string);
  const row: AddressGroupRow = {
    ...newStandard(tx, values),
    addresses: JSON.stringify([...new Set(values['addresses'] as string[])]),
  };
  await db(tx).insertInto('addressGroups').values(row).execute();
  return row;
}

async function update({ tx }: Ask, row: AddressGroupRow, values: Values): Promise<AddressGroupRow> {
  const changes = touched(tx, row, values);
  await db(tx).updateTable('addressGroups').set(changes).where('id', '=', row.id).execute();
  return { ...row, ...changes };
}

async function remove({ tx }: Ask, row: AddressGroupRow): Promise<void> {
  if (
    await db(tx)
      .selectFrom('securityGroupRules')
      .select('id')
      .where('remoteAddressGroupId', '=', row.id)
      .executeTakeFirst()
  )
    throw new Problem('conflict', t.addressGroupInUse, { id: row.id });
  await db(tx).deleteFrom('addressGroups').where('id', '=', row.id).execute();
}

const found: Finder<AddressGroupRow> = {
  find: async ({ tx, path: { id = '' } }) =>
    (await listAddressGroups(tx, { all: true, projectId: '', only: { id: [id] } }))[0],
  missing: ({ id = '' }) => new Problem('notFound', t.addressGroupNotFound, { id: id.slice(0, 80) }),
};

/** Adds addresses, or takes them away. */
const change = (verb: 'add' | 'remove') =>
  endpoint({
    policy: 'update_address_group',
    allow: owner,
    route: `PUT /v2.0/address-groups/{id}/${verb}_addresses`,
    find: found,
    body: open({ address_group: optional(any()), addresses: optional(any()) }),
    replies: { 200: object({ address_group: open({ id: string() }) }) },
    handle: async ({ tx, found: row, body }) => {
      const asked = readAttributes(
        { addresses: postOnly(prefixes) },
        body.address_group ?? { addresses: body.addresses },
        'post',
      )['addresses'] as string[];
      const before = JSON.parse(row.addresses) as string[];
      const wrong = asked.filter(one => before.includes(one) === (verb === 'add'));
      if (wrong.length)
        throw verb === 'add'
          ? new Problem('invalid', t.addressesAlreadyExist, { addresses: wrong, id: row.id })
          : new Problem('notFound', t.addressesNotFound, { addresses: wrong, id: row.id });
      const addresses = JSON.stringify(
        verb === 'add' ? [...before, ...new Set(asked)] : before.filter(one => !asked.includes(one)),
      );
      const changes = { ...touched(tx, row), addresses };
      await db(tx).updateTable('addressGroups').set(changes).where('id', '=', row.id).execute();
      await replanUsers(tx, row.id);
      return { 200: { address_group: view({ ...row, ...changes }) } };
    },
  });

/** Hosts with ports whose rules name the group. */
async function replanUsers(tx: Tx, id: string): Promise<void> {
  const rows = await db(tx)
    .selectFrom('securityGroupRules')
    .innerJoin('portSecurityGroups', 'portSecurityGroups.securityGroupId', 'securityGroupRules.securityGroupId')
    .innerJoin('ports', 'ports.id', 'portSecurityGroups.portId')
    .select('ports.host')
    .distinct()
    .where('remoteAddressGroupId', '=', id)
    .execute();
  await replanAll(
    tx,
    rows.map(row => row.host),
  );
}

export const addressGroupActions = [change('add'), change('remove')];
