// The clock of a page under test: it stands at NOW, and with it every timer of 5 s or more, until passTime moves it.
{
  const [RealDate, later, never] = [Date, setTimeout, clearTimeout];
  const timers = new Map();
  let [now, last] = [NOW, 0];
  Date = class extends RealDate {
    constructor(...of) {
      of.length ? super(...of) : super(now);
    }
    static now() {
      return now;
    }
  };
  setTimeout = (then, after, ...of) => {
    if (!(after >= 5000)) return later(then, after, ...of);
    timers.set(--last, { at: now + after, run: () => then(...of) });
    return last;
  };
  clearTimeout = (timer) => timers.delete(timer) || never(timer);
  passTime = (milliseconds) => {
    const end = now + milliseconds;
    for (;;) {
      const due = [...timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!due) break;
      timers.delete(due[0]);
      now = due[1].at;
      due[1].run();
    }
    now = end;
  };
}
