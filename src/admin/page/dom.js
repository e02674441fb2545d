/* SPDX-License-Identifier: MIT */
/* Small helpers: elements, and figures for people. What comes from the server gets into the page as text only. */

const SVG = "http://www.w3.org/2000/svg";

export const at = (id) => document.getElementById(id);

/* A new element with a class and children, which are elements or text. */
export function make(tag, className, ...children) {
	const node = document.createElement(tag);

	if (className)
		node.className = className;
	node.append(...children);
	return node;
}

export function makeSvg(tag, attributes) {
	const node = document.createElementNS(SVG, tag);

	for (const [name, value] of Object.entries(attributes))
		node.setAttribute(name, value);
	return node;
}

/* Touches the page only if something changes. */
export function setText(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}

export function setClass(node, className) {
	if (node.className !== className)
		node.className = className;
}

/* Which of the colours stands for an instance. */
export function tint(instance) {
	return instance === "blue" || instance === "green" ? instance : "other";
}

export function showBadge(node, instance) {
	setText(node, instance || "–");
	setClass(node, "badge " + (instance ? tint(instance) : "none"));
}

export function count(n) {
	return Math.round(n).toLocaleString("en");
}

export function rate(n) {
	return Number.isInteger(n) || n >= 10 ? count(n) : n.toFixed(1);
}

export function millis(ms) {
	if (ms === null)
		return "–";
	if (ms >= 1000)
		return (ms / 1000).toFixed(1) + " s";
	return (ms >= 100 ? ms.toFixed(0) : ms.toFixed(1)) + " ms";
}

export function duration(ms) {
	const s = Math.floor(ms / 1000);

	if (s < 60)
		return s + " s";
	if (s < 3600)
		return Math.floor(s / 60) + " min " + String(s % 60).padStart(2, "0") + " s";
	if (s < 86400)
		return Math.floor(s / 3600) + " h " + String(Math.floor(s / 60) % 60).padStart(2, "0") + " min";
	return Math.floor(s / 86400) + " d " + Math.floor(s / 3600) % 24 + " h";
}

export function bytes(n) {
	for (const unit of ["B", "kB", "MB"]) {
		if (n < 1000)
			return (unit === "B" || n >= 100 ? n.toFixed(0) : n.toFixed(1)) + " " + unit;
		n /= 1000;
	}
	return n.toFixed(1) + " GB";
}
