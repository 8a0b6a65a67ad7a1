// Everything works without this script. It renews the live parts of a view, and tells local times.
"use strict";

const every = 5000; // milliseconds between two looks

// tellLocalTimes gives each time its local form as a title.
function tellLocalTimes(root) {
  for (const t of root.querySelectorAll("time[datetime]")) {
    const at = new Date(t.dateTime);
    if (!isNaN(at)) t.title = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
  }
}

// isInUse reports whether somebody works in a part: it must not change under the hands.
function isInUse(part) {
  const active = document.activeElement;
  return (active && active !== document.body && part.contains(active)) || part.querySelector("details[open], input:focus");
}

// renew loads the view again, and replaces the live parts that have changed.
async function renew() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store", redirect: "error" });
  if (!answer.ok) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = next.getElementById(part.id);
    if (!other || other.innerHTML === part.dataset.was || isInUse(part)) continue;
    if (part.dataset.was === undefined && plain(part) === plain(other)) continue;
    part.dataset.was = other.innerHTML;
    part.innerHTML = other.innerHTML;
    tellLocalTimes(part);
  }
}

// plain is the markup of a part without what this script has added. Tokens of forms are the same in every answer.
function plain(part) {
  const copy = part.cloneNode(true);
  for (const t of copy.querySelectorAll("time[title]")) t.removeAttribute("title");
  return copy.innerHTML;
}

tellLocalTimes(document);
if (document.querySelector("main [data-live]")) {
  setInterval(() => renew().catch(() => {}), every);
  document.addEventListener("visibilitychange", () => renew().catch(() => {}));
}
