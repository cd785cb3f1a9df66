/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The form of the page and its answers. Text from the tables is put into the document by el() only, as text
 * nodes; links lead into the repository or to another search. The address has the search after '#', so that
 * an answer can be linked to, and the way back is that of the browser.
 */
"use strict";

const DRIVERS_SHOWN = 6;
const DEVICES_SHOWN = 20;

/* An element with properties; children are elements or strings, null is left out. */
function el(tag, properties, ...children) {
	const element = document.createElement(tag);

	Object.assign(element, properties);
	element.append(...children.filter((child) => child !== null));
	return element;
}

/* Text that is not ours: in one element, so that its writing direction ends with it. */
const foreign = (text) => el("span", { className: "foreign" }, text);
const command = (text) => el("pre", {}, el("code", {}, text));
const searchLink = (query, text) => el("a", { href: `#q=${encodeURIComponent(query)}` }, foreign(text));

/* The URL of the repository, for commands. */
function repositoryUrl() {
	return new URL("..", location.href.replace(/[?#].*$/, "")).href.replace(/\/$/, "");
}

/* ---- a driver ---- */

function listOf(strings) {
	return el("ul", {}, ...strings.map((text) => el("li", {}, foreign(text))));
}

function description(rows) {
	return el("dl", {}, ...rows.filter(([, value]) => value).flatMap(([term, value]) =>
		[el("dt", {}, term), el("dd", {}, typeof value === "string" ? foreign(value) : value)]));
}

/* A path of the repository as a link that stays in it; a path that does not is text. */
function fileLink(path) {
	const href = `../${path.split("/").map(encodeURIComponent).join("/")}`;
	const inside = new URL(href, location.href).href.startsWith(`${repositoryUrl()}/`);

	return inside ? el("a", { href }, foreign(path)) : foreign(path);
}

function showPackage(tables, driver, entry, open) {
	const [kernels, name, version, arch, path, download, installed, requires, recommends, firmware] = entry;
	const releases = kernels.map((kernel) => tables.list.kernels[kernel]).join(", ");
	const word = shellWord(name);

	return el("details", { open },
		el("summary", {}, `Kernel ${releases}: ${formatSize(download)}`),
		description([
			["Package", name], ["Version", version], ["Architecture", arch], ["Kernels", releases],
			["Size", `${formatSize(download)} to download, ${formatSize(installed)} installed`],
			["Requires", requires.length ? listOf(requires) : "no other driver"],
			["Recommends", recommends.length ? listOf(recommends) : null],
			["Firmware", firmware.length ? listOf(firmware) : null],
			["File", fileLink(path)],
		]),
		el("p", {}, "Install it with one of"),
		command(`modfetch install ${shellWord(driver)}\nzypper install ${word}\ndnf install ${word}`));
}

/* A driver with the packages for the kernels in which it was found. */
async function showDriver(tables, driver, found, level) {
	const record = (await tables.record("drivers", driver)) || { p: [] };
	const counts = (kernels) => !found.kernels || kernels.some((kernel) => found.kernels.has(kernel));
	const packages = record.p.filter((entry) => counts(entry[0])).sort((a, b) => Math.min(...a[0]) - Math.min(...b[0]));
	const builtin = (record.b || []).map((kernel) => tables.list.kernels[kernel]);

	return el("section", { className: "driver" },
		el(level, {}, foreign(driver)),
		record.s ? el("p", {}, foreign(record.s)) : null,
		found.sure ? null : el("p", { className: "note" }, "Perhaps: it depends on ids of the device that this line does not show. A modalias shows all."),
		builtin.length ? el("p", {}, `Built into kernel ${builtin.join(", ")}: nothing to install there.`) : null,
		...packages.map((entry, i) => showPackage(tables, driver, entry, i === 0)));
}

/* Shows the first of many, and a button for the rest. MAKE(item) promises an element. */
async function showSome(parent, items, n, noun, make) {
	parent.append(...(await Promise.all(items.slice(0, n).map(make))));
	const rest = items.slice(n);

	if (!rest.length)
		return;
	const button = el("button", { type: "button" }, `Show ${plural(rest.length, `more ${noun}`)}`);
	button.addEventListener("click", () => act(async () => {
		const last = parent.lastElementChild;
		await showSome(parent, rest, n, noun, make);
		button.remove();
		/* the reader goes on where the list was continued */
		const next = last === button ? null : last.nextElementSibling;
		(next && next.querySelector("a, summary") || parent.querySelector("a, summary")).focus();
	}));
	parent.append(button);
}

/* ---- answers ---- */

const card = (...children) => el("section", { className: "card" }, ...children);

async function showDrivers(tables, parent, found) {
	const names = [...found.keys()].sort((a, b) => found.get(b).sure - found.get(a).sure || (a < b ? -1 : 1));

	await showSome(parent, names, DRIVERS_SHOWN, "driver", (name) => showDriver(tables, name, found.get(name), "h3"));
}

/* One device or alias. What was found, in a sentence; "": nothing. */
async function answerDevice(tables, query, results) {
	const [found, names] = await Promise.all([lookup(tables, query), deviceName(tables, query)]);
	const name = [names.vendor, names.device].filter((part) => part).join(" ");
	const section = card(el("h2", {}, foreign(name || query.label)), name ? el("p", { className: "quiet" }, foreign(query.label)) : null);

	results.append(section);
	await showDrivers(tables, section, found);
	if (!found.size)
		section.append(el("p", {}, query.subject === null ? "A bracket in it has no pair, so kmod finds nothing for it." :
			"No driver in this repository is for it. The kernel may have the driver built in, or its class may name the driver, which ids do not show: paste the modalias of the device, from its directory in /sys."));
	return found.size ? `${plural(found.size, "driver")} for ${name || query.label}.` : "";
}

async function answerSearch(tables, text, results) {
	const found = await search(tables, text);

	if (found.drivers.length) {
		const list = el("ul", {});
		results.append(card(el("h2", {}, plural(found.drivers.length, "driver")), list));
		await showSome(list, found.drivers, 3 * DEVICES_SHOWN, "driver", async (name) => el("li", {}, searchLink(name, name)));
	}
	if (found.targets.length) {
		const list = el("ul", {});
		results.append(card(el("h2", {}, "Devices"), list));
		await showDevices(tables, list, found.targets);
	}
	return found.drivers.length + found.targets.length ?
		`Drivers: ${found.drivers.length}. Devices and vendors of devices: ${found.targets.length}.` : "";
}

/* Fetches vendor by vendor, until there is a screenful. */
async function showDevices(tables, list, targets) {
	const devices = [];
	let next = 0;

	while (next < targets.length && devices.length < DEVICES_SHOWN)
		devices.push(...(await devicesOf(tables, targets[next++])));
	const item = async (device) => el("li", {}, searchLink(device.query, device.name || device.query), " ",
		el("span", { className: "quiet" }, `${device.query}: `, foreign(device.drivers.join(", "))));
	await showSome(list, devices, DEVICES_SHOWN, "device", item);
	if (next === targets.length)
		return;
	const button = el("button", { type: "button" }, "Show devices of other vendors");
	button.addEventListener("click", () => act(async () => {
		const first = list.children.length;
		button.remove();
		await showDevices(tables, list, targets.slice(next));
		list.children[first - 1]?.querySelector("a")?.focus();
	}));
	list.append(button);
}

/* A module, an alias without a bus, or words. */
async function answerWords(tables, query, results) {
	const found = await lookupName(tables, query.label);

	if (!found.size)
		return answerSearch(tables, query.label, results);
	const isAlias = !found.has(moduleName(query.label));
	const section = card(el("h2", {}, foreign(isAlias ? query.label : "Driver")));
	results.append(section);
	await showDrivers(tables, section, found);
	/* "realtek" is a module, and a word of many names */
	const others = isAlias ? "" : await answerSearch(tables, query.label, results);
	return `${plural(found.size, "driver")} for ${query.label}. ${others}`;
}

/* Puts the answers to a text into RESULTS. Their summary in a sentence. */
async function answer(tables, text, results) {
	const queries = parseText(text);
	const summaries = [];

	for (const query of queries)
		summaries.push(await (query.kind === "words" ? answerWords : answerDevice)(tables, query, results));
	const answered = summaries.filter((summary) => summary).length;
	if (queries.length > 1)
		return `${plural(queries.length, "device")}: ${answered} with a driver in this repository, ${queries.length - answered} without.`;
	return !queries.length || answered ? summaries.join("") : `Nothing in this repository is for ${queries[0].label}.`;
}

/* ---- the page ---- */

function setStatus(text, isProblem) {
	const status = document.getElementById("status");

	status.className = isProblem ? "problem" : "";
	status.textContent = text;
}

/* Runs an action of the reader; a failure is said. */
async function act(action) {
	const results = document.getElementById("results");

	results.setAttribute("aria-busy", "true");
	try {
		await action();
	} catch (error) {
		setStatus(`${error.message}`, true);
	}
	results.setAttribute("aria-busy", "false");
}

async function fetchPiece(name) {
	let response;

	try {
		response = await fetch(name);
	} catch {
		throw new Error(location.protocol === "file:" ? "A browser does not read the data of a page from a file: open the page from a web server." :
			"The data of the search could not be fetched: is the network there? Try again.");
	}
	if (!response.ok)
		throw new Error(`The server has no ${name} (${response.status}): the repository has changed, or the mirror is not complete. Load the page again.`);
	return response.json();
}

function showAdd(list) {
	const url = shellWord(repositoryUrl());
	const section = document.getElementById("add");

	if (list.fingerprint)
		section.append(command(`modfetch repo add ${url} \\\n    --key-fingerprint ${list.fingerprint}`),
			el("p", {}, "The certificate is ", el("a", { href: "../modfetch.pem" }, "modfetch.pem"),
				". This page comes from the same server as the drivers: compare the fingerprint with one that the publisher gives elsewhere."));
	else
		section.append(el("p", {}, "The repository has no signature that modfetch checks: a machine takes drivers from it only as a directory of its own."));
	if (list.section)
		section.append(el("p", {}, "By hand: ", el("a", { href: "../modfetch.repo" }, "modfetch.repo"), " is a section for /etc/modfetch/repos.d."));
	if (list.openpgp)
		section.append(el("p", {}, "For zypper and dnf:"), command(`zypper addrepo ${url} drivers\ndnf config-manager --add-repo ${url}`));
	else
		section.append(el("p", {}, "zypper and dnf can use it too, but check OpenPGP signatures, which it does not have."));
}

function start() {
	const list = fetchPiece(document.querySelector("meta[name=modfetch-list]").content).then((value) => new Tables(value, fetchPiece));
	const box = document.getElementById("query");
	let turn = 0;

	/* an answer that a later search has overtaken is not shown */
	const run = (text) => act(async () => {
		const mine = ++turn, fresh = el("div", {});

		setStatus(text.trim() ? "Searching…" : "", false);
		const summary = await answer(await list, text, fresh);
		if (mine !== turn)
			return;
		document.getElementById("results").replaceChildren(...fresh.childNodes);
		setStatus(summary, false);
	});
	const fromAddress = () => {
		const match = /^#q=(.*)$/.exec(location.hash);
		let text = "";

		try {
			text = match ? decodeURIComponent(match[1]) : "";
		} catch {
			setStatus("The address has no text that can be searched for.", true);
		}
		box.value = text;
		return run(text);
	};

	document.getElementById("search").addEventListener("submit", (event) => {
		const hash = `#q=${encodeURIComponent(box.value)}`;

		event.preventDefault();
		if (location.hash === hash)
			run(box.value);
		else
			location.hash = hash;
	});
	box.addEventListener("keydown", (event) => {
		if (event.key !== "Enter" || event.shiftKey || event.isComposing)
			return;
		event.preventDefault();
		document.getElementById("search").requestSubmit();
	});
	addEventListener("hashchange", fromAddress);
	list.then((tables) => {
		document.getElementById("scope").textContent =
			`${plural(tables.list.packages, "package")} for kernel ${tables.list.kernels.join(", ")}`;
		showAdd(tables.list);
	}, () => { /* the first search says it */ });
	fromAddress();
}

start();
