// Compute's sentences.

import { texts } from '#/platform/text/text.ts';

export const t = texts('compute', {
  serverNotFound: { en: 'Instance {id} could not be found.', ko: '인스턴스 {id}을(를) 찾을 수 없습니다.' },
  flavorNotFound: { en: 'Flavor {id} could not be found.', ko: '플레이버 {id}을(를) 찾을 수 없습니다.' },
  flavorExists: {
    en: 'Flavor with {field} {value} already exists.',
    ko: '{field}이(가) {value}인 플레이버가 이미 있습니다.',
  },
  flavorInUse: {
    en: 'Flavor {id} is public: everybody has access to it.',
    ko: '플레이버 {id}은(는) 공개되어 있어 누구나 쓸 수 있습니다.',
  },
  flavorAccessExists: {
    en: 'Flavor access already exists for flavor {id} and project {project}.',
    ko: '프로젝트 {project}은(는) 이미 플레이버 {id}을(를) 쓸 수 있습니다.',
  },
  flavorAccessNotFound: {
    en: 'Flavor access not found for flavor {id} and project {project}.',
    ko: '프로젝트 {project}에는 플레이버 {id}의 접근 권한이 없습니다.',
  },
  flavorAccessPublic: {
    en: 'Access list not available for public flavors.',
    ko: '공개 플레이버에는 접근 목록이 없습니다.',
  },
  extraSpecNotFound: {
    en: 'Flavor {id} has no extra specs with key {key}.',
    ko: '플레이버 {id}에 추가 사양 {key}이(가) 없습니다.',
  },
  extraSpecInvalid: {
    en: 'Validation failed for extra spec {key}: {why}.',
    ko: '추가 사양 {key}이(가) 올바르지 않습니다: {why}.',
  },
  projectNotFound: {
    en: 'Project ID {project} is not a valid project.',
    ko: '프로젝트 ID {project}은(는) 올바른 프로젝트가 아닙니다.',
  },
  keypairNotFound: {
    en: 'Keypair {name} not found for user {user}.',
    ko: '사용자 {user}에게 키 페어 {name}이(가) 없습니다.',
  },
  keypairExists: { en: 'Key pair {name} already exists.', ko: '키 페어 {name}이(가) 이미 있습니다.' },
  keypairInvalid: { en: 'Keypair data is invalid: {why}.', ko: '키 페어 데이터가 올바르지 않습니다: {why}.' },
  keypairName: {
    en: 'Keypair data is invalid: a name holds letters, digits, spaces, - and _ only, not {name}.',
    ko: '키 페어 이름에는 영문자, 숫자, 공백, -, _만 쓸 수 있습니다: {name}.',
  },
  x509NotMade: {
    en: 'This cloud does not make x509 certificates; import one with public_key.',
    ko: '이 클라우드는 x509 인증서를 만들지 않습니다. public_key로 가져오십시오.',
  },
  overQuota: {
    en: 'Quota exceeded for {resource}: requested {requested}, but already used {used} of {limit}.',
    ko: '{resource} 할당량을 넘습니다: {requested}을(를) 요청했으나 {limit} 중 {used}을(를) 이미 쓰고 있습니다.',
  },
  quotaBelowUse: {
    en: 'Quota limit {limit} for {resource} must be greater than or equal to already used and reserved {used}.',
    ko: '{resource} 할당량 {limit}은(는) 이미 쓰고 있는 {used}보다 작을 수 없습니다.',
  },
  tooManyItems: {
    en: 'Quota exceeded or out of limits for {resource}: {requested} asked, {limit} possible.',
    ko: '{resource}의 한도를 넘습니다: {requested} 요청, {limit}까지 가능합니다.',
  },
  wrongState: {
    en: "Cannot ''{action}'' instance {id} while it is in {what} {state}.",
    ko: '인스턴스 {id}의 {what}이(가) {state}이므로 {action}할 수 없습니다.',
  },
  locked: { en: 'Instance {id} is locked: {reason}.', ko: '인스턴스 {id}은(는) 잠겨 있습니다: {reason}.' },
  notReady: { en: 'Instance {id} is not ready.', ko: '인스턴스 {id}이(가) 아직 준비되지 않았습니다.' },
  noImage: { en: 'Can not find requested image {id}.', ko: '요청한 이미지 {id}을(를) 찾을 수 없습니다.' },
  noBootDevice: {
    en: 'The server has nothing to boot from: name an imageRef, or a block device with boot_index 0.',
    ko: '부팅할 것이 없습니다. imageRef 또는 boot_index 0인 블록 장치를 지정하십시오.',
  },
  badBlockDevice: { en: 'Block Device Mapping is Invalid: {why}.', ko: '블록 장치 매핑이 올바르지 않습니다: {why}.' },
  flavorMemoryTooSmall: {
    en: "Flavor's memory is too small for requested image: {need} MiB needed, {have} MiB in the flavor.",
    ko: '이미지에 비해 플레이버의 메모리가 작습니다: {need} MiB 필요, 플레이버는 {have} MiB입니다.',
  },
  flavorDiskTooSmall: {
    en: "Flavor's disk is too small for requested image: {need} GiB needed, {have} GiB in the flavor.",
    ko: '이미지에 비해 플레이버의 디스크가 작습니다: {need} GiB 필요, 플레이버는 {have} GiB입니다.',
  },
  zeroDisk: {
    en: 'Only volume-backed servers are allowed for flavors with zero disk.',
    ko: '디스크가 0인 플레이버는 볼륨으로 부팅하는 서버에만 쓸 수 있습니다.',
  },
  badKeyName: {
    en: 'Invalid key_name provided: user has no keypair {name}.',
    ko: 'key_name이 올바르지 않습니다. 키 페어 {name}이(가) 없습니다.',
  },
  badUserData: { en: 'User data needs to be valid base 64.', ko: '사용자 데이터는 올바른 base64여야 합니다.' },
  badCounts: {
    en: 'min_count {min} must not be larger than max_count {max}.',
    ko: 'min_count {min}은(는) max_count {max}보다 클 수 없습니다.',
  },
  countWithPort: {
    en: 'Launching multiple instances with a fixed port, address or volume is not possible.',
    ko: '포트, 주소, 볼륨을 지정하면 한 번에 하나의 인스턴스만 만들 수 있습니다.',
  },
  networkAmbiguous: {
    en: 'Multiple possible networks found ({networks}), use a Network ID to be more specific.',
    ko: '쓸 수 있는 네트워크가 여럿입니다({networks}). 네트워크 ID를 지정하십시오.',
  },
  networkRepeated: {
    en: 'Duplicate networks {id} are not allowed.',
    ko: '네트워크 {id}을(를) 두 번 지정할 수 없습니다.',
  },
  networkAsk: { en: 'Each network needs a uuid or a port.', ko: '네트워크마다 uuid나 port가 필요합니다.' },
  externalNetwork: {
    en: 'It is not allowed to create an interface on external network {id}.',
    ko: '외부 네트워크 {id}에는 인터페이스를 만들 수 없습니다.',
  },
  networkNoSubnet: {
    en: 'Network {id} requires a subnet in order to boot instances on.',
    ko: '네트워크 {id}에 서브넷이 있어야 인스턴스를 부팅할 수 있습니다.',
  },
  trustedCerts: {
    en: 'Image certificate validation is not offered by this cloud.',
    ko: '이 클라우드는 이미지 인증서 검증을 제공하지 않습니다.',
  },
  zoneNotFound: {
    en: 'The requested availability zone {zone} is not available.',
    ko: '요청한 가용 구역 {zone}을(를) 쓸 수 없습니다.',
  },
  hostNotFound: { en: 'Compute host {host} could not be found.', ko: '컴퓨트 호스트 {host}을(를) 찾을 수 없습니다.' },
  zoneAndHost: {
    en: 'Name the host either in the availability zone or as host, not both.',
    ko: '호스트는 가용 구역이나 host 중 한 곳에만 지정하십시오.',
  },
  securityGroupNotFound: { en: 'Security group {id} not found.', ko: '보안 그룹 {id}이(가) 없습니다.' },
  securityGroupRuleNotFound: { en: 'Rule {id} not found.', ko: '보안 그룹 규칙 {id}이(가) 없습니다.' },
  groupNotFound: { en: 'Instance group {id} could not be found.', ko: '인스턴스 그룹 {id}을(를) 찾을 수 없습니다.' },
  groupPolicy: { en: 'Invalid input: {why}.', ko: '입력이 올바르지 않습니다: {why}.' },
  hintServer: {
    en: 'The scheduler hint {hint} names server {id}, which does not exist.',
    ko: '스케줄러 힌트 {hint}의 서버 {id}이(가) 없습니다.',
  },
  metadataNotFound: { en: 'Metadata item {key} was not found.', ko: '메타데이터 항목 {key}을(를) 찾을 수 없습니다.' },
  metadataKey: {
    en: 'Invalid metadata: the body must hold the one item {key}.',
    ko: '본문에는 항목 {key} 하나만 있어야 합니다.',
  },
  tagNotFound: { en: 'Server {id} has no tag {tag}.', ko: '서버 {id}에 태그 {tag}이(가) 없습니다.' },
  tagInvalid: {
    en: 'Tag {tag} is not valid: a tag holds 1 to 60 characters, without / and comma.',
    ko: '태그 {tag}은(는) 쓸 수 없습니다. 태그는 1~60자이며 /와 쉼표를 쓸 수 없습니다.',
  },
  tooManyTags: {
    en: 'The number of tags exceeded the per-server limit {limit}.',
    ko: '서버당 태그 한도 {limit}개를 넘습니다.',
  },
  networkLabelNotFound: {
    en: 'Network {label} not found on this instance.',
    ko: '이 인스턴스에 네트워크 {label}이(가) 없습니다.',
  },
  interfaceNotFound: { en: 'Instance {id} has no port {port}.', ko: '인스턴스 {id}에 포트 {port}이(가) 없습니다.' },
  interfaceAsk: {
    en: 'Give either port_id, or net_id, not both; fixed_ips needs net_id.',
    ko: 'port_id와 net_id 중 하나만 지정하십시오. fixed_ips에는 net_id가 필요합니다.',
  },
  attachmentNotFound: {
    en: 'Instance {id} is not attached to volume {volume}.',
    ko: '인스턴스 {id}에 볼륨 {volume}이(가) 연결되어 있지 않습니다.',
  },
  alreadyAttached: {
    en: 'Volume {volume} is already attached to instance {id}.',
    ko: '볼륨 {volume}은(는) 이미 인스턴스 {id}에 연결되어 있습니다.',
  },
  deviceInUse: { en: 'The device {device} is in use already.', ko: '장치 {device}은(는) 이미 쓰이고 있습니다.' },
  rootVolume: { en: 'Cannot detach a root device volume.', ko: '루트 장치 볼륨은 분리할 수 없습니다.' },
  volumeNotReady: {
    en: 'Volume {volume} did not become available: it is {status}.',
    ko: '볼륨 {volume}이(가) 준비되지 않았습니다. 상태: {status}.',
  },
  volumeUpdate: {
    en: 'The volume of an attachment cannot be changed; only delete_on_termination can.',
    ko: '연결의 볼륨은 바꿀 수 없고 delete_on_termination만 바꿀 수 있습니다.',
  },
  rebuildVolumeBacked: {
    en: 'A volume-backed server is rebuilt only from the image that it has: {image}.',
    ko: '볼륨으로 부팅한 서버는 지금 이미지 {image}(으)로만 다시 만들 수 있습니다.',
  },
  actionNotFound: {
    en: 'Action for request_id {request} on instance {id} not found.',
    ko: '인스턴스 {id}에 요청 {request}의 작업 기록이 없습니다.',
  },
  serviceNotFound: { en: 'Service {id} could not be found.', ko: '서비스 {id}을(를) 찾을 수 없습니다.' },
  hypervisorNotFound: { en: 'Hypervisor {id} could not be found.', ko: '하이퍼바이저 {id}을(를) 찾을 수 없습니다.' },
  reasonWithoutDisable: {
    en: 'Specifying disabled_reason requires that status is disabled.',
    ko: 'disabled_reason은 status가 disabled일 때만 지정할 수 있습니다.',
  },
  serviceNotChangeable: {
    en: 'The service {binary} on host {host} cannot be disabled.',
    ko: '호스트 {host}의 서비스 {binary}은(는) 비활성화할 수 없습니다.',
  },
  aggregateNotFound: { en: 'Aggregate {id} could not be found.', ko: '호스트 집합 {id}을(를) 찾을 수 없습니다.' },
  aggregateExists: { en: 'Aggregate {name} already exists.', ko: '호스트 집합 {name}이(가) 이미 있습니다.' },
  aggregateHostExists: {
    en: 'Aggregate {id} already has host {host}.',
    ko: '호스트 집합 {id}에 호스트 {host}이(가) 이미 있습니다.',
  },
  aggregateHostNotFound: {
    en: 'Aggregate {id} has no host {host}.',
    ko: '호스트 집합 {id}에 호스트 {host}이(가) 없습니다.',
  },
  aggregateHasHosts: {
    en: 'Aggregate {id} is not empty: it has {hosts}.',
    ko: '호스트 집합 {id}이(가) 비어 있지 않습니다: {hosts}.',
  },
  aggregateZones: {
    en: 'Host {host} is in availability zone {zone} already.',
    ko: '호스트 {host}은(는) 이미 가용 구역 {zone}에 있습니다.',
  },
  aggregateZoneServers: {
    en: 'The availability zone of host {host} cannot change while it has servers.',
    ko: '서버가 있는 동안에는 호스트 {host}의 가용 구역을 바꿀 수 없습니다.',
  },
  extensionNotFound: { en: 'There is no extension {alias}.', ko: '확장 {alias}이(가) 없습니다.' },
  consoleType: {
    en: 'Console type {type} is not offered with protocol {protocol}; offered: vnc with novnc, serial with serial.',
    ko: '{protocol} 프로토콜의 콘솔 유형 {type}은(는) 없습니다. 가능: vnc의 novnc, serial의 serial.',
  },
  consoleToken: {
    en: 'The console token is not valid or has been used.',
    ko: '콘솔 토큰이 올바르지 않거나 이미 쓰였습니다.',
  },
  badSortKey: { en: 'Sort key supplied is invalid: {key}.', ko: '정렬 키가 올바르지 않습니다: {key}.' },
  badStatus: { en: 'Invalid status value: {status}.', ko: '상태 값이 올바르지 않습니다: {status}.' },
  badFilter: { en: 'Invalid value for filter {key}: {value}.', ko: '필터 {key}의 값이 올바르지 않습니다: {value}.' },
  allTenants: {
    en: 'Listing the servers of all projects takes the rule {rule}.',
    ko: '모든 프로젝트의 서버를 보려면 {rule} 규칙이 필요합니다.',
  },
  needsRule: {
    en: 'Policy does not allow this request: it takes {rule}.',
    ko: '정책이 이 요청을 허용하지 않습니다. 필요한 규칙: {rule}.',
  },
  guestExited: { en: 'The guest ended by itself: {reason}', ko: '게스트가 스스로 끝났습니다: {reason}' },
  noValidHost: {
    en: 'No valid host was found. {refusals} {nearest}',
    ko: '유효한 호스트를 찾지 못했습니다. {refusals} {nearest}',
  },
  noHosts: { en: 'There are no compute hosts.', ko: '컴퓨트 호스트가 없습니다.' },
  filterCount: {
    en: '{filter} refused {count} of {all} hosts',
    ko: '{filter}이(가) 호스트 {all}개 중 {count}개를 거부',
  },
  nearestHost: {
    en: 'Nearest is {host}: it would fit {changes}.',
    ko: '가장 가까운 호스트는 {host}입니다: {changes} 들어갈 수 있습니다.',
  },
  changeResource: {
    en: 'with {resource} {free} or less (asked {need}), or with {missing} more there',
    ko: '{resource}을(를) {free} 이하로 줄이거나(요청 {need}) 호스트에 {missing}이(가) 더 있으면',
  },
  changeEnable: { en: 'once its compute service is enabled ({reason})', ko: '컴퓨트 서비스를 활성화하면({reason})' },
  changeUp: { en: 'once it is up again', ko: '호스트가 다시 켜지면' },
  changeZone: {
    en: 'with availability zone {zone} instead of {asked}',
    ko: '가용 구역을 {asked} 대신 {zone}(으)로 하면',
  },
  changeHost: { en: 'without asking for host {asked}', ko: '호스트 {asked}을(를) 지정하지 않으면' },
  changeArchitecture: { en: 'with an image for {have} instead of {asked}', ko: '{asked} 대신 {have}용 이미지를 쓰면' },
  changeCapability: {
    en: 'without the extra spec {key}={asked} (it has {have})',
    ko: '추가 사양 {key}={asked}이(가) 없으면(호스트: {have})',
  },
  changeAggregate: { en: 'in an aggregate with {key}={asked}', ko: '{key}={asked}인 호스트 집합에 있으면' },
  changeImageProperty: { en: 'with image property {key}={asked}', ko: '이미지 속성이 {key}={asked}이면' },
  changeAntiAffinity: {
    en: 'without server group {group}, {count} of whose members are there already',
    ko: '서버 그룹 {group}이(가) 아니면(구성원 {count}개가 이미 있음)',
  },
  changeAffinity: {
    en: 'without server group {group}, whose members are on {hosts}',
    ko: '서버 그룹 {group}이(가) 아니면(구성원은 {hosts}에 있음)',
  },
  changeDifferentHost: {
    en: 'without the hint different_host: {servers} run there',
    ko: 'different_host 힌트가 없으면({servers}이(가) 그곳에 있음)',
  },
  changeSameHost: {
    en: 'without the hint same_host: {servers} run on {hosts}',
    ko: 'same_host 힌트가 없으면({servers}은(는) {hosts}에 있음)',
  },
  changeOtherHost: { en: 'if the server did not have to leave it', ko: '서버가 그 호스트를 떠나지 않아도 되면' },
  hostIsDown: {
    en: 'Host {host}, which holds instance {id}, does not answer.',
    ko: '인스턴스 {id}을(를) 가진 호스트 {host}이(가) 응답하지 않습니다.',
  },
  hostIsUp: {
    en: 'Host {host} answers: instance {id} can be evacuated once it is down, or forced down after it was fenced.',
    ko: '호스트 {host}이(가) 응답하고 있습니다. 인스턴스 {id}은(는) 호스트가 꺼지거나, 격리한 뒤 forced down으로 표시해야 대피할 수 있습니다.',
  },
  movesAlready: { en: 'Instance {id} is being moved already.', ko: '인스턴스 {id}은(는) 이미 이동 중입니다.' },
  volumeOnItsWay: {
    en: 'Volume {volume} is just being attached to instance {id}, or detached: try again when that is done.',
    ko: '볼륨 {volume}을(를) 인스턴스 {id}에 연결하거나 분리하는 중입니다. 끝난 뒤에 다시 시도하십시오.',
  },
  volumeHostDown: {
    en: 'Volume {volume} of instance {id} is on host {host}, which does not answer.',
    ko: '인스턴스 {id}의 볼륨 {volume}을(를) 가진 호스트 {host}이(가) 응답하지 않습니다.',
  },
  nothingToConfirm: {
    en: 'Instance has not been resized: there is nothing to confirm or to revert for {id}.',
    ko: '인스턴스 {id}에는 확인하거나 되돌릴 크기 변경이 없습니다.',
  },
  sameFlavor: { en: 'When resizing, instances must change flavor!', ko: '크기를 바꾸려면 다른 플레이버여야 합니다.' },
  resizeToZeroDisk: {
    en: 'Resize to zero disk flavor is not allowed.',
    ko: '디스크가 0인 플레이버로는 바꿀 수 없습니다.',
  },
  diskShrinks: {
    en: 'Disks only grow: the {what} of {from} GiB cannot become one of {to} GiB.',
    ko: '디스크는 커지기만 합니다. {what} {from} GiB를 {to} GiB로 줄일 수 없습니다.',
  },
  sameHostAsked: { en: 'The instance is on host {host} already.', ko: '인스턴스가 이미 호스트 {host}에 있습니다.' },
  migrationNotFound: {
    en: 'Migration {migration} is not found for server {id}, or is no longer under way.',
    ko: '서버 {id}의 마이그레이션 {migration}이(가) 없거나 이미 끝났습니다.',
  },
  migrationState: {
    en: 'Migration {migration} is {status}: this takes one that is {wanted}.',
    ko: '마이그레이션 {migration}의 상태는 {status}입니다. {wanted} 상태여야 합니다.',
  },
  disksNotShared: {
    en: 'The local disks of instance {id} are not shared between hosts: ask for block_migration.',
    ko: '인스턴스 {id}의 로컬 디스크는 호스트 사이에 공유되지 않습니다. block_migration을 요청하십시오.',
  },
  sendingFailed: { en: 'The guest was not sent: {reason}', ko: '게스트를 보내지 못했습니다: {reason}' },
  sendingAborted: {
    en: 'The live migration was aborted on request.',
    ko: '요청에 따라 라이브 마이그레이션을 중단했습니다.',
  },
  accelerators: {
    en: 'Host {dest} runs guests under {there}, host {source} under {here}: a running guest cannot change that.',
    ko: '호스트 {dest}은(는) {there}, 호스트 {source}은(는) {here}(으)로 게스트를 실행합니다. 실행 중인 게스트는 바꿀 수 없습니다.',
  },
  badImageMapping: {
    en: 'The image’s block_device_mapping is not valid at {where}: {why}.',
    ko: '이미지의 block_device_mapping이 {where}에서 올바르지 않습니다: {why}.',
  },
  copyTakesLong: {
    en: 'Host {host} still copies the disk of server {id}.',
    ko: '호스트 {host}이(가) 아직 서버 {id}의 디스크를 복사하고 있습니다.',
  },
  noLongerCopied: {
    en: 'The disk of server {id} is no longer to be copied.',
    ko: '서버 {id}의 디스크를 더 이상 복사하지 않습니다.',
  },
});
