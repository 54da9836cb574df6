// What the command line says to people. The checks of `doctor` have their own.

import { texts } from '#/platform/text/text.ts';

export const helpTexts = texts('cli.help', {
  haneul: {
    en: 'A cloud on this machine: the OpenStack APIs in one program.',
    ko: '이 컴퓨터에 클라우드를 만듭니다. OpenStack API 전체를 프로그램 하나에 담았습니다.',
  },
  usage: { en: 'Usage:', ko: '사용법:' },
  options: { en: 'Options:', ko: '옵션:' },
  commands: { en: 'Commands:', ko: '명령:' },
  arguments: { en: 'Arguments:', ko: '인수:' },
  after: {
    en: 'Start with:  sudo ./haneul up      or, without root:  ./haneul up --simulate 10',
    ko: '시작:  sudo ./haneul up      root가 아니라면:  ./haneul up --simulate 10',
  },
  version: { en: 'print the version', ko: '버전을 출력합니다' },
  help: { en: 'print this help', ko: '이 도움말을 출력합니다' },
  data: {
    en: 'the data directory (default: /var/lib/haneul, or ~/.local/share/haneul without root)',
    ko: '데이터 디렉터리(기본: /var/lib/haneul, root가 아니면 ~/.local/share/haneul)',
  },
  up: { en: 'make the cloud and keep it running', ko: '클라우드를 만들고 계속 실행합니다' },
  down: { en: 'stop the cloud; guests go on', ko: '클라우드를 멈춥니다. 게스트는 계속 실행됩니다' },
  status: { en: 'what runs, and how it is', ko: '실행 중인 것과 그 상태를 보여 줍니다' },
  doctor: {
    en: 'check this machine, and say how to mend what is wrong',
    ko: '이 컴퓨터를 점검하고 문제의 해결 방법을 알려 줍니다',
  },
  destroy: {
    en: 'remove the cloud with all guests and data',
    ko: '게스트와 데이터를 포함해 클라우드를 모두 삭제합니다',
  },
  logs: { en: 'print the logs', ko: '로그를 출력합니다' },
  test: { en: 'run the tests', ko: '시험을 실행합니다' },
  dev: {
    en: 'a simulated cloud that restarts when the source changes',
    ko: '소스가 바뀌면 다시 시작하는 시뮬레이션 클라우드를 실행합니다',
  },
  listen: { en: 'where the APIs answer (default: 127.0.0.1:8700)', ko: 'API가 응답할 주소(기본: 127.0.0.1:8700)' },
  detach: { en: 'return when the cloud is ready', ko: '클라우드가 준비되면 명령을 마칩니다' },
  simulate: {
    en: 'simulated hosts instead of this machine; needs no root',
    ko: '이 컴퓨터 대신 시뮬레이션 호스트를 씁니다. root가 필요 없습니다',
  },
  yes: { en: 'ask nothing', ko: '묻지 않습니다' },
  json: { en: 'print JSON', ko: 'JSON으로 출력합니다' },
  follow: { en: 'go on printing new lines', ko: '새 줄을 계속 출력합니다' },
  lines: { en: 'how many lines of each log to begin with', ko: '처음에 보여 줄 로그별 줄 수' },
});

export const cliTexts = texts('cli', {
  unknownOption: { en: 'There is no option {word}. {hint}', ko: '{word} 옵션은 없습니다. {hint}' },
  unknownCommand: { en: 'There is no command {word}. {hint}', ko: '{word} 명령은 없습니다. {hint}' },
  tooManyWords: {
    en: 'The command has more words than it understands. {hint}',
    ko: '명령에 이해할 수 없는 말이 더 있습니다. {hint}',
  },
  optionNeedsValue: { en: 'The option {word} needs a value.', ko: '{word} 옵션에는 값이 필요합니다.' },
  didYouMean: { en: 'Did you mean {near}?', ko: '{near}을(를) 쓰려던 것입니까?' },
  seeHelp: { en: 'See ./haneul --help.', ko: './haneul --help를 참고하십시오.' },
  badListen: {
    en: '--listen must be an address and a port such as 0.0.0.0:8700 or [::]:8700, not "{value}".',
    ko: '--listen에는 0.0.0.0:8700이나 [::]:8700처럼 주소와 포트를 적으십시오("{value}"는 맞지 않습니다).',
  },
  badNumber: {
    en: '{option} must be a whole number from {minimum} to {maximum}, not "{value}".',
    ko: '{option}에는 {minimum}부터 {maximum}까지의 정수를 적으십시오("{value}"는 맞지 않습니다).',
  },
  toolFailed: { en: 'The command "{command}" failed: {reason}', ko: '"{command}" 명령이 실패했습니다: {reason}' },
  bug: {
    en: 'Something failed that should not: {message}. Set HANEUL_LOG_LEVEL=debug to see where, and please report it.',
    ko: '예기치 않은 오류가 발생했습니다: {message}. HANEUL_LOG_LEVEL=debug로 위치를 확인하고 알려 주십시오.',
  },
  needsRoot: {
    en: 'A real cloud needs root. Run "sudo ./haneul up", or try one with simulated hosts: "./haneul up --simulate 10".',
    ko: '실제 클라우드에는 root 권한이 필요합니다. "sudo ./haneul up"을 실행하거나, 시뮬레이션 호스트로 시험하십시오: "./haneul up --simulate 10".',
  },
  needsRootFor: {
    en: 'This cloud was started by root. Run "sudo ./haneul {command}".',
    ko: '이 클라우드는 root가 시작했습니다. "sudo ./haneul {command}"를 실행하십시오.',
  },
  foreignDirectory: {
    en: '{directory} holds something else already. Choose an empty or new directory with --data.',
    ko: '{directory}에 다른 내용이 있습니다. --data로 비어 있거나 새로운 디렉터리를 지정하십시오.',
  },
  notWritable: {
    en: '{directory} cannot be written. Choose another directory with --data, or run as root.',
    ko: '{directory}에 쓸 수 없습니다. --data로 다른 디렉터리를 지정하거나 root로 실행하십시오.',
  },
  aptFailed: {
    en: 'The packages {packages} could not be installed: {reason} Mend apt (try "apt-get update"), then run up again.',
    ko: '패키지 {packages}을(를) 설치하지 못했습니다: {reason} apt를 바로잡은 뒤("apt-get update"를 시도) up을 다시 실행하십시오.',
  },
  missingPrograms: {
    en: 'These programs are missing: {programs}. This is not Debian, so install them yourself, then run up again.',
    ko: '다음 프로그램이 없습니다: {programs}. Debian이 아니므로 직접 설치한 뒤 up을 다시 실행하십시오.',
  },
  askInstall: { en: 'Install the packages {packages}?', ko: '패키지 {packages}을(를) 설치할까요?' },
  notInstalled: {
    en: 'Without the packages there is no cloud. Nothing was changed.',
    ko: '패키지가 없으면 클라우드를 만들 수 없습니다. 아무것도 바꾸지 않았습니다.',
  },
  noUser: {
    en: 'The system user {user} does not exist. Run "sudo ./haneul up", which makes it.',
    ko: '시스템 사용자 {user}이(가) 없습니다. 이 사용자를 만드는 "sudo ./haneul up"을 실행하십시오.',
  },
  supervised: {
    en: 'A cloud runs on {directory} already (process {pid}). See "./haneul status".',
    ko: '{directory}에서 클라우드가 이미 실행 중입니다(프로세스 {pid}). "./haneul status"를 참고하십시오.',
  },
  anotherUp: {
    en: 'Another "haneul up" (process {pid}) is at work on {directory}. Wait until it is done.',
    ko: '다른 "haneul up"(프로세스 {pid})이 {directory}에서 작업 중입니다. 끝날 때까지 기다리십시오.',
  },
  portInUse: {
    en: '{address}:{port} is in use by another program. Stop it, or choose another port: ./haneul up --listen {address}:{other}',
    ko: '{address}:{port}을(를) 다른 프로그램이 쓰고 있습니다. 그 프로그램을 멈추거나 다른 포트를 고르십시오: ./haneul up --listen {address}:{other}',
  },
  cannotListen: {
    en: '{address} is no address of this machine. Choose one with --listen or listen_address; 0.0.0.0 is all of them.',
    ko: '{address}은(는) 이 컴퓨터의 주소가 아닙니다. --listen이나 listen_address로 지정하십시오. 0.0.0.0은 모든 주소입니다.',
  },
  notAllowedPort: {
    en: 'Only root may listen on port {port}. Choose one above 1023 with --listen.',
    ko: '{port}번 포트는 root만 쓸 수 있습니다. --listen으로 1023보다 큰 포트를 고르십시오.',
  },
  notReady: {
    en: 'The cloud did not become ready within {seconds} s. The last lines of {log}:\n{tail}\nRun "./haneul doctor" to find the cause.',
    ko: '클라우드가 {seconds}초 안에 준비되지 않았습니다. {log}의 마지막 줄:\n{tail}\n원인을 찾으려면 "./haneul doctor"를 실행하십시오.',
  },
  keepsEnding: {
    en: 'The control plane ends again and again ({why}). The last lines of {log}:\n{tail}\nNothing was left running. Run "./haneul doctor" to find the cause.',
    ko: '컨트롤 플레인이 계속 종료됩니다({why}). {log}의 마지막 줄:\n{tail}\n실행 중으로 남은 것은 없습니다. 원인을 찾으려면 "./haneul doctor"를 실행하십시오.',
  },
  packages: { en: 'Packages', ko: '패키지' },
  installing: { en: 'installing {packages}', ko: '{packages} 설치 중' },
  directoryStep: { en: 'Data directory {directory}', ko: '데이터 디렉터리 {directory}' },
  guestImage: { en: 'Guest image', ko: '게스트 이미지' },
  starting: { en: 'Starting the cloud', ko: '클라우드 시작' },
  done: { en: 'done', ko: '완료' },
  ready: { en: 'Haneul is up.', ko: 'Haneul이 실행 중입니다.' },
  alreadyUp: { en: 'Haneul runs already.', ko: 'Haneul이 이미 실행 중입니다.' },
  tookOver: {
    en: 'An earlier run had left processes; they were stopped in order.',
    ko: '이전 실행이 남긴 프로세스를 정상적으로 멈췄습니다.',
  },
  api: { en: 'API and dashboard', ko: 'API와 대시보드' },
  user: { en: 'User', ko: '사용자' },
  password: { en: 'Password', ko: '비밀번호' },
  passwordIn: { en: 'in {file}', ko: '{file}에 있음' },
  clouds: { en: 'For clients', ko: '클라이언트용' },
  next: { en: 'Next', ko: '다음 명령' },
  stopWith: {
    en: 'Stop it with Ctrl-C or "./haneul down"; guests go on.',
    ko: 'Ctrl-C나 "./haneul down"으로 멈춥니다. 게스트는 계속 실행됩니다.',
  },
  staysOn: {
    en: 'Process {pid} does not end, and two control planes must not run here.',
    ko: '{pid}번 프로세스가 끝나지 않습니다. 컨트롤 플레인 둘이 여기서 함께 실행되어서는 안 됩니다.',
  },
  left: { en: 'Another version has taken over.', ko: '다른 버전이 이어받았습니다.' },
  stopping: { en: 'Stopping; guests go on.', ko: '멈추는 중입니다. 게스트는 계속 실행됩니다.' },
  stopped: {
    en: 'Haneul is down. Guests go on; "./haneul up" takes them up again.',
    ko: 'Haneul을 멈췄습니다. 게스트는 계속 실행되며, "./haneul up"을 하면 다시 관리합니다.',
  },
  notRunning: { en: 'No cloud runs on {directory}.', ko: '{directory}에서 실행 중인 클라우드가 없습니다.' },
  startWith: { en: 'Start it with "./haneul up".', ko: '"./haneul up"으로 시작하십시오.' },
  tcgWarning: {
    en: 'Guests are emulated (TCG): slow, and no security boundary. Run no guests that you do not trust.',
    ko: '게스트가 에뮬레이션(TCG)으로 실행됩니다. 느리고 보안 경계가 아니므로, 신뢰할 수 없는 게스트를 실행하지 마십시오.',
  },
  kvmReason: { en: 'KVM is not used: {reason}', ko: 'KVM을 쓰지 않는 이유: {reason}' },
  running: { en: 'runs, process {pid}', ko: '실행 중, 프로세스 {pid}' },
  off: { en: 'does not run', ko: '실행되지 않음' },
  memory: { en: '{mib} MiB', ko: '{mib} MiB' },
  answers: { en: 'answers', ko: '응답함' },
  silent: {
    en: 'does not answer ({reason}); see "./haneul logs"',
    ko: '응답 없음({reason}). "./haneul logs"를 참고하십시오',
  },
  totalMemory: { en: 'Memory of all parts', ko: '전체 메모리' },
  hosts: { en: 'Hosts', ko: '호스트' },
  askDestroy: {
    en: 'Remove the cloud in {directory} with every guest, disk, image and user? This cannot be undone.',
    ko: '{directory}의 클라우드를 모든 게스트, 디스크, 이미지, 사용자와 함께 삭제할까요? 되돌릴 수 없습니다.',
  },
  needsYes: {
    en: 'Nothing was removed. Without a terminal to ask on, say so with --yes.',
    ko: '아무것도 삭제하지 않았습니다. 물어볼 터미널이 없으면 --yes를 붙이십시오.',
  },
  nothingRemoved: { en: 'Nothing was removed.', ko: '아무것도 삭제하지 않았습니다.' },
  notOurs: {
    en: '{directory} is no data directory of Haneul, so nothing was removed. Name the right one with --data.',
    ko: '{directory}은(는) Haneul의 데이터 디렉터리가 아니므로 아무것도 삭제하지 않았습니다. --data로 올바른 디렉터리를 지정하십시오.',
  },
  removingGuests: { en: 'Removing guests and networks', ko: '게스트와 네트워크 삭제' },
  removingFiles: { en: 'Removing {directory}', ko: '{directory} 삭제' },
  destroyed: { en: 'The cloud is gone.', ko: '클라우드를 삭제했습니다.' },
  keptFiles: {
    en: 'Files in {directory} that are not ours were kept: {names}',
    ko: '{directory}에서 Haneul이 만들지 않은 파일은 남겼습니다: {names}',
  },
  noLogs: { en: 'There are no logs in {directory} yet. {hint}', ko: '{directory}에 아직 로그가 없습니다. {hint}' },
});
