"""An administrator of the server, who may do everything, with another client than the program's."""

import asyncio
import json

import nats
import nats.js.errors

from process import expect

USER, PASSWORD = "admin", "admin-of-the-test"


def add_admin(team):
    """Gives the server a user without limits. It takes effect with the server's next start."""
    conf = team.dir / "server.conf"
    text = conf.read_text()
    changed = text.replace("    users: [\n", f'    users: [\n        {{ user: "{USER}", password: "{PASSWORD}" }}\n')
    expect(changed != text, "server.conf has no list of users")
    conf.write_text(changed)


class Admin:
    """Each call connects, and so has no part in a restart of the server."""

    def __init__(self, team):
        self.url = f"nats://{USER}:{PASSWORD}@127.0.0.1:{team.port}"

    def _with(self, work):
        async def connected():
            client = await nats.connect(self.url, max_reconnect_attempts=3)
            try:
                return await work(client)
            finally:
                await client.close()

        return asyncio.run(connected())

    def streams(self):
        """The names of the streams."""
        async def work(client):
            return [info.config.name for info in await client.jetstream().streams_info()]

        return self._with(work)

    def stream(self, prefix):
        """The name of the one stream that begins so."""
        found = [name for name in self.streams() if name.startswith(prefix)]
        expect(len(found) == 1, f"there is not one stream {prefix}: {found}")
        return found[0]

    def delete(self, stream):
        async def work(client):
            await client.jetstream().delete_stream(stream)

        self._with(work)

    def delete_message(self, stream, number):
        """Removes a message (STREAM.MSG.DELETE)."""
        async def work(client):
            body = json.dumps({"seq": number, "no_erase": True}).encode()
            answer = json.loads((await client.request(f"$JS.API.STREAM.MSG.DELETE.{stream}", body, timeout=10)).data)
            expect(answer.get("success"), f"the message was not removed: {answer}")

        self._with(work)

    def publish(self, subject, body, headers=None):
        """Publishes a message to a stream and returns its number."""
        async def work(client):
            return (await client.jetstream().publish(subject, body, headers=headers, timeout=20)).seq

        return self._with(work)

    def last(self, stream, subject):
        """The last message of a subject: its number, headers and body."""
        async def work(client):
            found = await client.jetstream().get_last_msg(stream, subject)
            return found.seq, found.headers or {}, found.data

        return self._with(work)
