// What a person's browser does at an identity vendor: opens the page, sends its form, is sent back.
// Reads the page as it stands; must know no vendor's addresses.

/** Allows as this person and answers the address the browser is sent back to. */
export function allow(page, person) {
  return decide(page, { person, decision: "allow" });
}

export function deny(page) {
  return decide(page, { person: "", decision: "deny" });
}

async function decide(page, fields) {
  const shown = await fetch(page, { redirect: "manual" });
  if (shown.status !== 200) throw new Error(`${page} answered ${shown.status}`);
  const html = await shown.text();
  const form = new URLSearchParams();
  for (const [field] of html.matchAll(/<input type="hidden"[^>]*>/g)) {
    form.append(attribute(field, "name"), attribute(field, "value"));
  }
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const action = new URL(attribute(html.match(/<form[^>]*>/)[0], "action"), page);
  const answer = await fetch(action, { method: "POST", body: form, redirect: "manual" });
  if (answer.status !== 302) throw new Error(`${action} answered ${answer.status}: ${await answer.text()}`);
  return new URL(answer.headers.get("location"));
}

function attribute(tag, name) {
  const plain = { "&quot;": '"', "&#39;": "'", "&lt;": "<", "&gt;": ">", "&amp;": "&" };
  const [, text] = tag.match(new RegExp(`${name}="([^"]*)"`));
  return text.replace(/&(quot|#39|lt|gt|amp);/g, (entity) => plain[entity]);
}
