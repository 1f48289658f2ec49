// The softphone's page: JsSIP and the browser's own WebRTC on one side, the check's process (reveilleTell,
// reveilleSound) on the other. It decides nothing: what happens is told, and commands come through `phone`.
const tell = (event, facts) => window.reveilleTell(event, facts || {}).catch(() => {});

class Wire extends JsSIP.WebSocketInterface {
  constructor(url, name) {
    super(url);
    this.name = name;
  }

  send(message) {
    const sent = super.send(message);
    if (sent) tell('sip', { name: this.name, sent: true, text: message });
    return sent;
  }

  _onMessage(message) {
    tell('sip', { name: this.name, sent: false, text: String(message.data) });
    super._onMessage(message);
  }

  drop() {
    this._ws.close();
  }
}

const sound = {
  async open(ear) {
    this.context = new AudioContext({ sampleRate: 8000 });
    await this.context.resume();
    const source = URL.createObjectURL(new Blob([ear], { type: 'text/javascript' }));
    await this.context.audioWorklet.addModule(source);
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const microphone = await navigator.mediaDevices.getUserMedia({ audio: plain });
    const muted = this.context.createGain();
    muted.gain.value = 0;
    this.context.createMediaStreamSource(microphone).connect(muted);
    this.mouth = this.context.createGain();
    muted.connect(this.mouth);
    this.way = this.context.createMediaStreamDestination();
    this.mouth.connect(this.way);
  },

  listen(node, name) {
    const ear = new AudioWorkletNode(this.context, 'ear', { numberOfInputs: 1, numberOfOutputs: 1, channelCount: 1 });
    const nothing = this.context.createGain();
    nothing.gain.value = 0;
    ear.port.onmessage = ({ data }) => {
      const bytes = new Uint8Array(data.buffer);
      window.reveilleSound(name, btoa(String.fromCharCode(...bytes))).catch(() => {});
    };
    node.connect(ear).connect(nothing).connect(this.context.destination);
  },

  hear(stream) {
    const speaker = new Audio(); // a remote stream that no element plays is silent to Web Audio
    speaker.muted = true;
    speaker.srcObject = stream;
    speaker.play().catch(() => {});
    this.speaker = speaker;
    this.listen(this.context.createMediaStreamSource(stream), 'heard');
    this.listen(this.mouth, 'said');
  },

  say(encoded) {
    this.hush();
    const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
    const samples = new Int16Array(bytes.buffer);
    const buffer = this.context.createBuffer(1, samples.length, 8000);
    buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
    this.source = this.context.createBufferSource();
    this.source.buffer = buffer;
    this.source.loop = true;
    this.source.connect(this.mouth);
    this.source.start();
  },

  hush() {
    if (this.source) this.source.disconnect();
    this.source = null;
  },
};

const outcome = ({ originator, cause, message }) => ({
  originator,
  cause,
  code: message && message.status_code ? message.status_code : 0,
  phrase: (message && message.reason_phrase) || '',
  reasons: message && message.getHeaders ? message.getHeaders('Reason') : [],
});

// Only these codecs, in this order, and the telephone-events beside them.
function preferred(sdp, codecs) {
  const names = new Map([...sdp.matchAll(/^a=rtpmap:(\d+) ([^/\r\n]+)/gm)].map((found) => [found[1], found[2].toLowerCase()]));
  const line = sdp.match(/^(m=audio \d+ \S+ )([\d ]+)/m);
  if (!line) return sdp;
  const offered = line[2].trim().split(' ');
  const wanted = [...codecs.map((one) => one.toLowerCase()), 'telephone-event'];
  const kept = wanted.flatMap((name) => offered.filter((type) => names.get(type) === name));
  const gone = offered.filter((type) => !kept.includes(type));
  const about = new RegExp(`^a=(?:rtpmap|fmtp|rtcp-fb):(?:${gone.join('|') || 'none'}) .*\\r\\n`, 'gm');
  return sdp.replace(line[0], line[1] + kept.join(' ')).replace(about, '');
}

const phone = {
  agents: {},
  sessions: {},

  async open(settings) {
    this.settings = settings;
    await sound.open(settings.ear);
  },

  connect(name, account) {
    const { url, domain, user, login, password } = account;
    const wire = new Wire(url, name);
    const agent = new JsSIP.UA({
      sockets: [wire],
      uri: `sip:${user}@${domain}`,
      authorization_user: login,
      password: password || null,
      register: false,
      register_expires: 120,
      session_timers: false,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 4,
      user_agent: 'Reveille',
    });
    agent.on('connected', () => tell('connected', { name }));
    agent.on('disconnected', ({ code, reason }) => tell('disconnected', { name, code, reason }));
    agent.on('registered', () => tell('registered', { name }));
    agent.on('unregistered', () => tell('unregistered', { name }));
    agent.on('registrationFailed', ({ response, cause }) =>
      tell('registration-failed', { name, ...outcome({ originator: 'remote', cause, message: response }) }));
    agent.on('newRTCSession', ({ originator, session }) => {
      if (originator === 'local') return;
      this.sessions[`${name}-rung`] = session;
      this.follow(`${name}-rung`, session);
      tell('rung', { name });
    });
    this.agents[name] = { agent, wire };
    agent.start();
  },

  register(name) {
    this.agents[name].agent.register();
  },

  drop(name) {
    this.agents[name].wire.drop();
  },

  options() {
    const { ice, relayOnly } = this.settings;
    return {
      mediaStream: sound.way.stream,
      pcConfig: { iceServers: ice, iceTransportPolicy: relayOnly ? 'relay' : 'all' },
    };
  },

  call(name, call, target) {
    const session = this.agents[name].agent.call(target, this.options());
    this.sessions[call] = session;
    this.follow(call, session);
  },

  answer(call) {
    this.sessions[call].answer(this.options());
  },

  follow(call, session) {
    const watch = (connection) => this.watch(call, connection);
    if (session.connection) watch(session.connection);
    session.on('peerconnection', ({ peerconnection }) => watch(peerconnection));
    session.on('sdp', (described) => {
      if (described.originator === 'local') described.sdp = preferred(described.sdp, this.settings.codecs);
    });
    let waiting;
    session.on('icecandidate', ({ ready }) => {
      waiting = waiting || setTimeout(ready, 1500); // who waits for every candidate waits for those that never come
    });
    session.on('progress', (found) => tell('progress', { call, ...outcome({ ...found, message: found.response }) }));
    session.on('accepted', () => tell('accepted', { call }));
    session.on('confirmed', () => tell('confirmed', { call }));
    session.on('ended', (found) => tell('ended', { call, ...outcome(found) }));
    session.on('failed', (found) => tell('failed', { call, ...outcome(found) }));
    session.on('peerconnection:setremotedescriptionfailed', (problem) => tell('not-taken', { call, text: String(problem) }));
    session.on('getusermediafailed', (problem) => tell('broken', { text: `no microphone: ${problem}` }));
  },

  watch(call, connection) {
    if (connection.watched) return;
    connection.watched = true;
    this.connections = { ...this.connections, [call]: connection };
    let before = '';
    const look = () => {
      const transport = connection.getSenders().map((sender) => sender.transport).find(Boolean);
      const now = { ice: connection.iceConnectionState, dtls: transport ? transport.state : 'new' };
      if (JSON.stringify(now) !== before) tell('transport', { call, ...now });
      before = JSON.stringify(now);
      if (connection.signalingState === 'closed') clearInterval(timer);
    };
    const timer = setInterval(look, 50);
    connection.addEventListener('iceconnectionstatechange', look);
    connection.addEventListener('track', ({ streams, track }) => {
      if (call === 'call') sound.hear(streams[0] || new MediaStream([track]));
    });
  },

  async gather() {
    const connection = new RTCPeerConnection(this.options().pcConfig);
    connection.addTransceiver('audio');
    const found = [];
    const done = new Promise((resolve) => {
      connection.onicecandidate = ({ candidate }) => (candidate ? found.push(candidate.candidate) : resolve());
    });
    await connection.setLocalDescription(await connection.createOffer());
    await done;
    connection.close();
    return found.map((line) => `a=${line}`).join('\r\n');
  },

  async statistics(call) {
    const connection = (this.connections || {})[call];
    if (!connection) return {};
    const found = {};
    (await connection.getStats()).forEach((one) => {
      if (one.type === 'candidate-pair' && !(one.nominated && one.state === 'succeeded')) return;
      if (one.type.endsWith('candidate')) found[one.id] = one;
      else if (one.kind !== 'video') found[one.type] = one;
    });
    return found;
  },

  press(call, digits) {
    const [sender] = this.connections[call].getSenders();
    if (!sender || !sender.dtmf || !sender.dtmf.canInsertDTMF) return false;
    return new Promise((resolve) => {
      sender.dtmf.ontonechange = ({ tone }) => {
        if (tone === '') resolve(true);
      };
      sender.dtmf.insertDTMF(digits, 120, 80);
    });
  },

  inform(call, digits) {
    this.sessions[call].sendDTMF(digits, { transportType: 'INFO' });
  },

  hangUp(call) {
    const session = this.sessions[call];
    if (session && !session.isEnded()) session.terminate();
  },

  async leave() {
    for (const { agent } of Object.values(this.agents)) agent.stop();
  },
};
window.phone = phone;
window.sound = sound;
