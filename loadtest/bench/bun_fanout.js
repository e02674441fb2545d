// SPDX-License-Identifier: MIT
// Bun.serve handing on publications with its own publish(), in messages like wsd's. For loadtest/bench/fanout.
// usage: bun bun_fanout.js PORT

const server = Bun.serve({
	port: Number(process.argv[2]),
	hostname: "127.0.0.1",
	fetch(request, server) {
		return server.upgrade(request, { data: {} }) ? undefined : new Response("not found\n", { status: 404 });
	},
	websocket: {
		idleTimeout: 300,
		backpressureLimit: 1048576,
		perMessageDeflate: false,
		message(ws, raw) {
			const { type, channel, data } = JSON.parse(raw);
			if (type === "subscribe") {
				ws.subscribe(channel);
				ws.send(JSON.stringify({ type: "subscribed", channel }));
				return;
			}
			const publication = { type: "publication", channel, data, offset: 12345, epoch: "abcdefgh", from: "c1000" };
			server.publish(channel, JSON.stringify(publication));
		},
	},
});
