// What users do with networks.

import { adminCall, call, keep, type Line, make, remove, type User } from '#/simulation/acts/act.ts';

const network = '/network/v2.0';

/** Labels are put on all of these alike. */
const labelled = {
  networks: 'network',
  subnets: 'subnet',
  ports: 'port',
  routers: 'router',
  floatingips: 'floatingip',
  'security-groups': 'security_group',
  subnetpools: 'subnetpool',
};

/** A network with a way out, a port in it, and a floating IP: some of whose ports lead there. */
async function forward({ create, ask, dice, name, kept, cloud }: User): Promise<void> {
  const outside = cloud.template.externalNetworkId;
  const inside = await create('network', { network: { name: name() } });
  const router = await create('router', {
    router: { name: name(), external_gateway_info: { network_id: outside } },
  });
  const cidr = `10.${dice.between(30, 200)}.${dice.between(0, 255)}.0/24`;
  const subnet =
    inside && (await create('subnet', { subnet: { network_id: inside.id, ip_version: 4, cidr, name: name() } }));
  const port = inside && (await create('port', { port: { network_id: inside.id, name: name() } }));
  const floating = await create('floatingip', { floatingip: { floating_network_id: outside, description: name() } });
  if (!router || !subnet || !port || !floating) return;
  await ask('PUT', `${router.path}/add_router_interface`, { subnet_id: subnet.id });
  const { body } = await ask('GET', port.path);
  const port_forwarding = {
    protocol: dice.pick(['tcp', 'udp']),
    external_port: dice.between(1_000, 1_020),
    internal_port: 22,
    internal_ip_address: body?.port?.fixed_ips?.[0]?.ip_address ?? 'none',
    internal_port_id: port.id,
  };
  const told = await ask('POST', `${floating.path}/port_forwardings`, { port_forwarding });
  const id = told.body?.port_forwarding?.id;
  if (id) kept('forwarding').push(`${floating.path}/port_forwardings/${id}`);
}

function someForwarding({ kept, dice }: User): string {
  const own = kept('forwarding');
  return own.length ? dice.pick(own) : `${network}/floatingips/none/port_forwardings/none`;
}

export const networkActs: Line[] = [
  [
    4,
    async ({ create, name, dice }) => {
      const made = await create('network', { network: { name: name() } });
      if (!made) return;
      const third = dice.between(0, 255);
      const cidr = `10.${dice.between(30, 200)}.${third}.0/24`;
      await create('subnet', { subnet: { network_id: made.id, ip_version: 4, cidr, name: name() } });
    },
  ],
  call(1, `PUT ${network}/networks/{network}`, ({ dice, name }) => ({
    network: dice.pick([{ name: name() }, { admin_state_up: dice.chance(0.7) }, { port_security_enabled: true }]),
  })),
  [
    2,
    async user => {
      const thing = user.some('network');
      if (!thing) return;
      // Its subnets go with it: whether they did is asked of the audit.
      const told = await user.model.remove(thing);
      if (told.status !== 409) user.unsettle('subnet');
    },
  ],
  make(1, 'subnet', ({ some, dice, name }) => ({
    subnet: {
      network_id: some('network')?.id ?? 'none',
      ip_version: 4,
      name: name(),
      ...(dice.chance(0.4)
        ? { subnetpool_id: some('subnetpool')?.id ?? 'none', prefixlen: 26 }
        : { cidr: `10.${dice.between(201, 250)}.${dice.between(0, 255)}.0/24` }),
    },
  })),
  call(1, `PUT ${network}/subnets/{subnet}`, ({ dice, name }) => ({
    subnet: dice.pick([{ name: name() }, { enable_dhcp: dice.chance(0.6) }, { dns_nameservers: ['9.9.9.9'] }]),
  })),
  remove(1, 'subnet'),
  make(4, 'port', ({ some, name }) => ({ port: { network_id: some('network')?.id ?? 'none', name: name() } })),
  remove(3, 'port'),
  call(2, `PUT ${network}/ports/{port}`, ({ some, dice, name }) => ({
    port: dice.pick([
      { name: name() },
      { admin_state_up: dice.chance(0.5) },
      { security_groups: [some('security_group')?.id ?? ''].filter(Boolean) },
      { allowed_address_pairs: [{ ip_address: '10.99.0.9' }] },
      { fixed_ips: [{ subnet_id: some('subnet')?.id ?? 'none' }] },
      { port_security_enabled: false, security_groups: [] },
    ]),
  })),
  make(2, 'router', ({ name, cloud, dice }) => {
    const gateway = { external_gateway_info: { network_id: cloud.template.externalNetworkId } };
    return { router: { name: name(), ...(dice.chance(0.7) && gateway) } };
  }),
  call(1, `PUT ${network}/routers/{router}`, ({ name, cloud, dice }) => ({
    router: dice.pick([
      { name: name() },
      { admin_state_up: dice.chance(0.7) },
      { external_gateway_info: dice.chance(0.7) ? { network_id: cloud.template.externalNetworkId } : null },
    ]),
  })),
  call(4, `PUT ${network}/routers/{router}/add_router_interface`, ({ some }) => ({
    subnet_id: some('subnet')?.id ?? 'none',
  })),
  call(2, `PUT ${network}/routers/{router}/remove_router_interface`, ({ some }) => ({
    subnet_id: some('subnet')?.id ?? 'none',
  })),
  ...['add', 'remove'].map(
    (verb): Line => [
      1,
      async ({ ask, some }) => {
        const id = some('router')?.id ?? 'none';
        const { body } = await ask('GET', `${network}/ports?device_id=${id}&network_id=${some('network')?.id}`);
        const address: string = body?.ports?.[0]?.fixed_ips?.[0]?.ip_address ?? '10.1.1.1';
        const routes = [{ destination: '192.0.2.0/24', nexthop: address.replace(/\d+$/, '9') }];
        await ask('PUT', `${network}/routers/${id}/${verb}_extraroutes`, { router: { routes } });
      },
    ],
  ),
  remove(1, 'router'),
  make(3, 'floatingip', ({ cloud, some, dice, name }) => {
    const floating_network_id = cloud.template.externalNetworkId;
    const port_id = dice.chance(0.5) ? some('port')?.id : undefined;
    return { floatingip: { floating_network_id, description: name(), ...(port_id && { port_id }) } };
  }),
  call(3, `PUT ${network}/floatingips/{floatingip}`, ({ some, dice }) => ({
    floatingip: { port_id: dice.chance(0.6) ? (some('port')?.id ?? null) : null },
  })),
  remove(1, 'floatingip'),
  [2, forward],
  [
    1,
    user => {
      const port_forwarding = { external_port: user.dice.between(1_000, 1_020) };
      return user.ask('PUT', someForwarding(user), { port_forwarding });
    },
  ],
  [1, user => user.ask('DELETE', someForwarding(user))],
  make(2, 'security_group', ({ name }) => ({ security_group: { name: name() } })),
  call(1, `PUT ${network}/security-groups/{security_group}`, ({ name }) => ({ security_group: { name: name() } })),
  keep(2, `POST ${network}/security-group-rules`, 'rule', ({ some, dice }) => ({
    security_group_rule: {
      security_group_id: some('security_group')?.id ?? 'none',
      direction: 'ingress',
      protocol: 'tcp',
      port_range_min: dice.between(1, 65_535),
      port_range_max: 65_535,
      ...(dice.chance(0.3)
        ? { remote_group_id: some('security_group')?.id }
        : dice.chance(0.3) && { remote_address_group_id: some('address_group')?.id }),
    },
  })),
  call(1, `DELETE ${network}/security-group-rules/{rule}`),
  remove(1, 'security_group'),
  make(1, 'subnetpool', ({ name, dice }) => ({
    subnetpool: { name: name(), prefixes: [`10.${dice.between(0, 29)}.0.0/22`], default_prefixlen: 26 },
  })),
  call(1, `PUT ${network}/subnetpools/{subnetpool}`, ({ name }) => ({ subnetpool: { name: name() } })),
  remove(1, 'subnetpool'),
  make(1, 'address_group', ({ name, dice }) => ({
    address_group: { name: name(), addresses: [`198.51.100.${dice.between(1, 3)}/32`] },
  })),
  call(1, `PUT ${network}/address-groups/{address_group}`, ({ name }) => ({ address_group: { name: name() } })),
  ...['add', 'remove'].map(verb =>
    call(1, `PUT ${network}/address-groups/{address_group}/${verb}_addresses`, ({ dice }) => ({
      addresses: [`198.51.100.${dice.between(1, 3)}/32`],
    })),
  ),
  remove(1, 'address_group'),
  keep(1, `POST ${network}/rbac-policies`, 'rbac', ({ some, other }) => ({
    rbac_policy: {
      object_type: 'network',
      object_id: some('network')?.id ?? 'none',
      action: 'access_as_shared',
      target_project: other.user.projectId,
    },
  })),
  call(1, `PUT ${network}/rbac-policies/{rbac}`, ({ other }) => ({
    rbac_policy: { target_project: other.user.projectId },
  })),
  call(1, `DELETE ${network}/rbac-policies/{rbac}`),
  ...Object.entries(labelled).flatMap(([plural, kind]) => [
    call(0.2, `PUT ${network}/${plural}/{${kind}}/tags`, { tags: ['one', 'two'] }),
    call(0.2, `POST ${network}/${plural}/{${kind}}/tags`, { tags: ['three'] }),
    call(0.2, `PUT ${network}/${plural}/{${kind}}/tags/four`),
    call(0.2, `DELETE ${network}/${plural}/{${kind}}/tags/four`),
    call(0.2, `DELETE ${network}/${plural}/{${kind}}/tags`),
  ]),
  // Networks and routers are served elsewhere.
  ...(['dhcp-networks', 'l3-routers'] as const).flatMap(part =>
    (['POST', 'DELETE'] as const).map(
      (method): Line => [
        0.3,
        async ({ admin, some, dice }) => {
          const { body } = await admin.ask('GET', `${network}/agents`);
          const all = (body?.agents ?? []) as { id: string; agent_type: string }[];
          const fit = all.filter(agent => agent.agent_type.startsWith(part === 'l3-routers' ? 'L3' : 'DHCP'));
          const agent = `${network}/agents/${fit.length ? dice.pick(fit).id : 'none'}`;
          const kind = part === 'l3-routers' ? 'router' : 'network';
          const id = some(kind)?.id ?? 'none';
          if (method === 'POST') await admin.ask('POST', `${agent}/${part}`, { [`${kind}_id`]: id });
          else await admin.ask('DELETE', `${agent}/${part}/${id}`);
        },
      ],
    ),
  ),
  [
    0.2,
    async ({ admin, dice }) => {
      const { body } = await admin.ask('GET', `${network}/agents`);
      const ids = ((body?.agents ?? []) as { id: string }[]).map(({ id }) => id);
      const path = `${network}/agents/${ids.length ? dice.pick(ids) : 'none'}`;
      await admin.ask('PUT', path, { agent: { admin_state_up: false } });
      await admin.ask('PUT', path, { agent: { admin_state_up: true } });
    },
  ],
  adminCall(1, `PUT ${network}/quotas/{member}`, ({ dice }) => {
    const amount = dice.between(3, 60);
    return { quota: { port: 10 * amount, floatingip: amount } };
  }),
  adminCall(1, `DELETE ${network}/quotas/{member}`),
];
