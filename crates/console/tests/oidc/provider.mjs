// An OpenID provider for the tests of the console's sign-in: npm's oidc-provider with a few accounts.
//
// Arguments: the folder with node_modules, the port, and the redirect URI of the console.
// Instead of its own pages it has plain endpoints:
//   GET  /interaction/:uid                a form for browsers
//   POST /interaction/:uid  login=alice   signs in and agrees
//   PUT  /accounts/:name    ["soc"]       changes the groups of an account
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, port, redirectUri] = process.argv.slice(2);
const module = join(folder, "node_modules/oidc-provider/lib/index.js");
const { default: Provider } = await import(pathToFileURL(module).href);

const groups = new Map([
  ["alice", ["soc", "staff"]],
  ["bob", ["staff"]],
]);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "orgwatch",
      client_secret: "a secret: with % and +",
      redirect_uris: [redirectUri],
      grant_types: ["authorization_code", "refresh_token"],
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
  scopes: ["openid", "email", "groups", "offline_access"],
  // As many providers do: what the scopes ask for is in the ID token, too.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: ["only for tests"] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, name) => ({
    accountId: name,
    claims: () => ({ sub: name, email: `${name}@example.com`, email_verified: true, groups: groups.get(name) }),
  }),
  issueRefreshToken: async () => true,
  rotateRefreshToken: true,
  loadExistingGrant: async (context) => {
    const { client, session, account, params } = context.oidc;
    const grant = new provider.Grant({ clientId: client.clientId, accountId: account?.accountId ?? session.accountId });
    grant.addOIDCScope(params.scope);
    await grant.save();
    return grant;
  },
  // A second is enough to see that the console goes on with the refresh token.
  ttl: { AccessToken: 2, IdToken: 60, RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 600 },
});

const form = `<!doctype html><html lang="en"><title>Provider</title><link rel="icon" href="data:,">
<form method="post"><label>Name <input name="login" autofocus></label> <button>Sign in</button></form>`;

const read = async (request) => {
  let text = "";
  for await (const part of request) text += part;
  return text;
};

const callback = provider.callback();
createServer(async (request, response) => {
  const [, kind, id] = request.url.split(/[/?]/);
  try {
    if (request.method === "PUT" && kind === "accounts") {
      groups.set(id, JSON.parse(await read(request)));
      response.writeHead(204).end();
    } else if (request.method === "POST" && kind === "interaction") {
      const accountId = new URLSearchParams(await read(request)).get("login");
      await provider.interactionFinished(request, response, { login: { accountId } });
    } else if (request.method === "GET" && kind === "interaction") {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(form);
    } else {
      callback(request, response);
    }
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
}).listen(Number(port), "127.0.0.1");
