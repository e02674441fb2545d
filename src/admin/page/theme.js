/* SPDX-License-Identifier: MIT */
/* Light, dark, or as the system is. Not a module: it runs before anything is painted, so that nothing flashes. */
"use strict";

(() => {
	const THEMES = ["auto", "light", "dark"];
	const KEY = "wsd-theme";
	let theme = "auto";

	function apply() {
		if (theme === "auto")
			delete document.documentElement.dataset.theme;
		else
			document.documentElement.dataset.theme = theme;
	}

	function show(button) {
		button.textContent = "Theme: " + theme;
	}

	/* Storage may be forbidden, and then says so by throwing. */
	try {
		const kept = localStorage.getItem(KEY);

		if (THEMES.includes(kept))
			theme = kept;
	} catch (error) {
		theme = "auto";
	}
	apply();
	document.addEventListener("DOMContentLoaded", () => {
		const button = document.getElementById("theme");

		show(button);
		button.addEventListener("click", () => {
			theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
			apply();
			show(button);
			try {
				localStorage.setItem(KEY, theme);
			} catch (error) {
				/* it holds for this page at least */
			}
		});
	});
})();
