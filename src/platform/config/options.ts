// Every option that an operator can set, in one table: type, default, what it means. The configuration file, the
// environment (`HANEUL_LISTEN_PORT`), the documentation and the type `Config` are read off it.

import type { Static, TSchema } from 'typebox';
import { array, boolean, either, integer, nothing, number, oneOf, string } from '#/platform/http/schema.ts';
import {
  isAddress,
  isCidr,
  isDatabaseUrl,
  isHostName,
  isHostOffer,
  isHttpsOrigin,
  isHttpUrl,
  isMachineRole,
  isPattern,
} from './formats.ts';

export interface Option<S extends TSchema = TSchema> {
  schema: S;
  default: Static<S>;
  en: string;
  ko: string;
  /** A narrower rule than the schema can say, and a value that fits it. */
  check?: { holds: (value: string) => boolean; example: string };
  /** Shown as `***`. */
  secret?: true;
}

function option<S extends TSchema>(schema: S, rest: Omit<Option<S>, 'schema'>): Option<S> {
  return { schema, ...rest };
}

function quota(limit: number, en: string, ko: string): Option<ReturnType<typeof integer>> {
  return option(integer({ min: -1, max: 2_147_483_647 }), {
    default: limit,
    en: `${en} per project; -1 is unlimited.`,
    ko: `프로젝트당 ${ko}. -1은 무제한.`,
  });
}

const text = string({ min: 1, max: 255 });
const ratio = number({ min: 0.1, max: 64 });

export const options = {
  listen_address: option(text, {
    default: '127.0.0.1',
    check: { holds: isAddress, example: '0.0.0.0' },
    en: 'The address on which the APIs and the dashboard answer. 0.0.0.0 is every IPv4 address of this machine.',
    ko: 'API와 대시보드가 응답하는 주소. 0.0.0.0은 이 컴퓨터의 모든 IPv4 주소.',
  }),
  listen_port: option(integer({ min: 1, max: 65_535 }), {
    default: 8700,
    en: 'The TCP port of the APIs and the dashboard.',
    ko: 'API와 대시보드의 TCP 포트.',
  }),
  public_url: option(either(nothing(), text), {
    default: null,
    check: { holds: isHttpUrl, example: 'https://cloud.example.org' },
    en: 'The URL by which clients reach this cloud, as the catalog tells it; set it behind a proxy. Empty: made of the listen address and port.',
    ko: '클라이언트가 이 클라우드에 접속하는 URL로, 카탈로그에 실립니다. 프록시 뒤에 있을 때 설정합니다. 비우면 응답 주소와 포트로 만듭니다.',
  }),
  tls_certificate_file: option(either(nothing(), text), {
    default: null,
    en: 'The certificate (PEM, with those between it and its authority) of the APIs and the dashboard, which then answer by HTTPS. Read again when it changes.',
    ko: 'API와 대시보드의 인증서(PEM, 중간 인증서 포함). 설정하면 HTTPS로 응답합니다. 바뀌면 다시 읽습니다.',
  }),
  tls_key_file: option(either(nothing(), text), {
    default: null,
    en: 'The private key (PEM) of that certificate.',
    ko: '그 인증서의 개인 키(PEM).',
  }),
  tls_client_ca_file: option(either(nothing(), text), {
    default: null,
    en: 'The certificates (PEM) of the authorities whose client certificates count: for OAuth 2.0 with mutual TLS. Empty: clients are asked for none.',
    ko: '클라이언트 인증서를 인정할 인증 기관의 인증서(PEM). 상호 TLS를 쓰는 OAuth 2.0에 필요합니다. 비우면 클라이언트에 인증서를 요청하지 않습니다.',
  }),
  log_level: option(oneOf('debug', 'info', 'warn', 'error'), {
    default: 'info',
    en: 'The least important lines that the logs keep.',
    ko: '로그에 남기는 가장 낮은 중요도.',
  }),
  region_name: option(text, {
    default: 'RegionOne',
    en: 'The name of this region in the catalog.',
    ko: '카탈로그에 실리는 리전 이름.',
  }),
  admin_password: option(either(nothing(), string({ min: 8, max: 4096 })), {
    default: null,
    secret: true,
    en: 'The password of the user admin, set at the first start. Empty: a random one is made and written to clouds.yaml.',
    ko: '첫 시작 때 정해지는 admin 사용자의 비밀번호. 비우면 임의로 만들어 clouds.yaml에 적습니다.',
  }),
  external_network_cidr: option(text, {
    default: '172.24.4.0/24',
    check: { holds: isCidr, example: '172.24.4.0/24' },
    en: 'The range of floating IP addresses, made as the network "public" at the first start. Its first address is put on this machine.',
    ko: '유동 IP 주소의 범위. 첫 시작 때 "public" 네트워크로 만들어지고, 첫 주소는 이 컴퓨터에 부여됩니다.',
  }),
  dns_servers: option(array(text, { max: 8 }), {
    default: [],
    check: { holds: isAddress, example: '9.9.9.9' },
    en: 'Name servers for guests on subnets that name none. Empty: those of this machine.',
    ko: '이름 서버가 지정되지 않은 서브넷의 게스트가 쓸 이름 서버. 비우면 이 컴퓨터의 것을 씁니다.',
  }),
  accelerator: option(oneOf('auto', 'kvm', 'tcg'), {
    default: 'auto',
    en: 'How guests run: kvm uses the processor, tcg emulates it (slow, and no security boundary), auto takes kvm where it works.',
    ko: '게스트 실행 방식. kvm은 프로세서의 가상화를 쓰고, tcg는 에뮬레이션(느리고 보안 경계가 아님), auto는 가능하면 kvm을 씁니다.',
  }),
  simulate_hosts: option(integer({ min: 0, max: 10_000 }), {
    default: 0,
    en: 'How many simulated hosts the cloud has, for trying clients without root; 0 is a real cloud on this machine.',
    ko: '시뮬레이션 호스트의 수. root 없이 클라이언트를 시험할 때 씁니다. 0이면 이 컴퓨터에 실제 클라우드를 만듭니다.',
  }),
  worker_concurrency: option(integer({ min: 1, max: 1024 }), {
    default: 16,
    en: 'How many operations (long work) run at the same time.',
    ko: '동시에 실행되는 작업(오래 걸리는 일)의 수.',
  }),
  allow_resize_to_same_host: option(boolean(), {
    default: true,
    en: 'Whether a resize may leave a server on its host; then it does where the new flavor fits there.',
    ko: '크기를 바꿀 때 서버가 같은 호스트에 머물 수 있는지. 그 호스트에 새 플레이버가 들어가면 머뭅니다.',
  }),
  resize_confirm_window_seconds: option(integer({ min: 0, max: 31_536_000 }), {
    default: 0,
    en: 'After how many seconds a resize that nobody confirmed or reverted counts as confirmed; 0 is never.',
    ko: '확인하거나 되돌리지 않은 크기 변경을 확인된 것으로 보는 시간(초). 0이면 없음.',
  }),
  token_lifetime_seconds: option(integer({ min: 60, max: 604_800 }), {
    default: 3600,
    en: 'How long a token is valid, in seconds.',
    ko: '토큰의 유효 시간(초).',
  }),
  token_provider: option(oneOf('fernet', 'jws'), {
    default: 'fernet',
    en: 'How tokens are made: fernet encrypts them, jws signs them (ES256) so that others can read whom they are for and check them with the public keys. Changing it ends all tokens.',
    ko: '토큰을 만드는 방식. fernet은 암호화하고, jws는 서명(ES256)하여 다른 곳에서도 공개 키로 누구의 토큰인지 읽고 확인할 수 있습니다. 바꾸면 모든 토큰이 끝납니다.',
  }),
  limit_model: option(oneOf('flat', 'strict_two_level'), {
    default: 'flat',
    en: 'How unified limits add up: flat, each for itself; strict_two_level, the limit of a domain bounds that of each of its projects, which then nest at most two levels deep.',
    ko: '통합 제한을 따지는 방식. flat은 서로 관계없이, strict_two_level은 도메인의 제한이 그 프로젝트 각각의 제한을 넘지 못하게 하며 프로젝트는 두 단계까지만 중첩됩니다.',
  }),
  lockout_failure_attempts: option(integer({ min: 0, max: 1000 }), {
    default: 0,
    en: 'After how many wrong passwords in a row a user is locked out; 0 is never.',
    ko: '비밀번호를 연속으로 몇 번 틀리면 사용자를 잠글지 정합니다. 0이면 잠그지 않습니다.',
  }),
  lockout_duration_seconds: option(integer({ min: 1, max: 31_536_000 }), {
    default: 1800,
    en: 'How long a user stays locked out, in seconds.',
    ko: '사용자가 잠겨 있는 시간(초).',
  }),
  password_expires_days: option(integer({ min: 0, max: 3650 }), {
    default: 0,
    en: 'After how many days a password must be changed; 0 is never. Holds for passwords set from then on.',
    ko: '비밀번호를 바꾸어야 하는 기간(일). 0이면 없음. 이후에 정하는 비밀번호부터 적용됩니다.',
  }),
  unique_last_password_count: option(integer({ min: 0, max: 64 }), {
    default: 0,
    en: 'How many of their last passwords, the current one included, users cannot choose again.',
    ko: '사용자가 다시 쓸 수 없는 최근 비밀번호의 수(현재 비밀번호 포함).',
  }),
  minimum_password_age_days: option(integer({ min: 0, max: 3650 }), {
    default: 0,
    en: 'How many days a password must be kept before its user may change it.',
    ko: '사용자가 비밀번호를 다시 바꿀 수 있을 때까지의 최소 기간(일).',
  }),
  password_regex: option(either(nothing(), string({ min: 1, max: 1000 })), {
    default: null,
    check: { holds: isPattern, example: '^(?=.*\\d)(?=.*[a-zA-Z]).{8,}$' },
    en: 'The regular expression that new passwords must match.',
    ko: '새 비밀번호가 맞아야 하는 정규식.',
  }),
  password_regex_description: option(either(nothing(), string({ min: 1, max: 1000 })), {
    default: null,
    en: 'What `password_regex` demands, in words that users are shown.',
    ko: '`password_regex`가 요구하는 조건을 사용자에게 알려 줄 문장.',
  }),
  change_password_upon_first_use: option(boolean(), {
    default: false,
    en: 'Users must change a password that an administrator gave them before they can log in.',
    ko: '관리자가 정해 준 비밀번호는 사용자가 먼저 바꾸어야 로그인할 수 있습니다.',
  }),
  disable_user_account_days_inactive: option(integer({ min: 0, max: 3650 }), {
    default: 0,
    en: 'After how many days without a login a user counts as disabled; 0 is never.',
    ko: '며칠 동안 로그인하지 않은 사용자를 비활성화된 것으로 볼지 정합니다. 0이면 없음.',
  }),
  database_url: option(either(nothing(), string({ min: 1, max: 2000 })), {
    default: null,
    secret: true,
    check: { holds: isDatabaseUrl, example: 'postgres://haneul:secret@db.example.org:5432/haneul?sslmode=verify-full' },
    en: 'The PostgreSQL database (15 or newer) of a cloud on many machines; several hosts with commas, of which one is the primary. Empty: a file in the data directory. `haneul migrate-database` moves a cloud from one to the other.',
    ko: '여러 컴퓨터로 된 클라우드의 PostgreSQL 데이터베이스(15 이상). 호스트를 쉼표로 여럿 적을 수 있고 그중 하나가 주 서버입니다. 비우면 데이터 디렉터리의 파일을 씁니다. `haneul migrate-database`로 옮깁니다.',
  }),
  database_connections: option(integer({ min: 2, max: 500 }), {
    default: 16,
    en: 'How many connections to PostgreSQL one control plane process opens at most.',
    ko: '컨트롤 플레인 프로세스 하나가 여는 PostgreSQL 연결의 최대 수.',
  }),
  outgoing_allowed_networks: option(array(text, { max: 64 }), {
    default: [],
    check: { holds: isCidr, example: '10.20.0.0/16' },
    en: 'Networks that this cloud may fetch from although they are private or this machine: where an identity provider is, or images are imported from. Everything else that is not public is refused.',
    ko: '사설 네트워크나 이 컴퓨터 자신이라도 이 클라우드가 접속해도 되는 네트워크(ID 공급자나 이미지를 가져올 곳). 그 밖의 공개되지 않은 주소는 거절합니다.',
  }),
  trusted_dashboards: option(array(text, { max: 16 }), {
    default: [],
    check: { holds: isHttpUrl, example: 'https://dashboard.example.org/auth/websso/' },
    en: 'Addresses of dashboards to which a browser may carry a token after logging in through an identity provider (WebSSO).',
    ko: 'ID 공급자로 로그인한 뒤 브라우저가 토큰을 가지고 돌아가도 되는 대시보드의 주소(WebSSO).',
  }),
  cluster_address: option(either(nothing(), text), {
    default: null,
    check: { holds: isAddress, example: '10.0.0.11' },
    en: 'The address of this machine by which the other machines of the cloud reach it (the management network). Empty: a cloud on one machine.',
    ko: '클라우드의 다른 컴퓨터가 이 컴퓨터에 접속하는 주소(관리 네트워크). 비우면 컴퓨터 한 대로 된 클라우드입니다.',
  }),
  cluster_port: option(integer({ min: 1, max: 65_535 }), {
    default: 8701,
    en: 'The TCP port at the cluster address on which machines join and hosts fetch images.',
    ko: '컴퓨터가 합류하고 호스트가 이미지를 가져가는, 클러스터 주소의 TCP 포트.',
  }),
  tunnel_address: option(either(nothing(), text), {
    default: null,
    check: { holds: isAddress, example: '10.0.1.11' },
    en: 'The address of this machine for traffic between guests on different hosts (the data network). Empty: the cluster address.',
    ko: '서로 다른 호스트의 게스트 사이의 통신에 쓰는 이 컴퓨터의 주소(데이터 네트워크). 비우면 클러스터 주소를 씁니다.',
  }),
  external_interface: option(either(nothing(), string({ min: 1, max: 15 })), {
    default: null,
    en: "This machine's network interface on the external network; it must have no addresses. Routers with a gateway then run only on machines that have one. Empty on all: one machine is the way out for the whole cloud.",
    ko: '외부 네트워크에 연결된 이 컴퓨터의 네트워크 인터페이스. 주소가 없어야 합니다. 설정하면 게이트웨이가 있는 라우터는 이런 인터페이스가 있는 컴퓨터에서만 실행됩니다. 모두 비우면 한 컴퓨터가 클라우드 전체의 출구가 됩니다.',
  }),
  underlay_mtu: option(integer({ min: 1350, max: 9216 }), {
    default: 1500,
    en: 'The largest packet in bytes that passes between the machines. Networks get 50 bytes less, 70 where the tunnels run over IPv6.',
    ko: '컴퓨터 사이에서 전달되는 가장 큰 패킷의 바이트 수. 네트워크는 50바이트, 터널이 IPv6이면 70바이트 작아집니다.',
  }),
  dhcp_agents_per_network: option(integer({ min: 1, max: 8 }), {
    default: 2,
    en: 'How many machines serve a network with DHCP, where there are as many.',
    ko: '네트워크 하나에 DHCP를 제공하는 컴퓨터의 수(그만큼 있을 때).',
  }),
  l3_ha: option(boolean(), {
    default: false,
    en: 'Whether new routers are highly available: on several machines at once, one of which works.',
    ko: '새 라우터를 고가용성으로 만들지 정합니다. 여러 컴퓨터에 동시에 있고 그중 하나가 동작합니다.',
  }),
  l3_agents_per_router: option(integer({ min: 2, max: 4 }), {
    default: 2,
    en: 'On how many machines a highly available router is, where there are as many.',
    ko: '고가용성 라우터가 올라가는 컴퓨터의 수(그만큼 있을 때).',
  }),
  cluster_servers: option(array(text, { max: 32 }), {
    default: [],
    check: { holds: isHttpsOrigin, example: 'https://10.0.0.11:8701' },
    en: 'Where a joined machine reaches the cloud that it belongs to; `haneul join` writes it.',
    ko: '합류한 컴퓨터가 자신이 속한 클라우드에 접속하는 곳. `haneul join`이 적습니다.',
  }),
  roles: option(array(text, { min: 1, max: 3 }), {
    default: ['api', 'worker', 'host'],
    check: { holds: isMachineRole, example: 'host' },
    en: 'What this machine runs: api (answers clients), worker (does the long work), host (guests, networks, disks).',
    ko: '이 컴퓨터가 하는 일: api(클라이언트에 응답), worker(오래 걸리는 작업), host(게스트, 네트워크, 디스크).',
  }),
  host_name: option(either(nothing(), text), {
    default: null,
    check: { holds: isHostName, example: 'compute-1' },
    en: 'The name of this host in the cloud. Empty: the name of the machine.',
    ko: '클라우드에서 이 호스트의 이름. 비우면 컴퓨터의 이름을 씁니다.',
  }),
  host_offers: option(array(text, { min: 1, max: 3 }), {
    default: ['compute', 'network', 'storage'],
    check: { holds: isHostOffer, example: 'compute' },
    en: 'What this host offers: compute (guests), network (routers, DHCP), storage (volumes).',
    ko: '이 호스트가 제공하는 것: compute(게스트), network(라우터, DHCP), storage(볼륨).',
  }),
  bus_port: option(integer({ min: 1, max: 65_535 }), {
    default: 4222,
    en: 'The TCP port at the cluster address of the NATS server that `haneul up` runs there.',
    ko: '`haneul up`이 클러스터 주소에서 실행하는 NATS 서버의 TCP 포트.',
  }),
  migration_port: option(integer({ min: 1, max: 65_535 }), {
    default: 8702,
    en: 'The TCP port at which hosts of a cluster take the disks and memory of guests that move, and give volumes to guests elsewhere, at the address of tunnels.',
    ko: '클러스터의 호스트가 이동하는 게스트의 디스크와 메모리를 받고 다른 호스트의 게스트에 볼륨을 제공하는 TCP 포트. 터널 주소에서 응답합니다.',
  }),
  bus_servers: option(array(text, { max: 32 }), {
    default: [],
    en: 'The NATS servers (`tls://bus.example.org:4222`) between the machines of a cloud. Empty: a socket on this machine.',
    ko: '클라우드의 컴퓨터들을 잇는 NATS 서버(`tls://bus.example.org:4222`). 비우면 이 컴퓨터의 소켓을 씁니다.',
  }),
  bus_ca_file: option(either(nothing(), text), {
    default: null,
    en: 'The certificate (PEM) of the authority that signed those of the NATS servers and hosts.',
    ko: 'NATS 서버와 호스트의 인증서에 서명한 인증 기관의 인증서(PEM).',
  }),
  bus_certificate_file: option(either(nothing(), text), {
    default: null,
    en: 'The certificate (PEM) with which this machine speaks to NATS.',
    ko: '이 컴퓨터가 NATS에 접속할 때 쓰는 인증서(PEM).',
  }),
  bus_key_file: option(either(nothing(), text), {
    default: null,
    en: 'The private key (PEM) of that certificate.',
    ko: '그 인증서의 개인 키(PEM).',
  }),
  image_directory: option(either(nothing(), string({ min: 1, max: 1000 })), {
    default: null,
    check: { holds: value => value.startsWith('/'), example: '/srv/images' },
    en: 'The directory of image files, for a cloud whose APIs run on several machines: one that they all share. Empty: in the data directory.',
    ko: '이미지 파일의 디렉터리. API를 여러 컴퓨터에서 실행하는 클라우드에서는 모두가 공유하는 디렉터리를 적습니다. 비우면 데이터 디렉터리 안에 둡니다.',
  }),
  policy_directory: option(text, {
    default: 'policy',
    en: "The directory with the operator's policy files, one per service (`compute.yaml`); relative to the data directory.",
    ko: '운영자의 정책 파일 디렉터리. 서비스마다 파일 하나(`compute.yaml`). 데이터 디렉터리 기준 상대 경로.',
  }),
  cpu_allocation_ratio: option(ratio, {
    default: 4,
    en: 'How many virtual processors are given out per processor of a host.',
    ko: '호스트의 프로세서 하나당 나누어 주는 가상 프로세서의 수.',
  }),
  ram_allocation_ratio: option(ratio, {
    default: 1,
    en: 'How much memory is given out per unit of memory of a host.',
    ko: '호스트 메모리 대비 나누어 주는 메모리의 비율.',
  }),
  disk_allocation_ratio: option(ratio, {
    default: 1,
    en: 'How much disk is given out per unit of disk of a host.',
    ko: '호스트 디스크 대비 나누어 주는 디스크의 비율.',
  }),
  reserved_host_memory_mib: option(integer({ min: 0, max: 1_048_576 }), {
    default: 512,
    en: 'Memory in MiB that is kept for the host itself.',
    ko: '호스트 자신을 위해 남겨 두는 메모리(MiB).',
  }),
} satisfies Record<string, Option>;

/** The quotas of a project that has none of its own. */
export const quotaOptions = {
  instances: quota(10, 'Servers', '서버 수'),
  cores: quota(20, 'Virtual processors of servers', '서버의 가상 프로세서 수'),
  ram_mib: quota(51_200, 'Memory of servers in MiB', '서버의 메모리(MiB)'),
  key_pairs: quota(100, 'Key pairs of a user (not of a project); counted', '키 쌍 수(사용자 기준)'),
  server_groups: quota(10, 'Server groups', '서버 그룹 수'),
  server_group_members: quota(10, 'Servers in one server group', '서버 그룹 하나의 서버 수'),
  metadata_items: quota(128, 'Metadata items of one server', '서버 하나의 메타데이터 항목 수'),
  injected_files: quota(5, 'Injected files of one server', '서버 하나에 주입하는 파일 수'),
  injected_file_content_bytes: quota(10_240, 'Bytes of one injected file', '주입하는 파일 하나의 바이트 수'),
  injected_file_path_bytes: quota(255, "Bytes of one injected file's path", '주입하는 파일 경로의 바이트 수'),
  volumes: quota(10, 'Volumes', '볼륨 수'),
  volume_snapshots: quota(10, 'Volume snapshots', '볼륨 스냅샷 수'),
  volume_gib: quota(1000, 'Volumes and snapshots together in GiB', '볼륨과 스냅샷의 전체 크기(GiB)'),
  per_volume_gib: quota(-1, 'One volume in GiB', '볼륨 하나의 크기(GiB)'),
  backups: quota(10, 'Volume backups', '볼륨 백업 수'),
  backup_gib: quota(1000, 'Volume backups together in GiB', '볼륨 백업의 전체 크기(GiB)'),
  volume_groups: quota(10, 'Volume groups', '볼륨 그룹 수'),
  networks: quota(100, 'Networks', '네트워크 수'),
  subnets: quota(100, 'Subnets', '서브넷 수'),
  subnet_pools: quota(-1, 'Subnet pools', '서브넷 풀 수'),
  ports: quota(500, 'Ports', '포트 수'),
  routers: quota(10, 'Routers', '라우터 수'),
  floating_ips: quota(50, 'Floating IP addresses', '유동 IP 주소 수'),
  security_groups: quota(10, 'Security groups', '보안 그룹 수'),
  security_group_rules: quota(100, 'Security group rules', '보안 그룹 규칙 수'),
  rbac_policies: quota(10, 'Network sharing (RBAC) policies', '네트워크 공유(RBAC) 정책 수'),
} satisfies Record<string, Option>;
