// What the cluster says to those who join it and to its operators.

import { texts } from '#/platform/text/text.ts';

export const clusterTexts = texts('cluster', {
  badToken: {
    en: 'This is no invitation of a cloud. Copy all of what "./haneul invite" printed.',
    ko: '클라우드의 초대 토큰이 아닙니다. "./haneul invite"가 출력한 내용을 모두 복사하십시오.',
  },
  refusedToken: {
    en: 'The invitation was used already, has expired or was revoked. "./haneul invite" prints another.',
    ko: '초대 토큰이 이미 쓰였거나 만료되었거나 취소되었습니다. "./haneul invite"로 새로 만드십시오.',
  },
  nameTaken: {
    en: 'There is a machine {name} in the cloud already. Choose another name with --name, or join it anew with an invitation for that name: ./haneul invite --rejoin {name}',
    ko: '클라우드에 {name}(이)라는 컴퓨터가 이미 있습니다. --name으로 다른 이름을 정하거나, 그 이름으로 다시 합류하는 토큰을 만드십시오: ./haneul invite --rejoin {name}',
  },
  addressTaken: {
    en: 'The address {address} is that of the machine {name} already.',
    ko: '주소 {address}은(는) 이미 {name} 컴퓨터의 것입니다.',
  },
  rolesNotInvited: {
    en: 'The invitation is for {invited}, not for {asked}.',
    ko: '이 초대 토큰은 {invited}용이며 {asked}용이 아닙니다.',
  },
  otherName: {
    en: 'The invitation is for the machine {invited}, not for {asked}.',
    ko: '이 초대 토큰은 {invited} 컴퓨터용이며 {asked}용이 아닙니다.',
  },
  needsDatabase: {
    en: 'Other machines can run api and worker only when the cloud is on PostgreSQL: set database_url ("./haneul migrate-database" moves it there). Hosts can join any cloud.',
    ko: '다른 컴퓨터에서 api와 worker를 실행하려면 클라우드가 PostgreSQL을 써야 합니다. database_url을 설정하십시오("./haneul migrate-database"로 옮깁니다). 호스트는 어떤 클라우드에나 합류할 수 있습니다.',
  },
  badRequest: {
    en: 'The request for a certificate is none, or not of the kind that is wanted (PKCS #10, P-256).',
    ko: '인증서 요청이 올바르지 않거나 필요한 형식(PKCS #10, P-256)이 아닙니다.',
  },
  noMember: {
    en: 'The certificate is not that of a machine of this cloud (any more).',
    ko: '이 클라우드에 속한 컴퓨터의 인증서가 아닙니다(또는 더 이상 아닙니다).',
  },
  notPlanned: {
    en: 'The plan of {name} names no such image.',
    ko: '{name}의 계획에 그런 이미지가 없습니다.',
  },
  notControl: {
    en: 'The machine {name} runs neither api nor worker.',
    ko: '{name} 컴퓨터는 api도 worker도 실행하지 않습니다.',
  },
  noTicket: {
    en: 'Nothing is expected of the machine {name} under that ticket.',
    ko: '그 티켓으로 {name} 컴퓨터에서 받을 것이 없습니다.',
  },
  noPath: { en: 'There is nothing at {path}.', ko: '{path}에는 아무것도 없습니다.' },
  noHost: { en: 'There is no host {name}.', ko: '{name} 호스트가 없습니다.' },
  noInvitation: { en: 'There is no invitation {id}.', ko: '{id} 초대가 없습니다.' },
  noCluster: {
    en: 'This cloud is on one machine. Set cluster_address to the address by which others reach this machine, then run "./haneul down" and "./haneul up".',
    ko: '컴퓨터 한 대로 된 클라우드입니다. 다른 컴퓨터가 이 컴퓨터에 접속하는 주소를 cluster_address에 설정한 뒤 "./haneul down"과 "./haneul up"을 실행하십시오.',
  },
  holdsServers: {
    en: 'The host {name} still holds {count} servers. "./haneul hosts drain {name}" moves them away.',
    ko: '{name} 호스트에 아직 서버가 {count}개 있습니다. "./haneul hosts drain {name}"으로 옮기십시오.',
  },
  holdsVolumes: {
    en: 'The host {name} still holds {count} volumes. Delete them or move them to another host first.',
    ko: '{name} 호스트에 아직 볼륨이 {count}개 있습니다. 먼저 삭제하거나 다른 호스트로 옮기십시오.',
  },
  notOurAuthority: {
    en: 'What answers at {server} is not the cloud that the invitation is for: its authority is another. Somebody may be in between.',
    ko: '{server}에서 응답하는 것은 초대한 클라우드가 아닙니다. 인증 기관이 다릅니다. 누군가 중간에서 가로채고 있을 수 있습니다.',
  },
  unreachable: {
    en: 'The cloud does not answer at {server} ({reason}). It must be up, and its cluster port open to this machine.',
    ko: '{server}에서 클라우드가 응답하지 않습니다({reason}). 클라우드가 실행 중이고 클러스터 포트가 이 컴퓨터에 열려 있어야 합니다.',
  },
  refused: { en: '{message}', ko: '{message}' },
});
