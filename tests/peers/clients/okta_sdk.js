// Reads consents and authorization servers with Okta's SDK for Node, as its users do.
// Arguments: org, token, page size, a time in milliseconds to begin at; NODE_PATH leads to the SDK.
'use strict';

const { Client } = require('@okta/okta-sdk-nodejs');

async function main(orgUrl, token, limit, since) {
  const client = new Client({ orgUrl, token });
  const uuids = [];
  const events = await client.systemLogApi.listLogEvents({
    filter: 'eventType eq "app.oauth2.as.consent.grant"',
    since: new Date(Number(since)),
    limit: Number(limit),
  });
  await events.each((event) => { uuids.push(event.uuid); });
  const servers = [];
  const listed = await client.authorizationServerApi.listAuthorizationServers();
  await listed.each((server) => { servers.push(server.name); });
  console.log(JSON.stringify({ uuids, servers }));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
