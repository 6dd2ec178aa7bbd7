/** Dates as people say them. Times are seconds since 1970. */

import { locale, t } from "./strings.js";

const formats = new Map();

function format(options) {
  const key = locale() + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale(), options));
  return formats.get(key);
}

export function clock(seconds) {
  return format({ hour: "numeric", minute: "2-digit" }).format(seconds * 1000);
}

export function fullDate(seconds) {
  return format({ dateStyle: "long", timeStyle: "short" }).format(seconds * 1000);
}

/** "11월 21일 금요일", with the year when it is another one. */
export function day(seconds, now = Date.now()) {
  const year = new Date(seconds * 1000).getFullYear() === new Date(now).getFullYear() ? undefined : "numeric";
  return format({ year, month: "long", day: "numeric", weekday: "long" }).format(seconds * 1000);
}

/** "12월 3일 목요일" of a day that is written as 2026-12-03. */
export function calendarDay(written) {
  const [year, month, date] = written.split("-").map(Number);
  return day(new Date(year, month - 1, date, 12).getTime() / 1000);
}

/** How long something lasts, by its two largest units: "2시간 5분", "59초". */
export function duration(seconds) {
  const units = [["days", 86_400], ["hours", 3600], ["minutes", 60], ["seconds", 1]];
  const first = units.findIndex(([, length]) => seconds >= length);
  if (first === -1) return t("seconds", 0);
  const [[unit, length], next] = units.slice(first);
  const rest = next ? Math.floor((seconds % length) / next[1]) : 0;
  const shown = [t(unit, Math.floor(seconds / length))];
  if (rest > 0) shown.push(t(next[0], rest));
  return shown.join(" ");
}

/** The calendar day, as a key. */
export function dayKey(seconds) {
  const date = new Date(seconds * 1000);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/** Which part of the list a chat belongs to: "today", "yesterday", "thisWeek" or "earlier". */
export function section(seconds, now = Date.now()) {
  const midnight = new Date(now);
  midnight.setHours(0, 0, 0, 0);
  const days = (midnight.getTime() - seconds * 1000) / 86_400_000;
  if (days <= 0) return "today";
  if (days <= 1) return "yesterday";
  return days <= 6 ? "thisWeek" : "earlier";
}

/** Short: the time for today, the day for what is older. */
export function brief(seconds) {
  return section(seconds) === "today"
    ? clock(seconds)
    : format({ month: "numeric", day: "numeric" }).format(seconds * 1000);
}
