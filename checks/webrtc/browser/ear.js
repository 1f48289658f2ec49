// Hands on what passes through it: 100 ms at a time, 16-bit samples at the context's own rate (8 kHz).
class Ear extends AudioWorkletProcessor {
  constructor() {
    super();
    this.kept = new Int16Array(800);
    this.length = 0;
  }

  process(inputs) {
    const heard = inputs[0][0];
    const count = heard ? heard.length : 128;
    for (let index = 0; index < count; index += 1) {
      const sample = heard ? heard[index] : 0;
      this.kept[this.length] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
      this.length += 1;
      if (this.length === this.kept.length) {
        this.port.postMessage(this.kept.slice());
        this.length = 0;
      }
    }
    return true;
  }
}
registerProcessor('ear', Ear);
