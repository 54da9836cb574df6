// What users do with images.

import { adminCall, call, keep, type Line, make, remove } from '#/simulation/acts/act.ts';

const images = '/image/v2/images';
const namespaces = '/image/v2/metadefs/namespaces';
const own = ({ name }: { name(): string }): object => ({ name: name(), disk_format: 'raw', container_format: 'bare' });
/** Enough to be told apart. */
const bytes = Buffer.alloc(2_048, 'image');

export const imageActs: Line[] = [
  make(1, 'image', own),
  [
    2,
    async user => {
      const made = await user.create('image', own(user));
      if (made) await user.ask('PUT', `${made.path}/file`, bytes);
    },
  ],
  call(1, `PUT ${images}/{image}/file`, bytes),
  [
    1,
    async user => {
      const made = await user.create('image', own(user));
      if (!made) return;
      await user.ask('PUT', `${made.path}/stage`, bytes);
      await user.ask('POST', `${made.path}/import`, { method: { name: 'glance-direct' } });
    },
  ],
  call(0.5, `PUT ${images}/{image}/stage`, bytes),
  call(0.5, `POST ${images}/{image}/import`, { method: { name: 'glance-direct' } }),
  call(1, `PATCH ${images}/{image}`, ({ name }: { name(): string }) => [
    { op: 'replace', path: '/name', value: name() },
  ]),
  remove(2, 'image'),
  call(0.3, `PUT ${images}/{image}/tags/one`),
  call(0.3, `DELETE ${images}/{image}/tags/one`),
  call(0.3, `PATCH ${images}/{image}`, [{ op: 'replace', path: '/visibility', value: 'shared' }]),
  call(0.3, `POST ${images}/{image}/members`, ({ other }) => ({ member: other.user.projectId })),
  [
    0.3,
    async ({ other, some }) => {
      const { projectId } = other.user;
      await other.ask('PUT', `${images}/${some('image')?.id ?? 'none'}/members/${projectId}`, { status: 'accepted' });
    },
  ],
  [
    0.3,
    ({ other, some, ask }) => ask('DELETE', `${images}/${some('image')?.id ?? 'none'}/members/${other.user.projectId}`),
  ],
  adminCall(0.3, `POST ${images}/{image}/actions/deactivate`),
  adminCall(0.3, `POST ${images}/{image}/actions/reactivate`),
  keep(
    0.3,
    `POST ${namespaces}`,
    'namespace',
    ({ name }) => ({ namespace: name(), visibility: 'public', display_name: 'one' }),
    'admin',
  ),
  adminCall(0.2, `PUT ${namespaces}/{namespace}`, ({ dice, kept }) => ({
    namespace: kept('namespace').length ? dice.pick(kept('namespace')) : 'none',
    description: 'another',
  })),
  ...(['objects', 'properties'] as const).flatMap(plural => {
    const item = { name: 'one', ...(plural === 'properties' && { title: 'One', type: 'string' }) };
    return [
      adminCall(0.2, `POST ${namespaces}/{namespace}/${plural}`, item),
      adminCall(0.2, `PUT ${namespaces}/{namespace}/${plural}/one`, { ...item, description: 'another' }),
      adminCall(0.1, `DELETE ${namespaces}/{namespace}/${plural}/one`),
    ];
  }),
  adminCall(0.2, `POST ${namespaces}/{namespace}/tags`, { tags: [{ name: 'one' }] }),
  adminCall(0.2, `POST ${namespaces}/{namespace}/tags/two`),
  adminCall(0.2, `PUT ${namespaces}/{namespace}/tags/two`, { name: 'two' }),
  adminCall(0.1, `DELETE ${namespaces}/{namespace}/tags/two`),
  adminCall(0.1, `DELETE ${namespaces}/{namespace}/tags`),
  adminCall(0.2, `POST ${namespaces}/{namespace}/resource_types`, { name: 'OS::Nova::Server' }),
  adminCall(0.1, `DELETE ${namespaces}/{namespace}/resource_types/OS::Nova::Server`),
  adminCall(0.1, `DELETE ${namespaces}/{namespace}`),
];
