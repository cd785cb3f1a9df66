/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The search of a repository's page: from what a person typed or pasted to drivers and their packages.
 *
 * The tables (src/page/*.c) are in pieces, which are fetched when they are needed. Ids and modaliases match
 * the patterns as kmod and "modfetch lookup" match them. All texts of the tables are foreign: they become
 * text nodes, never markup. The first half has no document: tests run it with node.
 */
"use strict";

/* ---- patterns ---- */

/* As the indexes of kmod spell an alias: '-' is '_', but for brackets. null: a bracket without its pair. */
function normalize(alias) {
	let open = false;
	let out = "";

	for (const c of alias) {
		if (c === "]" && !open)
			return null;
		if (c === "[" || c === "]")
			open = c === "[";
		out += c === "-" && !open ? "_" : c;
	}
	return open ? null : out;
}

/* The class of characters that begins at pattern[at], a '['; null: it does not end. */
function parseClass(pattern, at) {
	const ranges = [];
	let i = at + 1;
	const negated = pattern[i] === "!" || pattern[i] === "^";

	i += negated ? 1 : 0;
	for (let first = true; first || pattern[i] !== "]"; first = false) {
		i += pattern[i] === "\\" ? 1 : 0;
		if (i >= pattern.length)
			return null;
		const low = pattern[i++];
		let high = low;
		if (pattern[i] === "-" && i + 1 < pattern.length && pattern[i + 1] !== "]") {
			i += pattern[i + 1] === "\\" ? 2 : 1;
			if (i >= pattern.length)
				return null;
			high = pattern[i++];
		}
		ranges.push([low, high]);
	}
	return { next: i + 1, has: (c) => negated !== ranges.some(([low, high]) => c >= low && c <= high) };
}

/* A pattern as a list of tests; "*" stands for itself. */
function parsePattern(pattern) {
	const tests = [];

	for (let i = 0; i < pattern.length; ) {
		const c = pattern[i];
		const set = c === "[" ? parseClass(pattern, i) : null;

		if (set) {
			tests.push(set.has);
			i = set.next;
			continue;
		}
		if (c === "*") {
			tests.push("*");
		} else if (c === "?") {
			tests.push(() => true);
		} else {
			const literal = c === "\\" && i + 1 < pattern.length ? pattern[++i] : c;
			tests.push((other) => other === literal);
		}
		i++;
	}
	return tests;
}

const isHeld = (test, c) => test(c);

/*
 * fnmatch(3) without flags. HOLDS(test, character) decides about one character; by default the test itself,
 * as for a subject of which everything is known.
 */
function matches(pattern, subject, holds = isHeld) {
	const plain = /^[^*?[\\]*/.exec(pattern)[0];
	let t = 0, s = 0, star = -1, from = 0;

	/* most patterns of a vendor are for another device */
	if (holds === isHeld && !subject.startsWith(plain))
		return false;
	const tests = parsePattern(pattern);

	while (s < subject.length) {
		if (tests[t] === "*") {
			star = t++;
			from = s;
		} else if (t < tests.length && holds(tests[t], subject[s])) {
			t++;
			s++;
		} else if (star >= 0) {
			t = star + 1;
			s = ++from;
		} else {
			return false;
		}
	}
	while (tests[t] === "*")
		t++;
	return t === tests.length;
}

/* Of a line of lspci some hexadecimal digits are unknown: UNKNOWN in the subject. */
const UNKNOWN = "\u0000";
const HEX = [..."0123456789ABCDEF"];
const mayHold = (test, c) => (c === UNKNOWN ? HEX.some(test) : test(c));
const surelyHolds = (test, c) => (c === UNKNOWN ? HEX.every(test) : test(c));

/* ---- what a person typed ---- */

const LSPCI = /^(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\s+(?:[^[].*?\[([0-9a-f]{4})\]:.*\[([0-9a-f]{4}):([0-9a-f]{4})\]|([0-9a-f]{4}): ([0-9a-f]{4}):([0-9a-f]{4}))(.*)$/i;
const LSUSB = /^Bus \d+ Device \d+: ID ([0-9a-f]{4}):([0-9a-f]{4})\b/i;
const IDS = /^(?:(pci|usb):)?([0-9a-f]{4}):([0-9a-f]{4})$/i;
const LINES_MAX = 200;

/* A query of ids: each pattern that begins with KNOWN, and those that match the device of which no more is known. */
function ofIds(bus, vendor, device, label) {
	const [v, d] = [vendor.toUpperCase(), device.toUpperCase()];
	const known = bus === "usb" ? `usb:v${v}p${d}` : `pci:v0000${v}d0000${d}`;
	const rest = bus === "usb" ? "d0000dc00dsc00dp00ic00isc00ip00in00" : "sv00000000sd00000000bc00sc00i00";

	return { kind: "ids", label, record: `${bus}:${v}`, device: d, known, subject: known + rest };
}

function ofLspci(line, match) {
	const [base, vendor, device] = match[1] ? match.slice(1, 4) : match.slice(4, 7);
	const programming = /\(prog-if ([0-9a-f]{2})/i.exec(match[7]);
	const unknown = UNKNOWN.repeat(8);
	const query = ofIds("pci", vendor, device, line);
	const interfaceDigits = programming ? programming[1].toUpperCase() : UNKNOWN.repeat(2);
	const code = base.toUpperCase();

	return { ...query, kind: "lspci",
		subject: `${query.known}sv${unknown}sd${unknown}bc${code.slice(0, 2)}sc${code.slice(2)}i${interfaceDigits}` };
}

function parseLine(text) {
	const line = text.replace(/^MODALIAS=/, "");
	const pci = LSPCI.exec(line), usb = LSUSB.exec(line), ids = IDS.exec(line);

	if (pci)
		return ofLspci(line, pci);
	if (usb)
		return ofIds("usb", usb[1], usb[2], line);
	if (ids)
		return ofIds((ids[1] || "pci").toLowerCase(), ids[2], ids[3], line);
	if (line.includes(":"))
		return { kind: "alias", label: line, subject: normalize(line) };
	return { kind: "words", label: line };
}

/* The queries in a text. In the output of lspci or lsusb, all other lines are details of a device. */
function parseText(text) {
	const lines = text.split(/[\r\n]+/).map((line) => line.trim()).filter((line) => line);
	const listed = lines.filter((line) => LSPCI.test(line) || LSUSB.test(line));
	const seen = new Set();

	return (listed.length ? listed : lines).filter((line) => !seen.has(line) && seen.add(line)).slice(0, LINES_MAX).map(parseLine);
}

/* The module that a name means: of a file, of a package, or its own. */
function moduleName(text) {
	const file = text.replace(/^.*\//, "").replace(/\.ko(\.\w+)?$/, "").replace(/-kmp(-.*)?$/, "");

	return normalize(file);
}

/* ---- the tables ---- */

const SEPARATE_VENDORS = /^(?:pci:v0000([0-9A-F]{4})d|usb:v([0-9A-F]{4})p)/;

/* The bytes that all patterns of a record begin with, and that it leaves out. */
function recordPrefix(key) {
	if (key.startsWith("="))
		return key.slice(1);
	if (key.endsWith("*"))
		return "";
	return /^pci:./.test(key) ? `pci:v0000${key.slice(4)}` : /^usb:./.test(key) ? `usb:v${key.slice(4)}` : key;
}

class Tables {
	/* LIST is the object that the page names; FETCH(name) promises the object in a file. */
	constructor(list, fetch) {
		this.list = list;
		this.fetch = fetch;
		this.pieces = new Map();
		this.parsed = new Map();
	}

	piece(name) {
		if (!this.pieces.has(name)) {
			const promise = this.fetch(name);
			this.pieces.set(name, promise);
			promise.catch(() => this.pieces.delete(name));
		}
		return this.pieces.get(name);
	}

	/* The place of the piece that may have a key. -1: none. */
	place(table, key) {
		const pieces = this.list[table];
		let low = 0, high = pieces.length;

		while (low < high) {
			const middle = (low + high) >> 1;
			if (pieces[middle][0] <= key)
				low = middle + 1;
			else
				high = middle;
		}
		return low - 1;
	}

	/* A record, or undefined. */
	async record(table, key) {
		const place = this.place(table, key);

		if (place < 0)
			return undefined;
		const piece = await this.piece(this.list[table][place][1]);
		return Object.hasOwn(piece, key) ? piece[key] : undefined;
	}

	/* The records whose key begins with PREFIX, from at most two pieces. */
	async recordsBelow(table, prefix) {
		const found = [];

		for (let place = Math.max(this.place(table, prefix), 0), last = place + 1; place <= last; place++) {
			const entry = this.list[table][place];
			if (!entry || (entry[0] > prefix && !entry[0].startsWith(prefix)))
				break;
			for (const [key, value] of Object.entries(await this.piece(entry[1])))
				if (key.startsWith(prefix))
					found.push(value);
		}
		return found;
	}

	/* Calls VISIT(driver, pattern, kernels) for each pattern that may match SUBJECT. */
	async eachPattern(subject, visit) {
		const vendor = SEPARATE_VENDORS.exec(subject);
		const keys = ["=", `=${subject}`, ...this.list.wild.filter((key) => subject.startsWith(key.slice(0, -1)))];

		if (subject.includes(":"))
			keys.push(subject.slice(0, subject.indexOf(":") + 1));
		if (vendor)
			keys.push(`${subject.slice(0, 3)}:${vendor[1] || vendor[2]}`);
		for (const record of await Promise.all(keys.map(async (key) => [key, await this.record("devices", key)]))) {
			const prefix = recordPrefix(record[0]);
			for (const [driver, patterns, kernels] of record[1] ? record[1].a : [])
				for (const pattern of patterns)
					visit(driver, prefix + pattern, kernels);
		}
	}
}

/* ---- lookups ---- */

/* Drivers that were found: name → { kernels: Set, or null for all that have it; sure }. */
function addFound(found, driver, kernels, sure) {
	const entry = found.get(driver) || { kernels: new Set(), sure: false };

	if (!kernels)
		entry.kernels = null;
	else if (entry.kernels)
		kernels.forEach((kernel) => entry.kernels.add(kernel));
	entry.sure ||= sure;
	found.set(driver, entry);
}

/* The drivers of a device, or of an alias. */
async function lookup(tables, query) {
	const found = new Map();
	const isOfIds = query.kind === "ids", isPartial = query.kind === "lspci";

	if (query.subject === null)
		return found;
	await tables.eachPattern(query.subject, (driver, pattern, kernels) => {
		if (isPartial ? matches(pattern, query.subject, mayHold) :
			(isOfIds && pattern.startsWith(query.known)) || matches(pattern, query.subject))
			addFound(found, driver, kernels, !isPartial || matches(pattern, query.subject, surelyHolds));
	});
	return found;
}

/* The module of that name, else what an alias of that name leads to, as modprobe would. */
async function lookupName(tables, text) {
	const name = moduleName(text), alias = normalize(text), found = new Map();

	if (name && (await tables.record("drivers", name)))
		found.set(name, { kernels: null, sure: true });
	else if (alias)
		await tables.eachPattern(alias, (driver, pattern, kernels) => {
			if (matches(pattern, alias))
				addFound(found, driver, kernels, true);
		});
	return found;
}

/* Names of a vendor and a device; null where pci.ids and usb.ids have none. */
async function deviceName(tables, query) {
	const vendor = SEPARATE_VENDORS.exec(query.subject || "");
	const device = /^(?:pci:v.{8}d0000|usb:v.{4}p)([0-9A-F]{4})/.exec(query.subject || "");
	const record = vendor && (await tables.record("devices", `${query.subject.slice(0, 3)}:${vendor[1] || vendor[2]}`));
	const name = record && device && record.d && Object.hasOwn(record.d, device[1]) ? record.d[device[1]] : null;

	return { vendor: (record && record.n) || null, device: name };
}

const vendorOf = (target) => target.split(":").slice(0, 2).join(":");

/* The targets of a word: exactly this word, else words that begin with it. null: it is too common to select. */
async function targetsOf(tables, word) {
	const exact = await tables.record("words", word);
	const values = exact === undefined ? await tables.recordsBelow("words", word) : [exact];

	return values.length && values.every((value) => typeof value === "number") ? null :
		new Set(values.filter((value) => typeof value !== "number").flat());
}

/* Drivers and devices whose names have all words: { drivers: [name…], targets: [vendor or device…] }. */
async function search(tables, text) {
	const words = (text.toLowerCase().match(/[a-z0-9]{2,}/g) || []).map((word) => word.slice(0, 39));
	const sets = (await Promise.all(words.map((word) => targetsOf(tables, word)))).filter((set) => set);
	const all = new Set(sets.flatMap((set) => [...set]));
	const common = [...all].filter((target) => sets.every((set) => set.has(target) || (!target.startsWith("m:") && set.has(vendorOf(target)))));
	const chosen = new Set(common);

	return {
		drivers: common.filter((target) => target.startsWith("m:")).map((target) => target.slice(2)).sort(),
		/* a vendor stands for all of its devices */
		targets: common.filter((target) => !target.startsWith("m:") && (vendorOf(target) === target || !chosen.has(vendorOf(target)))).sort(),
	};
}

/* The devices of a vendor or the device itself, with their drivers: [{ query, name, drivers }]. */
async function devicesOf(tables, target) {
	const [bus, vendor, only] = target.split(":");
	const record = (await tables.record("devices", `${bus}:${vendor}`)) || { a: [] };
	const drivers = new Map();

	for (const [driver, patterns] of record.a)
		for (const pattern of patterns) {
			const device = /^(?:d0000|p)([0-9A-F]{4})/.exec(pattern);
			if (!device || (only && device[1] !== only))
				continue;
			if (!drivers.has(device[1]))
				drivers.set(device[1], new Set());
			drivers.get(device[1]).add(driver);
		}
	return [...drivers.keys()].sort().map((device) => ({
		query: `${bus === "usb" ? "usb:" : ""}${vendor}:${device}`.toLowerCase(),
		name: [record.n, record.d && record.d[device]].filter((part) => part).join(" "),
		drivers: [...drivers.get(device)],
	}));
}

/* ---- texts ---- */

function formatSize(bytes) {
	return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/* A word of a command: quoted unless it is plain. */
function shellWord(word) {
	return /^[A-Za-z0-9@%+=:,./_~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const plural = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

if (typeof module === "object")
	module.exports = { normalize, matches, parseText, moduleName, Tables, lookup, lookupName, deviceName, search, devicesOf, formatSize, shellWord };
