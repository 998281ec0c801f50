// One question over HTTP.

/** Asks, and returns the answer with its status and headers. */
export async function send(server, { method = "POST", path = "/graphql", headers = {}, body } = {}) {
  const json = body !== undefined && typeof body !== "string";
  const response = await fetch(`${server.http}${path}`, {
    method,
    headers: { ...(json ? { "content-type": "application/json" } : {}), ...headers },
    body: json ? JSON.stringify(body) : body,
  });
  const text = await response.text();
  let answer;
  try { answer = JSON.parse(text); } catch { answer = text; }
  return { status: response.status, headers: response.headers, answer };
}

/** Asks a document with its variables. */
export async function ask(server, query, variables, headers = {}) {
  return (await send(server, { body: { query, variables }, headers })).answer;
}

/** Records a change and returns where. */
export async function recordChange(server, input) {
  const full = { title: `change ${input.sourceId}`, targets: ["service:shop"], ...input };
  const mutation = "mutation($input: RecordChangeInput!) { recordChange(input: $input) { position duplicate node { id } } }";
  const { data, errors } = await ask(server, mutation, { input: full });
  if (errors) throw new Error(JSON.stringify(errors));
  return data.recordChange;
}
