// Sentences of the listener.

import { texts } from '#/platform/text/text.ts';

export const httpTexts = texts('http', {
  tooManyLines: {
    en: 'The request header has more than {headerLines} lines.',
    ko: '요청 헤더가 {headerLines}줄을 넘습니다.',
  },
  tlsFile: {
    en: 'The certificate or key {file} cannot be used: {reason}. It must be PEM, readable by the control plane, and the key must be that of the certificate.',
    ko: '인증서나 키 {file}을(를) 사용할 수 없습니다({reason}). 컨트롤 플레인이 읽을 수 있는 PEM이어야 하고, 키는 그 인증서의 것이어야 합니다.',
  },
  tlsHalf: {
    en: 'HTTPS needs both tls_certificate_file and tls_key_file; tls_client_ca_file needs them too.',
    ko: 'HTTPS에는 tls_certificate_file과 tls_key_file이 모두 필요합니다. tls_client_ca_file도 이 둘이 있어야 합니다.',
  },
  certificateBound: {
    en: 'The token is bound to a client certificate; send the request over TLS with that certificate.',
    ko: '이 토큰은 클라이언트 인증서에 묶여 있습니다. 그 인증서를 제시하는 TLS 연결로 요청하십시오.',
  },
});
