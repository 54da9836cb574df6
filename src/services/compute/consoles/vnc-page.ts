// The page on which a guest's screen is shown: noVNC's client in a page of our own. What it connects to is in its URL,
// as noVNC's own page has it: `vnc.html?path=console/websockify%3Ftoken%3D…`.

export const vncPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>noVNC</title>
<style>
  html, body { height: 100%; margin: 0; background: #1c1c1e; color: #eee; font: 14px system-ui, sans-serif; }
  body { display: flex; flex-direction: column; }
  header { display: flex; gap: 1em; align-items: center; padding: .4em .8em; }
  #status { flex: 1; }
  #screen { flex: 1; min-height: 0; }
  button { font: inherit; }
</style>
</head>
<body>
<header><span id="status" role="status">Connecting / 연결하는 중</span><button id="keys" type="button">Ctrl+Alt+Del</button></header>
<div id="screen"></div>
<script type="module">
  import RFB from './core/rfb.js';
  const asked = new URLSearchParams(location.search);
  const path = asked.get('path') ?? 'console/websockify';
  const url = new URL('/' + path.replace(/^\\/+/, ''), location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const say = text => { document.getElementById('status').textContent = text; };
  const rfb = new RFB(document.getElementById('screen'), url.href, { wsProtocols: ['binary'] });
  rfb.scaleViewport = asked.get('resize') === 'scale';
  rfb.addEventListener('connect', () => say(''));
  rfb.addEventListener('disconnect', event => say(event.detail.clean
    ? 'Disconnected / 연결이 끊어졌습니다'
    : 'The connection was lost; open the console again / 연결이 끊어졌습니다. 콘솔을 다시 여십시오'));
  rfb.addEventListener('desktopname', event => { document.title = event.detail.name + ' - noVNC'; });
  document.getElementById('keys').addEventListener('click', () => { rfb.sendCtrlAltDel(); rfb.focus(); });
</script>
</body>
</html>
`;
