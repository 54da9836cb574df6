// Key pairs: public keys that new servers are given. API: Compute, "Keypairs".

import type { Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import { contextOf, type Tx } from '#/platform/database/tx.ts';
import { compareVersions, endpoint, type Microversion, since } from '#/platform/http/endpoint.ts';
import { pageLimit, pageOf, nextLink } from '#/platform/http/page.ts';
import { array, object, oneOf, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { ownUser } from '#/services/compute/allow.ts';
import {
  countKeypairs,
  deleteKeypair,
  findKeypair,
  insertKeypair,
  type Keypair,
  keypairsOf,
} from '#/services/compute/keypairs/keypair.store.ts';
import { makeKey, readCertificate, readPublicKey } from '#/services/compute/keypairs/ssh-key.ts';
import { limitOf } from '#/services/compute/quotas/quota.store.ts';
import { t } from '#/services/compute/texts.ts';
import { name, one } from '#/services/compute/wire.ts';

/** Whose key pairs are asked for: from 2.10 on, administrators may name another user. */
function ownerOf(
  asked: string | undefined,
  { caller, version, policy }: { caller: Caller; version: Microversion; policy: Policy },
  rule: string,
): string {
  const userId = asked !== undefined && since(version, '2.10') ? asked : caller.userId;
  if (!policy.allows(rule, caller.credentials, { user_id: userId, project_id: caller.projectId }))
    throw new Problem('forbidden', t.needsRule, { rule });
  return userId;
}

async function mustFind(tx: Tx, userId: string, keyName: string): Promise<Keypair> {
  const keypair = await findKeypair(tx, userId, keyName);
  if (!keypair) throw new Problem('notFound', t.keypairNotFound, { name: keyName.slice(0, 255), user: userId });
  return keypair;
}

function brief(keypair: Pick<Keypair, 'name' | 'publicKey' | 'fingerprint' | 'type'>, version: Microversion) {
  const { name, publicKey: public_key, fingerprint, type } = keypair;
  return { name, public_key, fingerprint, ...(since(version, '2.2') ? { type } : {}) };
}

const keypairView = open({ name: string(), public_key: string(), fingerprint: string() });

const list = endpoint({
  policy: 'os_compute_api:os-keypairs:index',
  allow: ownUser,
  route: 'GET /v2.1/os-keypairs',
  replies: { 200: open({ keypairs: array(object({ keypair: keypairView })) }) },
  async handle({ tx, query, caller, version, policy, request }) {
    const userId = ownerOf(one(query, 'user_id'), { caller, version, policy }, 'os_compute_api:os-keypairs:index');
    const all = (await keypairsOf(tx, userId)).map(keypair => ({ ...keypair, id: keypair.name }));
    const paged = since(version, '2.35');
    const { rows, more } = paged
      ? pageOf(all, {
          sort: [{ key: 'name', direction: 'asc' }],
          marker: one(query, 'marker'),
          limit: pageLimit(query['limit']),
        })
      : { rows: all, more: false };
    const links = more ? { keypairs_links: [{ rel: 'next', href: nextLink(request, rows.at(-1)!.name) }] } : {};
    return { 200: { keypairs: rows.map(keypair => ({ keypair: brief(keypair, version) })), ...links } };
  },
});

const oldName = string({ min: 1, max: 255 });
const plain = { name: oldName, public_key: optional(string({ min: 1, max: 65_535 })) };
const typed = { ...plain, type: optional(oneOf('ssh', 'x509')) };
const owned = { ...typed, user_id: optional(string({ min: 1, max: 255 })) };

const create = endpoint({
  policy: 'os_compute_api:os-keypairs:create',
  allow: ownUser,
  route: 'POST /v2.1/os-keypairs',
  body: {
    '2.1': object({ keypair: object(plain) }),
    '2.2': object({ keypair: object(typed) }),
    '2.10': object({ keypair: object(owned) }),
    '2.92': object({ keypair: object({ ...owned, name: name(), public_key: string({ min: 1, max: 65_535 }) }) }),
  },
  replies: { 200: object({ keypair: keypairView }), 201: object({ keypair: keypairView }) },
  async handle({ tx, body, caller, version, policy }) {
    const ask = (body as { keypair: { name: string; public_key?: string; type?: 'ssh' | 'x509'; user_id?: string } })
      .keypair;
    const userId = ownerOf(ask.user_id, { caller, version, policy }, 'os_compute_api:os-keypairs:create');
    const keyName = ask.name.trim();
    const letters = since(version, '2.92') ? /^[\w @.-]+$/ : /^[\w -]+$/;
    if (!letters.test(keyName)) throw new Problem('invalid', t.keypairName, { name: ask.name });
    const type = ask.type ?? 'ssh';
    const made = keyFor(tx, ask.public_key, type);
    if (await findKeypair(tx, userId, keyName)) throw new Problem('conflict', t.keypairExists, { name: keyName });
    const used = await countKeypairs(tx, userId);
    const limit = await limitOf(tx, 'key_pairs', caller.projectId ?? '');
    if (limit >= 0 && used + 1 > limit)
      throw new Problem('overQuota', t.overQuota, { resource: 'key_pairs', requested: 1, used, limit });
    const { publicKey, fingerprint } = made;
    await insertKeypair(tx, { userId, name: keyName, type, publicKey, fingerprint });
    const secret = 'privateKey' in made ? { private_key: made.privateKey } : {};
    const keypair = { ...brief({ name: keyName, publicKey, fingerprint, type }, version), user_id: userId, ...secret };
    return compareVersions(version, { major: 2, minor: 2 }) < 0 ? { 200: { keypair } } : { 201: { keypair } };
  },
});

/** @throws Problem invalid when what was given is no key of the type */
function keyFor(tx: Tx, given: string | undefined, type: 'ssh' | 'x509') {
  if (given === undefined) {
    if (type === 'x509') throw new Problem('invalid', t.x509NotMade);
    return makeKey(contextOf(tx).random, 'Generated-by-Haneul');
  }
  const read = type === 'ssh' ? readPublicKey(given) : readCertificate(given);
  if (!read)
    throw new Problem('invalid', t.keypairInvalid, {
      why: type === 'ssh' ? 'it is no OpenSSH public key' : 'it is no PEM certificate',
    });
  return read;
}

const show = endpoint({
  policy: 'os_compute_api:os-keypairs:show',
  allow: ownUser,
  route: 'GET /v2.1/os-keypairs/{keypair_name}',
  replies: { 200: object({ keypair: keypairView }) },
  async handle({ tx, path, query, caller, version, policy }) {
    const userId = ownerOf(one(query, 'user_id'), { caller, version, policy }, 'os_compute_api:os-keypairs:show');
    const keypair = await mustFind(tx, userId, path['keypair_name']!);
    const times = { created_at: keypair.createdAt, updated_at: null, deleted_at: null, deleted: false };
    return { 200: { keypair: { ...brief(keypair, version), user_id: userId, id: keypair.id, ...times } } };
  },
});

const remove = endpoint({
  policy: 'os_compute_api:os-keypairs:delete',
  allow: ownUser,
  route: 'DELETE /v2.1/os-keypairs/{keypair_name}',
  replies: { 202: null, 204: null },
  async handle({ tx, path, query, caller, version, policy }) {
    const userId = ownerOf(one(query, 'user_id'), { caller, version, policy }, 'os_compute_api:os-keypairs:delete');
    await deleteKeypair(tx, (await mustFind(tx, userId, path['keypair_name']!)).id);
    return since(version, '2.2') ? { 204: undefined } : { 202: undefined };
  },
});

export const keypairEndpoints = [list, create, show, remove];
