// Times as the viewer reads them: in their zone, and in words for how long ago.
const parts = new Intl.DateTimeFormat("en-US", {
  day: "numeric", month: "short", year: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short",
});
// The server's own form: "12 Mar 2026" and "12 Mar 2026, 14:05:09 UTC".
function written(instant) {
  const at = Object.fromEntries(parts.formatToParts(instant).map(({ type, value }) => [type, value]));
  const date = `${at.day} ${at.month} ${at.year}`;
  return { date, exact: `${date}, ${at.hour}:${at.minute}:${at.second} ${at.timeZoneName}` };
}
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });
const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];

function relative(instant) {
  const seconds = (instant - Date.now()) / 1000;
  const unit = UNITS.find(([, size]) => Math.abs(seconds) >= size);
  return unit ? words.format(Math.round(seconds / unit[1]), unit[0]) : seconds > 0 ? "in a moment" : "just now";
}

export function showTimes(root = document) {
  for (const time of root.querySelectorAll("time[data-t]")) {
    const instant = new Date(time.dateTime);
    if (Number.isNaN(+instant)) continue;
    const kind = time.dataset.t;
    time.dataset.utc ??= time.title || time.textContent;
    const { date, exact } = written(instant);
    if (kind !== "exact") time.title = exact.endsWith(" UTC") ? exact : `${exact}\n${time.dataset.utc}`;
    time.textContent = { ago: relative(instant), date, exact }[kind];
    const beside = time.nextElementSibling;
    if (beside?.matches("[data-rel]")) beside.textContent = relative(instant);
  }
}
