// Rebuild: the same server, ports and id, with its disk made anew. API: Compute, "Rebuild server".

import { endpoint, since } from '#/platform/http/endpoint.ts';
import { looseBoolean, nullable, object, optional, string, type TSchema } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { projectMember } from '#/services/compute/allow.ts';
import * as asked from '#/services/compute/servers/create-ask.ts';
import {
  description,
  diskConfig,
  hostname,
  imageRef,
  ipv4,
  ipv6,
  password,
  personality,
  trustedCertificates,
  userData,
} from '#/services/compute/servers/create.schema.ts';
import { newPassword } from '#/services/compute/servers/create-server.ts';
import { beginRebuild } from '#/services/compute/servers/power.operation.ts';
import { keepImages, releaseImages } from '#/services/compute/servers/release.ts';
import { inOldBasics, withGroups } from '#/services/compute/servers/server.api.ts';
import { mustAllow, serverFinder } from '#/services/compute/servers/server.finder.ts';
import { changeServer, mustFindServer } from '#/services/compute/servers/server.store.ts';
import { serverFacts, serverSchema, serverViewer } from '#/services/compute/servers/server.view.ts';
import { t } from '#/services/compute/texts.ts';
import { canonicalIp, metadata, name } from '#/services/compute/wire.ts';

interface RebuildAsk {
  imageRef: string;
  name?: string;
  adminPass?: string;
  metadata?: Record<string, string>;
  description?: string | null;
  key_name?: string | null;
  user_data?: string | null;
  personality?: { path: string; contents: string }[];
  accessIPv4?: string;
  accessIPv6?: string;
  hostname?: string;
  'OS-DCF:diskConfig'?: 'AUTO' | 'MANUAL';
  trusted_image_certificates?: string[] | null;
}

function bodyFor(minor: number): TSchema {
  const rebuild = object({
    imageRef: imageRef(),
    name: optional(name()),
    adminPass: optional(password()),
    metadata: optional(metadata()),
    preserve_ephemeral: optional(looseBoolean()),
    accessIPv4: optional(ipv4()),
    accessIPv6: optional(ipv6()),
    'OS-DCF:diskConfig': optional(diskConfig()),
    ...(minor < 57 ? { personality: optional(personality()) } : {}),
    ...(minor >= 19 ? { description: optional(description()) } : {}),
    ...(minor >= 54 ? { key_name: optional(nullable(string({ min: 1, max: 255 }))) } : {}),
    ...(minor >= 57 ? { user_data: optional(nullable(userData())) } : {}),
    ...(minor >= 63 ? { trusted_image_certificates: optional(trustedCertificates()) } : {}),
    ...(minor >= 90 ? { hostname: optional(hostname(minor >= 94)) } : {}),
  });
  return object({ rebuild });
}

const rebuild = endpoint({
  policy: 'os_compute_api:servers:rebuild',
  allow: projectMember,
  route: 'POST /v2.1/servers/{server_id}/action',
  action: 'rebuild',
  find: serverFinder,
  body: Object.fromEntries([1, 19, 54, 57, 63, 90, 94].map(minor => [`2.${minor}`, bodyFor(minor)])),
  replies: { 202: object({ server: serverSchema }) },
  async handle({ tx, found, body, caller, policy, version, request }) {
    const ask = (body as { rebuild: RebuildAsk }).rebuild;
    if (ask.trusted_image_certificates) throw new Problem('invalid', t.trustedCerts);
    mustAllow('rebuild', found, caller);
    const image = await asked.askedImage(tx, caller, ask.imageRef);
    const localRoot = found.imageId !== null;
    if (!localRoot && image.id !== found.image.properties['image_id'])
      throw new Problem('invalid', t.rebuildVolumeBacked, { image: found.image.properties['image_id'] });
    asked.checkImageFits(image, found.flavor, localRoot);
    await asked.checkItems(tx, found.projectId, ask);
    const adminPass = ask.adminPass ?? newPassword(tx);
    const key = ask.key_name === undefined ? undefined : await asked.askedKey(tx, caller.userId, ask.key_name);
    if (localRoot) await releaseImages(tx, found);
    await changeServer(tx, found.id, {
      ...(localRoot ? { imageId: image.id, image: asked.keptImage(image) } : {}),
      ...(ask.name === undefined ? {} : { name: ask.name }),
      ...(ask.metadata ? { metadata: ask.metadata } : {}),
      ...(ask.description === undefined ? {} : { description: ask.description }),
      ...(key === undefined ? {} : { keyName: key?.name ?? null, keyData: key }),
      ...(ask.user_data === undefined ? {} : { userData: asked.checkUserData(ask.user_data) }),
      ...(ask.personality ? { files: ask.personality } : {}),
      ...(ask.accessIPv4 === undefined ? {} : { accessIpv4: canonicalIp(ask.accessIPv4, 'accessIPv4') }),
      ...(ask.accessIPv6 === undefined ? {} : { accessIpv6: canonicalIp(ask.accessIPv6, 'accessIPv6') }),
      ...(ask.hostname === undefined ? {} : { hostname: ask.hostname }),
      ...(ask['OS-DCF:diskConfig'] ? { diskConfig: ask['OS-DCF:diskConfig'] } : {}),
      adminPass,
    });
    const changed = await mustFindServer(tx, found.id);
    if (localRoot) await keepImages(tx, changed);
    await beginRebuild(tx, changed, caller);
    const server = await mustFindServer(tx, found.id);
    const view = withGroups(
      serverViewer({ request, version, caller, policy }, await serverFacts(tx, [server]))(server),
      server,
      version,
    );
    if (since(version, '2.57')) view['user_data'] = server.userData;
    const more = since(version, '2.54') ? ['key_name', 'user_data'] : [];
    return {
      202: { server: { ...inOldBasics(view, version, more), adminPass } },
      headers: { location: `${request.base}/v2.1/servers/${found.id}` },
    };
  },
});

export const rebuildEndpoints = [rebuild];
