// What the network service says. A name with a capital first letter is the `type` of a NeutronError.

import { texts } from '#/platform/text/text.ts';

export const networkTexts = texts('network', {
  invalidInput: {
    en: 'Invalid input for {attribute}. Reason: {why}.',
    ko: '{attribute}의 입력이 올바르지 않습니다. 이유: {why}.',
  },
  hTTPBadRequest: { en: '{why}.', ko: '{why}.' },
  unrecognized: { en: "Unrecognized attribute(s) ''{names}''.", ko: "알 수 없는 속성입니다: ''{names}''." },
  missingAttribute: {
    en: "Failed to parse request. Required attribute ''{name}'' is not specified.",
    ko: "요청을 해석하지 못했습니다. 필수 속성 ''{name}''이(가) 없습니다.",
  },
  notAllowedInPost: {
    en: "Attribute ''{name}'' is not allowed in POST.",
    ko: "''{name}'' 속성은 POST에 쓸 수 없습니다.",
  },
  notAllowedInPut: {
    en: 'Cannot update read-only attribute {name}.',
    ko: '읽기 전용 속성 {name}은(는) 바꿀 수 없습니다.',
  },
  noBodyKey: { en: "Unable to find ''{name}'' in request body.", ko: "요청 본문에 ''{name}''이(가) 없습니다." },
  otherProject: {
    en: 'Specifying a project_id other than that of the authenticated project takes admin privileges.',
    ko: '인증된 프로젝트가 아닌 project_id를 지정하려면 관리자 권한이 필요합니다.',
  },
  attributeForbidden: { en: '({rule}) is disallowed by policy.', ko: '정책에서 ({rule})을(를) 허용하지 않습니다.' },
  unknownFilter: { en: '{names} is invalid attribute for filtering.', ko: '{names}(으)로는 필터링할 수 없습니다.' },
  revisionMismatch: {
    en: 'Constrained to {wanted}, but current revision is {revision}.',
    ko: '리비전 {wanted}을(를) 요구했지만 현재 리비전은 {revision}입니다.',
  },
  badIfMatch: {
    en: 'Bad format for the If-Match header: {value}.',
    ko: 'If-Match 헤더 형식이 올바르지 않습니다: {value}.',
  },
  overQuota: {
    en: "Quota exceeded for resources: [''{resource}'']. In use {used} of {quota}.",
    ko: '자원 할당량을 넘었습니다: [{resource}]. {quota} 중 {used} 사용 중입니다.',
  },

  networkNotFound: { en: 'Network {id} could not be found.', ko: '네트워크 {id}을(를) 찾을 수 없습니다.' },
  networkInUse: {
    en: 'Unable to complete operation on network {id}. There are one or more ports still in use on the network: {ports}.',
    ko: '네트워크 {id}에 아직 사용 중인 포트가 있어 작업을 마칠 수 없습니다: {ports}.',
  },
  invalidSharedSetting: {
    en: 'Unable to reconfigure sharing settings for network {id}. Multiple tenants are using it.',
    ko: '네트워크 {id}을(를) 여러 프로젝트가 쓰고 있어 공유 설정을 바꿀 수 없습니다.',
  },
  externalNetworkInUse: {
    en: 'External network {id} cannot be updated to be made non-external, since it has existing gateway ports.',
    ko: '외부 네트워크 {id}에 게이트웨이 포트가 있어 내부 네트워크로 바꿀 수 없습니다.',
  },
  flatNetworkInUse: {
    en: 'Unable to create the flat network. Physical network {physicalNetwork} is in use.',
    ko: '물리 네트워크 {physicalNetwork}이(가) 이미 쓰이고 있어 flat 네트워크를 만들 수 없습니다.',
  },
  tunnelIdInUse: {
    en: 'Unable to create the network. The tunnel ID {id} is in use.',
    ko: '터널 ID {id}이(가) 이미 쓰이고 있어 네트워크를 만들 수 없습니다.',
  },
  noNetworkAvailable: {
    en: 'Unable to create the network. No tenant network is available for allocation.',
    ko: '할당할 수 있는 프로젝트 네트워크가 없어 네트워크를 만들 수 없습니다.',
  },
  availabilityZoneNotFound: {
    en: 'AvailabilityZone {zone} could not be found.',
    ko: '가용 영역 {zone}을(를) 찾을 수 없습니다.',
  },

  subnetNotFound: { en: 'Subnet {id} could not be found.', ko: '서브넷 {id}을(를) 찾을 수 없습니다.' },
  subnetInUse: {
    en: 'Unable to complete operation on subnet {id}: {why}.',
    ko: '서브넷 {id}에 대한 작업을 마칠 수 없습니다: {why}.',
  },
  subnetOverlaps: {
    en: 'Invalid input for operation: Requested subnet with cidr: {cidr} for network: {network} overlaps with another subnet ({other}).',
    ko: '요청한 서브넷 {cidr}이(가) 네트워크 {network}의 다른 서브넷({other})과 겹칩니다.',
  },
  gatewayConflictWithAllocationPools: {
    en: 'Gateway ip {ip} conflicts with allocation pool {pool}.',
    ko: '게이트웨이 IP {ip}이(가) 할당 풀 {pool}과(와) 충돌합니다.',
  },
  gatewayIpInUse: {
    en: 'Current gateway ip {ip} already in use by port {port}. Unable to update.',
    ko: '현재 게이트웨이 IP {ip}을(를) 포트 {port}이(가) 쓰고 있어 바꿀 수 없습니다.',
  },
  outOfBoundsAllocationPool: {
    en: 'The allocation pool {pool} spans beyond the subnet cidr {cidr}.',
    ko: '할당 풀 {pool}이(가) 서브넷 {cidr} 범위를 벗어납니다.',
  },
  overlappingAllocationPools: {
    en: 'Found overlapping allocation pools: {pools} for subnet {cidr}.',
    ko: '서브넷 {cidr}의 할당 풀이 서로 겹칩니다: {pools}.',
  },
  invalidAllocationPool: {
    en: 'The allocation pool {pool} is not valid.',
    ko: '할당 풀 {pool}이(가) 올바르지 않습니다.',
  },
  badSubnet: { en: 'Bad subnet request: {why}.', ko: '잘못된 서브넷 요청입니다: {why}.' },

  subnetPoolNotFound: { en: 'Subnet pool {id} could not be found.', ko: '서브넷 풀 {id}을(를) 찾을 수 없습니다.' },
  subnetAllocationError: { en: 'Failed to allocate subnet: {why}.', ko: '서브넷을 할당하지 못했습니다: {why}.' },
  subnetPoolDeleteError: {
    en: 'Unable to delete subnet pool: Subnet pool has existing allocations.',
    ko: '할당된 서브넷이 있어 서브넷 풀을 삭제할 수 없습니다.',
  },
  illegalSubnetPoolUpdate: {
    en: 'Illegal subnetpool update: {why}.',
    ko: '서브넷 풀을 그렇게 바꿀 수 없습니다: {why}.',
  },
  illegalSubnetPoolPrefixBounds: { en: 'Illegal prefix bounds: {why}.', ko: '접두사 범위가 올바르지 않습니다: {why}.' },

  portNotFound: { en: 'Port {id} could not be found.', ko: '포트 {id}을(를) 찾을 수 없습니다.' },
  portBindingNotFound: {
    en: 'Binding for port {id} for host {host} could not be found.',
    ko: '포트 {id}의 호스트 {host} 바인딩을 찾을 수 없습니다.',
  },
  portBindingAlreadyExists: {
    en: 'Binding for port {id} on host {host} already exists.',
    ko: '포트 {id}에 호스트 {host} 바인딩이 이미 있습니다.',
  },
  portBindingAlreadyActive: {
    en: 'Binding for port {id} on host {host} is already active.',
    ko: '포트 {id}의 호스트 {host} 바인딩이 이미 활성 상태입니다.',
  },
  portBindingUnsupported: {
    en: 'Port {id} does not belong to a server, so it has one binding only.',
    ko: '포트 {id}은(는) 서버의 포트가 아니므로 바인딩을 하나만 가질 수 있습니다.',
  },
  portInUse: {
    en: 'Unable to complete operation on port {id} for network {network}. Port already has an attached device {device}.',
    ko: '네트워크 {network}의 포트 {id}에 이미 장치 {device}이(가) 연결되어 있어 작업을 마칠 수 없습니다.',
  },
  portBound: {
    en: 'Unable to complete operation on port {id}, port is already bound.',
    ko: '포트 {id}이(가) 이미 바인딩되어 있어 작업을 마칠 수 없습니다.',
  },
  servicePortInUse: {
    en: 'Port {id} cannot be deleted directly via the port API: {why}.',
    ko: '포트 {id}은(는) 포트 API로 직접 삭제할 수 없습니다: {why}.',
  },
  macAddressInUse: {
    en: 'Unable to complete operation for network {network}. The mac address {mac} is in use.',
    ko: '네트워크 {network}에서 MAC 주소 {mac}이(가) 이미 쓰이고 있습니다.',
  },
  macAddressGenerationFailure: {
    en: 'Unable to generate unique mac on network {network}.',
    ko: '네트워크 {network}에서 고유한 MAC 주소를 만들지 못했습니다.',
  },
  ipAddressInUse: {
    en: 'Unable to complete operation for network {network}. The IP address {ip} is in use.',
    ko: '네트워크 {network}에서 IP 주소 {ip}이(가) 이미 쓰이고 있습니다.',
  },
  ipAddressAlreadyAllocated: {
    en: 'IP address {ip} already allocated in subnet {subnet}.',
    ko: '서브넷 {subnet}에 IP 주소 {ip}이(가) 이미 할당되어 있습니다.',
  },
  ipAddressGenerationFailure: {
    en: 'No more IP addresses available on network {network}.',
    ko: '네트워크 {network}에 남은 IP 주소가 없습니다.',
  },
  invalidIpForNetwork: {
    en: 'IP address {ip} is not a valid IP for any of the subnets on the specified network.',
    ko: 'IP 주소 {ip}은(는) 이 네트워크의 어느 서브넷에도 맞지 않습니다.',
  },
  invalidIpForSubnet: {
    en: 'IP address {ip} is not a valid IP for the specified subnet.',
    ko: 'IP 주소 {ip}은(는) 지정한 서브넷에 맞지 않습니다.',
  },
  addressPairAndPortSecurityRequired: {
    en: 'Port Security must be enabled in order to have allowed address pairs on a port.',
    ko: '포트에 허용 주소 쌍을 두려면 포트 보안을 켜야 합니다.',
  },
  portSecurityAndIPRequiredForSecurityGroups: {
    en: 'Port security must be enabled and port must have an IP address in order to use security groups.',
    ko: '보안 그룹을 쓰려면 포트 보안이 켜져 있고 포트에 IP 주소가 있어야 합니다.',
  },
  duplicateAddressPairInRequest: {
    en: 'Request contains duplicate address pair: mac_address {mac} ip_address {ip}.',
    ko: '주소 쌍이 중복되었습니다: mac_address {mac} ip_address {ip}.',
  },
  portSecurityPortHasSecurityGroup: {
    en: 'Port has security group associated. Cannot disable port security until security group is removed.',
    ko: '포트에 보안 그룹이 있습니다. 보안 그룹을 빼야 포트 보안을 끌 수 있습니다.',
  },
  portNeedsAddress: {
    en: 'Port {id} requires a FixedIP in order to be used.',
    ko: '포트 {id}을(를) 쓰려면 고정 IP가 있어야 합니다.',
  },
  networkNeedsSubnet: {
    en: 'Network {id} requires a subnet in order to boot instances on.',
    ko: '네트워크 {id}에 서버를 띄우려면 서브넷이 있어야 합니다.',
  },

  routerNotFound: { en: 'Router {id} could not be found.', ko: '라우터 {id}을(를) 찾을 수 없습니다.' },
  noVRIDAvailable: {
    en: 'No more Virtual Router Identifier (VRID) available when creating router {router}. The limit of number of HA routers per project is 255.',
    ko: '라우터 {router}에 쓸 가상 라우터 식별자(VRID)가 더 없습니다. 프로젝트당 고가용성 라우터는 255개까지입니다.',
  },
  routerInUse: { en: 'Router {id} still has ports.', ko: '라우터 {id}에 아직 포트가 있습니다.' },
  routerInterfaceNotFound: {
    en: 'Router {router} does not have an interface with id {port}.',
    ko: '라우터 {router}에 인터페이스 {port}이(가) 없습니다.',
  },
  routerInterfaceNotFoundForSubnet: {
    en: 'Router {router} has no interface on subnet {subnet}.',
    ko: '라우터 {router}에 서브넷 {subnet}의 인터페이스가 없습니다.',
  },
  routerInterfaceInUseByFloatingIP: {
    en: 'Router interface for subnet {subnet} on router {router} cannot be deleted, as it is required by one or more floating IPs.',
    ko: '플로팅 IP가 쓰고 있어 라우터 {router}의 서브넷 {subnet} 인터페이스를 삭제할 수 없습니다.',
  },
  routerInterfaceInUseByRoute: {
    en: 'Router interface for subnet {subnet} on router {router} cannot be deleted, as it is required by one or more routes.',
    ko: '경로가 쓰고 있어 라우터 {router}의 서브넷 {subnet} 인터페이스를 삭제할 수 없습니다.',
  },
  routerExternalGatewayInUseByFloatingIp: {
    en: 'Gateway cannot be updated for router {router}, since a gateway to external network {network} is required by one or more floating IPs.',
    ko: '플로팅 IP가 외부 네트워크 {network}의 게이트웨이를 쓰고 있어 라우터 {router}의 게이트웨이를 바꿀 수 없습니다.',
  },
  subnetMismatchForPort: {
    en: 'Subnet on port {port} does not match the requested subnet {subnet}.',
    ko: '포트 {port}의 서브넷이 요청한 서브넷 {subnet}과(와) 다릅니다.',
  },
  badRequest: { en: 'Bad {resource} request: {why}.', ko: '잘못된 {resource} 요청입니다: {why}.' },
  invalidRoutes: {
    en: 'Invalid format for routes: {routes}, {why}.',
    ko: '경로가 올바르지 않습니다: {routes}, {why}.',
  },
  externalGatewayForFloatingIPNotFound: {
    en: 'External network {network} is not reachable from subnet {subnet}. Therefore, cannot associate Port {port} with a Floating IP.',
    ko: '서브넷 {subnet}에서 외부 네트워크 {network}에 닿을 수 없어 포트 {port}에 플로팅 IP를 연결할 수 없습니다.',
  },
  externalIpAddressExhausted: {
    en: 'Unable to find any IP address on external network {network}.',
    ko: '외부 네트워크 {network}에 남은 IP 주소가 없습니다.',
  },

  floatingIPNotFound: { en: 'Floating IP {id} could not be found.', ko: '플로팅 IP {id}을(를) 찾을 수 없습니다.' },
  floatingIPPortAlreadyAssociated: {
    en: 'Cannot associate floating IP {ip} with port {port} using fixed IP {fixedIp}, as that fixed IP already has a floating IP on external network {network}.',
    ko: '고정 IP {fixedIp}에 이미 외부 네트워크 {network}의 플로팅 IP가 있어 {ip}을(를) 포트 {port}에 연결할 수 없습니다.',
  },
  portForwardingNotFound: {
    en: 'Port Forwarding {id} could not be found.',
    ko: '포트 포워딩 {id}을(를) 찾을 수 없습니다.',
  },
  fipInUseByPortForwarding: {
    en: 'Floating IP {ip} is in use by port forwardings.',
    ko: '플로팅 IP {ip}을(를) 포트 포워딩이 쓰고 있습니다.',
  },

  securityGroupNotFound: { en: 'Security group {id} does not exist.', ko: '보안 그룹 {id}이(가) 없습니다.' },
  securityGroupAmbiguous: {
    en: 'There are several security groups named {name}; use an id.',
    ko: '이름이 {name}인 보안 그룹이 여러 개입니다. ID를 쓰십시오.',
  },
  securityGroupInUse: { en: 'Security Group {id} in use.', ko: '보안 그룹 {id}이(가) 쓰이고 있습니다.' },
  securityGroupNotAssociated: {
    en: 'Security group {name} is not associated with the server {server}.',
    ko: '보안 그룹 {name}이(가) 서버 {server}에 연결되어 있지 않습니다.',
  },
  securityGroupNeedsPort: {
    en: 'Server {server} has no port that can have security groups.',
    ko: '서버 {server}에 보안 그룹을 둘 수 있는 포트가 없습니다.',
  },
  securityGroupCannotRemoveDefault: {
    en: 'Insufficient rights for removing default security group.',
    ko: '기본 보안 그룹은 삭제할 수 없습니다.',
  },
  securityGroupCannotUpdateDefault: {
    en: 'Updating default security group not allowed.',
    ko: '기본 보안 그룹의 이름은 바꿀 수 없습니다.',
  },
  securityGroupDefaultAlreadyExists: {
    en: 'Default security group already exists.',
    ko: '기본 보안 그룹이 이미 있습니다.',
  },
  securityGroupRuleNotFound: {
    en: 'Security group rule {id} does not exist.',
    ko: '보안 그룹 규칙 {id}이(가) 없습니다.',
  },
  securityGroupRuleExists: {
    en: 'Security group rule already exists. Rule id is {id}.',
    ko: '같은 보안 그룹 규칙이 이미 있습니다. 규칙 ID는 {id}입니다.',
  },
  securityGroupRuleInvalidProtocol: {
    en: 'Security group rule protocol {protocol} not supported. Only protocol names and integer representations [0 to 255] are supported.',
    ko: '보안 그룹 규칙의 프로토콜 {protocol}은(는) 지원하지 않습니다. 프로토콜 이름이나 0부터 255까지의 정수만 쓸 수 있습니다.',
  },
  securityGroupRuleInvalidEtherType: {
    en: 'Security group rule for ethertype {ethertype} not supported. Allowed values are IPv4, IPv6.',
    ko: '보안 그룹 규칙의 ethertype {ethertype}은(는) 지원하지 않습니다. IPv4, IPv6만 쓸 수 있습니다.',
  },
  securityGroupInvalidPortRange: {
    en: 'For TCP/UDP protocols, port_range_min must be <= port_range_max.',
    ko: 'TCP/UDP에서는 port_range_min이 port_range_max보다 클 수 없습니다.',
  },
  securityGroupInvalidPortValue: {
    en: 'Invalid value for port {port}.',
    ko: '포트 값 {port}이(가) 올바르지 않습니다.',
  },
  securityGroupInvalidIcmpValue: {
    en: 'Invalid value for ICMP {field} {value}. It must be 0 to 255.',
    ko: 'ICMP {field} 값 {value}이(가) 올바르지 않습니다. 0부터 255까지여야 합니다.',
  },
  securityGroupMissingIcmpType: {
    en: 'ICMP code (port-range-max) {value} is provided but ICMP type (port-range-min) is missing.',
    ko: 'ICMP 코드 {value}은(는) 있으나 ICMP 유형(port-range-min)이 없습니다.',
  },
  securityGroupProtocolRequiredWithPorts: {
    en: 'Must also specify protocol if port range is given.',
    ko: '포트 범위를 주려면 프로토콜도 지정해야 합니다.',
  },
  securityGroupInvalidProtocolForPort: {
    en: 'Invalid protocol {protocol} for port range, only supported for TCP, UDP, UDPLITE, SCTP and DCCP.',
    ko: '포트 범위는 TCP, UDP, UDPLITE, SCTP, DCCP에만 쓸 수 있습니다. 프로토콜: {protocol}.',
  },
  securityGroupEthertypeConflictWithProtocol: {
    en: 'Invalid ethertype {ethertype} for protocol {protocol}.',
    ko: '프로토콜 {protocol}에는 ethertype {ethertype}을(를) 쓸 수 없습니다.',
  },
  securityGroupRuleParameterConflict: {
    en: 'Conflicting value ethertype {ethertype} for CIDR {cidr}.',
    ko: 'ethertype {ethertype}이(가) CIDR {cidr}과(와) 맞지 않습니다.',
  },
  securityGroupRemoteGroupAndRemoteIpPrefix: {
    en: 'Only remote_ip_prefix, remote_group_id or remote_address_group_id may be provided.',
    ko: 'remote_ip_prefix, remote_group_id, remote_address_group_id 가운데 하나만 쓸 수 있습니다.',
  },
  securityGroupNotSingleGroupRules: {
    en: 'Only allowed to update rules for one security group at a time.',
    ko: '한 번에 한 보안 그룹의 규칙만 만들 수 있습니다.',
  },
  addressGroupNotFound: { en: 'Address group {id} could not be found.', ko: '주소 그룹 {id}을(를) 찾을 수 없습니다.' },
  addressGroupInUse: {
    en: 'Address group {id} is in use on one or more security group rules.',
    ko: '주소 그룹 {id}을(를) 보안 그룹 규칙이 쓰고 있습니다.',
  },
  addressesNotFound: {
    en: 'Addresses {addresses} not found in the address group {id}.',
    ko: '주소 그룹 {id}에 주소 {addresses}이(가) 없습니다.',
  },
  addressesAlreadyExist: {
    en: 'Addresses {addresses} already exist in the address group {id}.',
    ko: '주소 그룹 {id}에 주소 {addresses}이(가) 이미 있습니다.',
  },

  rbacPolicyNotFound: {
    en: 'RBAC policy of type {type} with ID {id} not found.',
    ko: '유형이 {type}인 RBAC 정책 {id}을(를) 찾을 수 없습니다.',
  },
  duplicateRbacPolicy: {
    en: 'An RBAC policy already exists with those values.',
    ko: '같은 RBAC 정책이 이미 있습니다.',
  },
  rbacPolicyInUse: {
    en: 'RBAC policy on object {id} cannot be removed because other objects depend on it.',
    ko: '다른 자원이 쓰고 있어 {id}의 RBAC 정책을 삭제할 수 없습니다.',
  },
  tagNotFound: { en: 'Tag {tag} could not be found.', ko: '태그 {tag}을(를) 찾을 수 없습니다.' },
  extensionNotFound: { en: 'Extension with alias {alias} does not exist.', ko: '별칭이 {alias}인 확장이 없습니다.' },
  deviceIDNotOwnedByTenant: {
    en: 'The device {device} belongs to another project.',
    ko: '장치 {device}은(는) 다른 프로젝트의 것입니다.',
  },
  invalidDHCPAgent: {
    en: 'Agent {id} is not a valid DHCP agent or has been disabled.',
    ko: '에이전트 {id}은(는) DHCP 에이전트가 아니거나 비활성화되어 있습니다.',
  },
  networkHostedByDHCPAgent: {
    en: 'The network {network} has been already hosted by the DHCP agent {agent}.',
    ko: '네트워크 {network}은(는) 이미 DHCP 에이전트 {agent}이(가) 맡고 있습니다.',
  },
  networkNotHostedByDhcpAgent: {
    en: 'The network {network} is not hosted by the DHCP agent {agent}.',
    ko: '네트워크 {network}은(는) DHCP 에이전트 {agent}이(가) 맡고 있지 않습니다.',
  },
  invalidL3Agent: {
    en: 'Agent {id} is not an L3 agent or has been disabled.',
    ko: '에이전트 {id}은(는) L3 에이전트가 아니거나 비활성화되어 있습니다.',
  },
  routerHostedByL3Agent: {
    en: 'The router {router} has been already hosted by another agent than the L3 agent {agent}.',
    ko: '라우터 {router}은(는) L3 에이전트 {agent}이(가) 아닌 다른 에이전트가 이미 맡고 있습니다.',
  },
  routerNotHostedByL3Agent: {
    en: 'The router {router} is not hosted by the L3 agent {agent}.',
    ko: '라우터 {router}은(는) L3 에이전트 {agent}이(가) 맡고 있지 않습니다.',
  },
  agentNotFound: { en: 'Agent {id} could not be found.', ko: '에이전트 {id}을(를) 찾을 수 없습니다.' },
});
