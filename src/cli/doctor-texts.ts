// What `doctor` finds, and how to mend it.

import { texts } from '#/platform/text/text.ts';

export const doctorTexts = texts('doctor', {
  allWell: { en: 'All is well.', ko: '모두 정상입니다.' },
  someWarnings: {
    en: 'The cloud can run. {warnings} of the checks deserve a look.',
    ko: '클라우드를 실행할 수 있습니다. 확인할 점이 {warnings}개 있습니다.',
  },
  someBad: {
    en: '{bad} of the checks failed; mend them in this order, then run "./haneul doctor" again.',
    ko: '점검 {bad}개가 실패했습니다. 순서대로 해결한 뒤 "./haneul doctor"를 다시 실행하십시오.',
  },

  root: { en: 'rights', ko: '권한' },
  rootGood: { en: 'root: a real cloud can run here', ko: 'root입니다. 실제 클라우드를 실행할 수 있습니다' },
  rootWarning: {
    en: 'not root: only simulated clouds can run ("./haneul up --simulate 10"), and some checks are left out. For a real cloud: sudo ./haneul doctor',
    ko: 'root가 아니므로 시뮬레이션 클라우드만 실행할 수 있고("./haneul up --simulate 10") 일부 점검을 건너뜁니다. 실제 클라우드라면: sudo ./haneul doctor',
  },

  config: { en: 'configuration', ko: '설정' },
  configGood: { en: '{file} is good', ko: '{file}에 문제가 없습니다' },
  configAbsent: { en: 'no {file}; the defaults hold', ko: '{file}이(가) 없어 기본값을 씁니다' },
  configBad: { en: '{reason} Mend it in {file}.', ko: '{reason} {file}에서 고치십시오.' },

  packages: { en: 'packages', ko: '패키지' },
  packagesGood: { en: 'all {count} are installed', ko: '{count}개가 모두 설치되어 있습니다' },
  packagesBad: {
    en: '{missing} missing. "sudo ./haneul up" installs them, or: apt-get install --no-install-recommends {missing}',
    ko: '설치되지 않음: {missing}. "sudo ./haneul up"이 설치합니다. 직접 하려면: apt-get install --no-install-recommends {missing}',
  },
  programsBad: {
    en: 'this is not Debian, and these programs are missing: {missing}. Install them with your package tool.',
    ko: 'Debian이 아니며 다음 프로그램이 없습니다: {missing}. 사용하는 패키지 도구로 설치하십시오.',
  },

  kvm: { en: 'virtualization', ko: '가상화' },
  kvmUsed: { en: 'guests run under KVM', ko: '게스트가 KVM으로 실행됩니다' },
  kvmTried: {
    en: 'KVM was tried with a guest and does not work here ({reason}), so guests are emulated (TCG): slow, and no security boundary. Run no guests that you do not trust',
    ko: '게스트로 KVM을 시험했지만 이 머신에서 작동하지 않으므로({reason}) 게스트는 에뮬레이션(TCG)으로 실행되어 느리고 보안 경계가 아닙니다. 믿을 수 없는 게스트를 실행하지 마십시오',
  },
  kvmGood: {
    en: 'the processor offers {flag} and /dev/kvm is there; "./haneul status" says whether guests use it',
    ko: '프로세서가 {flag}을(를) 지원하고 /dev/kvm이 있습니다. 게스트가 쓰는지는 "./haneul status"에 나옵니다',
  },
  kvmOff: {
    en: 'the accelerator is set to tcg: guests are emulated, slowly, and are no security boundary',
    ko: '가속기가 tcg로 설정되어 게스트가 에뮬레이션으로 느리게 실행되며 보안 경계가 아닙니다',
  },
  kvmNoDevice: {
    en: 'the processor offers {flag}, but there is no /dev/kvm; load the module (modprobe kvm_intel or kvm_amd). Until then guests are emulated (TCG): slow, and no security boundary',
    ko: '프로세서가 {flag}을(를) 지원하지만 /dev/kvm이 없습니다. 모듈을 올리십시오(modprobe kvm_intel 또는 kvm_amd). 그때까지 게스트는 에뮬레이션(TCG)으로 실행되어 느리고 보안 경계가 아닙니다',
  },
  kvmNoFlag: {
    en: 'the processor offers no virtualization; switch it on in the firmware, or in a virtual machine allow nesting. Until then guests are emulated (TCG): slow, and no security boundary',
    ko: '프로세서의 가상화를 쓸 수 없습니다. 펌웨어에서 켜거나, 가상 머신이라면 중첩 가상화를 허용하십시오. 그때까지 게스트는 에뮬레이션(TCG)으로 실행되어 느리고 보안 경계가 아닙니다',
  },
  kvmNested: {
    en: 'this is a virtual machine that shows /dev/kvm without the processor flags, so KVM may not work; if guests fail to start, set "accelerator: tcg" in haneul.yaml',
    ko: '가상 머신이며 프로세서 플래그 없이 /dev/kvm만 보이므로 KVM이 작동하지 않을 수 있습니다. 게스트가 시작되지 않으면 haneul.yaml에 "accelerator: tcg"를 적으십시오',
  },
  kvmWantedBad: {
    en: 'the accelerator is set to kvm, but there is no /dev/kvm; set "accelerator: auto" in haneul.yaml, or load the module (modprobe kvm_intel or kvm_amd)',
    ko: '가속기가 kvm으로 설정되어 있지만 /dev/kvm이 없습니다. haneul.yaml에 "accelerator: auto"를 적거나 모듈을 올리십시오(modprobe kvm_intel 또는 kvm_amd)',
  },

  memory: { en: 'memory', ko: '메모리' },
  memoryGood: {
    en: '{available} MiB of {total} MiB are free',
    ko: '{total}MiB 가운데 {available}MiB를 쓸 수 있습니다',
  },
  memoryWarning: {
    en: 'only {available} MiB of {total} MiB are free; guests of more will be refused. Stop other programs, or add memory',
    ko: '{total}MiB 가운데 {available}MiB만 쓸 수 있어 더 큰 게스트는 거부됩니다. 다른 프로그램을 멈추거나 메모리를 늘리십시오',
  },

  disk: { en: 'disk', ko: '디스크' },
  diskGood: { en: '{free} GiB are free in {directory}', ko: '{directory}에 {free}GiB가 남아 있습니다' },
  diskLow: {
    en: 'only {free} GiB ({percent} %) are free in {directory}. Remove what is not needed, or put the data elsewhere with --data',
    ko: '{directory}에 {free}GiB({percent}%)만 남아 있습니다. 필요 없는 것을 지우거나 --data로 다른 곳을 지정하십시오',
  },

  port: { en: 'port', ko: '포트' },
  portGood: { en: '{address}:{port} is free', ko: '{address}:{port}을(를) 쓸 수 있습니다' },
  portOurs: { en: '{address}:{port} is ours', ko: '{address}:{port}을(를) 이 클라우드가 쓰고 있습니다' },

  clock: { en: 'clock', ko: '시계' },
  clockGood: { en: 'agrees with the file system', ko: '파일 시스템의 시각과 맞습니다' },
  clockBad: {
    en: 'the file system of {directory} is {seconds} s away from this machine. Set both by NTP (timedatectl set-ntp true); tokens would expire at the wrong time',
    ko: '{directory}의 파일 시스템 시각이 이 컴퓨터와 {seconds}초 다릅니다. 둘 다 NTP로 맞추십시오(timedatectl set-ntp true). 그렇지 않으면 토큰이 잘못된 때에 만료됩니다',
  },
  clockOld: {
    en: 'this machine believes that it is {date}. Set the clock: timedatectl set-ntp true',
    ko: '이 컴퓨터의 날짜가 {date}입니다. 시계를 맞추십시오: timedatectl set-ntp true',
  },

  kernel: { en: 'kernel', ko: '커널' },
  kernelGood: {
    en: 'namespaces, bridge, veth, tap, vxlan, nftables and br_netfilter work',
    ko: '네임스페이스, bridge, veth, tap, vxlan, nftables, br_netfilter가 작동합니다',
  },
  kernelBad: {
    en: 'these do not work: {missing} ({reason}). Load the modules (modprobe bridge veth tun vxlan nf_tables br_netfilter), or use a kernel that has them; in a container, give it CAP_NET_ADMIN and CAP_SYS_ADMIN',
    ko: '작동하지 않음: {missing}({reason}). 모듈을 올리거나(modprobe bridge veth tun vxlan nf_tables br_netfilter) 이 기능이 있는 커널을 쓰십시오. 컨테이너라면 CAP_NET_ADMIN과 CAP_SYS_ADMIN을 주십시오',
  },
  kernelUnknown: {
    en: 'can only be tried by root: sudo ./haneul doctor',
    ko: 'root만 확인할 수 있습니다: sudo ./haneul doctor',
  },

  cloud: { en: 'cloud', ko: '클라우드' },
  cloudOff: {
    en: 'none runs on {directory}; start it with "./haneul up"',
    ko: '{directory}에서 실행 중인 클라우드가 없습니다. "./haneul up"으로 시작하십시오',
  },
  hostRuns: { en: 'the host {name} runs here', ko: '호스트 {name}이(가) 실행 중입니다' },
  cluster: { en: 'cluster', ko: '클러스터' },
  clusterGood: { en: '{servers} in reach, clocks agree', ko: '{servers}에 접속되고 시계가 맞습니다' },
  clusterSilent: {
    en: '{servers} not in reach: is the cloud up there, and its cluster port open to this machine?',
    ko: '{servers}에 접속할 수 없습니다. 그곳의 클라우드가 실행 중이고 클러스터 포트가 이 컴퓨터에 열려 있는지 확인하십시오',
  },
  clusterSkew: {
    en: "this machine's clock is {seconds} s off from the cloud's: synchronize both (apt-get install chrony)",
    ko: '이 컴퓨터의 시계가 클라우드와 {seconds}초 다릅니다. 양쪽을 맞추십시오(apt-get install chrony)',
  },
  cloudGood: { en: '{url} answers', ko: '{url}이(가) 응답합니다' },
  cloudSilent: {
    en: 'it runs, but the API does not answer ({reason}). See "./haneul logs"; "./haneul down" and "./haneul up" start it anew without harm to guests',
    ko: '실행 중이지만 API가 응답하지 않습니다({reason}). "./haneul logs"를 보십시오. "./haneul down" 뒤 "./haneul up"으로 다시 시작해도 게스트에는 영향이 없습니다',
  },
  cloudOrphans: {
    en: 'its supervisor is gone while other parts run on; "./haneul up" takes them over',
    ko: '관리 프로세스는 없고 다른 부분만 실행 중입니다. "./haneul up"이 이어받습니다',
  },
  cloudNoAgent: {
    en: 'the host agent does not run; see "./haneul logs"',
    ko: '호스트 에이전트가 실행되지 않고 있습니다. "./haneul logs"를 보십시오',
  },
});
