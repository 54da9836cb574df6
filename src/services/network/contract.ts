// What other services may ask of networks, in their own transaction, and the events that networks emit:
// `port.updated` and `port.deleted` (payload: portId, deviceId, networkId, host), `network.changed` (networkId).

export { networksForProject, type UsableNetwork } from '#/services/network/server-ports/usable-networks.ts';
export {
  portsOfServer,
  portsOfServers,
  type PortInfo,
  serversByAddress,
} from '#/services/network/server-ports/port-info.ts';
export {
  bindServerPort,
  createServerPort,
  releaseServerPort,
  setPortHost,
} from '#/services/network/server-ports/server-ports.ts';
export { bindPortsTo, forgetPortsOn, preparePortsOn } from '#/services/network/server-ports/moving-ports.ts';
export {
  changeGroup,
  type ComputeGroup,
  computeGroup,
  type ComputeGroupRule,
  computeGroupRule,
  computeGroups,
  computeRuleView,
  makeGroup,
  makeGroupRule,
  removeGroup,
  removeGroupRule,
  securityGroupsListed,
} from '#/services/network/server-ports/compute-groups.ts';
export { securityGroupsByName, setServerSecurityGroup } from '#/services/network/server-ports/server-groups.ts';
export { portPlan } from '#/services/network/server-ports/port-plan-keys.ts';

/** What a server asks of one of its interfaces. */
export interface NetworkAsk {
  networkId?: string;
  portId?: string;
  fixedIp?: string;
  tag?: string;
}
