"""The API test page of a service: log in, choose an API, fill it in, send it, read the answer. Nothing comes from elsewhere."""

from __future__ import annotations

import html
import json

from api.schema_page import STYLE

_SCRIPT = """
const at = id => document.getElementById(id);
const headers = () => ({'Content-Type': 'application/json', 'mbx-business-codename': at('codename').value,
  ...(token && {Authorization: `Bearer ${token}`})});
let token = '', apis = [];
const show = (line, value) => { at('line').textContent = line; at('answer').textContent = value; };
async function call(method, path, body) {
  const answer = await fetch(path, {method, headers: headers(), body: method === 'GET' ? undefined : body || undefined});
  const text = await answer.text();
  let shown = text;
  try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* no JSON: as it is */ }
  show(`${answer.status} ${answer.statusText}`, shown);
  return [answer, text];
}
at('login').onsubmit = async event => {
  event.preventDefault();
  const who = {username: at('email').value, password: at('password').value};
  const [answer, text] = await call('POST', '/auth-api/login', JSON.stringify(who));
  if (answer.ok) { token = JSON.parse(text).accessToken; at('who').textContent = `logged in as ${JSON.parse(text).email}`; }
};
at('api').onchange = () => {
  const {method, path, operation} = apis[at('api').value];
  at('method').textContent = method;
  at('path').value = path;
  const content = operation.requestBody && operation.requestBody.content['application/json'];
  at('body').value = content && content.example ? JSON.stringify(content.example, null, 2) : '';
};
at('try').onsubmit = async event => {
  event.preventDefault();
  await call(at('method').textContent, at('path').value, at('body').value);
};
fetch(DOCUMENT).then(answer => answer.json()).then(document_ => {
  for (const [path, methods] of Object.entries(document_.paths))
    for (const [method, operation] of Object.entries(methods)) {
      const option = document.createElement('option');
      option.value = apis.push({method: method.toUpperCase(), path, operation}) - 1;
      option.textContent = `${method.toUpperCase()} ${path}: ${operation.summary}`;
      at('api').append(option);
    }
  at('api').onchange();
});
"""


def try_page(title: str, prefix: str) -> bytes:
    """The page of the service at this prefix."""
    name, script = html.escape(title), _SCRIPT.replace("DOCUMENT", json.dumps(f"{prefix}/swagger.json"))
    return f"""<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">
<title>{name}: try the API</title><style>{STYLE}input,select,textarea{{font:inherit;width:100%;box-sizing:border-box}}
form{{margin:1rem 0}}</style>
<h1>{name}</h1>
<p><a href="{prefix}/swagger">Every API</a>, <a href="{prefix}/swagger.json">OpenAPI</a>,
<a href="{prefix}/getPostmanCollection">Postman collection</a></p>
<p><label>Business <input id=codename value=babil></label></p>
<form id=login><label>E-mail <input id=email type=email autocomplete=username required></label>
<label>Password <input id=password type=password autocomplete=current-password required></label>
<p><button>Log in</button> <span id=who></span></p></form>
<form id=try><label>API <select id=api></select></label>
<label><code id=method></code> <input id=path required></label>
<label>Body <textarea id=body rows=10></textarea></label><p><button>Send</button></p></form>
<p id=line></p><pre id=answer></pre><script>{script}</script></html>""".encode()
