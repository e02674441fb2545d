/* The test page: one WebSocket, what went over it, and why it ended. */
"use strict";

const LOG_LINES_MAX = 500;

const CLOSE_TEXTS = {
	1000: "asked for",
	1001: "the server shuts down",
	1003: "unsupported data",
	1005: "no code given",
	1006: "the connection was lost or refused",
	1007: "invalid text",
	1008: "policy",
	1009: "message too large",
	1011: "server error",
	1012: "the server restarts",
	1013: "too slow, or the server is overloaded",
	4001: "replaced by another connection",
};

const at = (id) => document.getElementById(id);

let socket = null;
let session = null; /* { id, token } of the last connection: reconnecting with the same id resumes it */
let sent = 0;
let received = 0;
const sentAt = new Map(); /* message id -> when it was sent */

function log(kind, text) {
	const list = at("log");
	const line = document.createElement("li");
	const time = document.createElement("time");
	const now = new Date();
	const stick = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;

	time.dateTime = now.toISOString();
	time.textContent = now.toISOString().slice(11, 23);
	line.className = kind;
	line.append(time, text);
	list.append(line);
	while (list.childElementCount > LOG_LINES_MAX)
		list.firstElementChild.remove();
	if (stick)
		list.scrollTop = list.scrollHeight;
}

function showState(className, text) {
	at("state").className = className;
	at("state").textContent = text;
}

function enable(open) {
	at("connect").disabled = socket !== null;
	at("url").disabled = socket !== null;
	at("disconnect").disabled = socket === null;
	for (const id of ["data", "send", "ping"])
		at(id).disabled = !open;
}

function send(message) {
	const text = JSON.stringify(message);

	socket.send(text);
	at("sent").textContent = String(++sent);
	log("out", "\u2192 " + text);
}

function onMessage(event) {
	let message;

	at("received").textContent = String(++received);
	log("in", "\u2190 " + event.data);
	try {
		message = JSON.parse(event.data);
	} catch (error) {
		log("bad", "that was not JSON: " + error.message);
		return;
	}
	if (typeof message.count === "number")
		at("count").textContent = String(message.count);
	switch (message.type) {
	case "connection_established":
		session = { id: message.connectionId, token: message.session };
		at("instance").textContent = message.instance || "";
		log("note", message.resumed ? "session resumed" : "new session");
		break;
	case "message_response":
	case "error":
		if (sentAt.has(message.id)) {
			at("latency").textContent = (performance.now() - sentAt.get(message.id)).toFixed(1) + " ms";
			sentAt.delete(message.id);
		}
		break;
	case "goodbye":
		log("note", "goodbye: " + message.reason +
		    (message.reconnect ? ", reconnect in " + (message.retryAfter || 0) + " ms" : ""));
		break;
	default:
		break;
	}
}

function onClose(event) {
	const meaning = event.reason || CLOSE_TEXTS[event.code] || "";
	const text = "closed: " + event.code + (meaning ? " (" + meaning + ")" : "");

	log(event.code === 1000 ? "note" : "bad", text);
	showState(event.code === 1000 ? "" : "failed", text);
	socket = null;
	sentAt.clear();
	enable(false);
}

/* Adds the session's token if it belongs to this connectionId, so that reconnecting resumes. */
function withSession(address) {
	const url = new URL(address, location.href);

	if (url.protocol === "http:" || url.protocol === "https:")
		url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
	if (session && session.token && url.pathname.endsWith("/" + session.id) && !url.searchParams.has("session"))
		url.searchParams.set("session", session.token);
	return url;
}

function connect(event) {
	event.preventDefault();
	try {
		socket = new WebSocket(withSession(at("url").value));
	} catch (error) {
		log("bad", error.message);
		socket = null;
		return;
	}
	showState("", "connecting");
	log("note", "connecting to " + at("url").value);
	socket.onopen = () => {
		showState("open", "connected");
		enable(true);
		at("data").focus();
	};
	socket.onmessage = onMessage;
	socket.onclose = onClose;
	enable(false);
}

function disconnect() {
	if (socket.readyState === WebSocket.OPEN)
		send({ type: "disconnect" });
	else
		socket.close();
}

function sendData(event) {
	const text = at("data").value;
	const id = String(sent + 1);
	let data = text;

	event.preventDefault();
	try {
		data = JSON.parse(text);
	} catch (error) {
		data = text;
	}
	sentAt.set(id, performance.now());
	send({ type: "message", id, data });
	at("data").value = "";
}

function start() {
	const scheme = location.protocol === "https:" ? "wss:" : "ws:";
	const random = crypto.getRandomValues(new Uint32Array(1))[0].toString(36);

	at("url").value = scheme + "//" + location.host + "/ws/chat/browser-" + random;
	at("connect-form").addEventListener("submit", connect);
	at("send-form").addEventListener("submit", sendData);
	at("disconnect").addEventListener("click", disconnect);
	at("ping").addEventListener("click", () => send({ type: "ping" }));
	at("clear").addEventListener("click", () => at("log").replaceChildren());
	enable(false);
	fetch("/health").then((answer) => answer.json()).then((health) => {
		at("instance").textContent = health.instance + (health.version ? " " + health.version : "");
	}).catch((error) => log("bad", "health: " + error.message));
}

start();
